import { APICallError, LoadAPIKeyError, UnsupportedFunctionalityError } from '@ai-sdk/provider'
import { MockVideoModelV3, MockVideoModelV4 } from 'ai/test'
import { describe, expect, it } from 'vitest'
import {
  fallback,
  type OneShotGenerator,
  SoraPipeline,
  type TaskGenerator,
  type VideoRequest,
} from '../../../../src/index.js'
import {
  type VideoModelCall,
  type VideoModelGeneratorOptions,
  type VideoModelLike,
  type VideoModelVideo,
  videoModelGenerator,
} from '../../../../src/strategies/index.js'
import { fakeContext, fakeGenerator, fakeTaskGenerator, generatorConformance } from '../../../../src/testing/index.js'
import { loopbackServer, videoBytes } from '../../../upstream/loopback-server.js'

const VIDEO = videoBytes(3_000)
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const IMAGE = { bytes: PNG, mediaType: 'image/png' }
const response = { timestamp: new Date(0), modelId: 'mock-model-id', headers: undefined }

/** A model whose job ends with one video. */
function taskModel(video: VideoModelVideo, more: { readonly provider?: string; readonly warnings?: object[] } = {}) {
  const calls: VideoModelCall[] = []
  const model = new MockVideoModelV4({
    provider: more.provider ?? 'mock.video',
    doStart: async (options) => {
      calls.push(options as VideoModelCall)
      return { operation: { taskId: 'job_1' }, warnings: (more.warnings ?? []) as never, response }
    },
    doStatus: async () => ({ status: 'completed', videos: [video as never], warnings: [], response }),
  })
  return { model, calls }
}

const AT_CDN: VideoModelVideo = { type: 'url', url: 'https://cdn.example/a.mp4', mediaType: 'video/mp4' }

async function videoOf(video: VideoModelVideo, options: VideoModelGeneratorOptions = {}, context = fakeContext()) {
  const generator = videoModelGenerator(taskModel(video).model, options) as TaskGenerator
  const { operation } = await generator.start({ prompt: 'A cat' }, context)
  const status = await generator.poll(operation, context)
  if (status.state !== 'completed') throw new Error(`Could not get a video: ${status.state}`)
  return status.video
}

async function started(request: VideoRequest, options: VideoModelGeneratorOptions = {}, provider?: string) {
  const { model, calls } = taskModel(AT_CDN, { ...(provider !== undefined && { provider }) })
  const context = fakeContext()
  await (videoModelGenerator(model, options) as TaskGenerator).start(request, context)
  return { call: calls[0] as VideoModelCall, warnings: context.warnings }
}

describe('conformance of a model with doStart that gets the address to call back', () => {
  generatorConformance({
    test: it,
    create() {
      const { model, calls } = taskModel({ type: 'binary', data: VIDEO, mediaType: 'video/mp4' })
      const received = () => (calls.at(-1) as { readonly webhookUrl?: string } | undefined)?.webhookUrl
      return { generator: videoModelGenerator(model, { callback: true }), receivedCallbackUrl: received }
    },
  })

  it('needs the option: without it the model does not learn of the address', async () => {
    const { model, calls } = taskModel(AT_CDN)
    const generator = videoModelGenerator(model) as TaskGenerator
    await generator.start({ prompt: 'A cat' }, fakeContext({ callbackUrl: 'https://video.example/wake/t' }))
    expect(calls).toEqual([expect.not.objectContaining({ webhookUrl: expect.anything() })])
    expect(generator.submission).not.toHaveProperty('callback')
  })
})

describe('conformance of a model with doStart', () => {
  let count = 0
  generatorConformance({
    test: it,
    create: () => {
      const model: VideoModelLike = {
        specificationVersion: 'v4',
        provider: 'mock',
        modelId: 'm',
        doStart: async () => ({ operation: { requestId: `job_${++count}` }, warnings: [] }),
        doStatus: async () => ({
          status: 'completed',
          videos: [{ type: 'binary', data: VIDEO, mediaType: 'video/mp4' }],
          warnings: [],
        }),
      }
      return { generator: videoModelGenerator(model) }
    },
    createHanging: () => ({
      generator: videoModelGenerator({
        specificationVersion: 'v4',
        provider: 'mock',
        modelId: 'm',
        doStart: () => new Promise(() => undefined),
        doStatus: () => new Promise(() => undefined),
      }),
    }),
    createFailing: () => ({
      generator: videoModelGenerator({
        specificationVersion: 'v4',
        provider: 'mock',
        modelId: 'm',
        doStart: async () => {
          throw new APICallError({ message: 'no', url: 'https://a.example', requestBodyValues: {}, statusCode: 500 })
        },
        doStatus: async () => ({ status: 'pending' }),
      }),
    }),
  })
})

describe('conformance of a model with doGenerate alone', () => {
  generatorConformance({
    test: it,
    create: () => ({
      generator: videoModelGenerator(
        new MockVideoModelV3({
          doGenerate: async () => ({
            videos: [{ type: 'base64', data: VIDEO.toString('base64'), mediaType: 'video/mp4' }],
            warnings: [],
            response,
          }),
        }),
      ),
    }),
  })
})

describe('the call of a model', () => {
  it('has every key, also those without a value', async () => {
    const { call } = await started({ prompt: 'A cat' })
    expect(Object.keys(call).sort()).toEqual(
      [
        ...['abortSignal', 'aspectRatio', 'duration', 'fps', 'frameImages', 'generateAudio', 'headers', 'image'],
        ...['inputReferences', 'n', 'prompt', 'providerOptions', 'resolution', 'seed'],
      ].sort(),
    )
    expect(call).toMatchObject({ prompt: 'A cat', n: 1, providerOptions: {}, headers: { 'idempotency-key': 'key_1' } })
  })

  it('carries every field of a request that the interface has', async () => {
    const { call, warnings } = await started({
      prompt: 'A cat',
      durationSeconds: 8,
      size: '1280x720',
      aspectRatio: '16:9',
      seed: 0,
      audio: false,
      image: IMAGE,
      lastFrame: 'https://cdn.example/last.png',
      providerOptions: { mock: { loop: true } },
    })
    const image = { type: 'file', mediaType: 'image/png', data: new Uint8Array(PNG) }
    expect(call).toMatchObject({
      duration: 8,
      resolution: '1280x720',
      aspectRatio: '16:9',
      seed: 0,
      generateAudio: false,
    })
    expect(call.image).toEqual(image)
    expect(call.frameImages).toEqual([
      { image, frameType: 'first_frame' },
      { image: { type: 'url', url: 'https://cdn.example/last.png' }, frameType: 'last_frame' },
    ])
    expect(call.providerOptions).toEqual({ mock: { loop: true } })
    expect(warnings).toEqual([])
  })

  it('carries references, as bytes or by address', async () => {
    const { call } = await started({ prompt: 'A cat', references: [IMAGE, 'https://cdn.example/b.png'] })
    expect(call.inputReferences).toEqual([
      { type: 'file', mediaType: 'image/png', data: new Uint8Array(PNG) },
      { type: 'url', url: 'https://cdn.example/b.png' },
    ])
    expect(call.image).toBeUndefined()
  })

  it('merges the options of a request into those of the generator, by provider', async () => {
    const own = { mock: { loop: true, mode: 'fast' }, other: { a: 1 } }
    const { call } = await started(
      { prompt: 'A cat', providerOptions: { mock: { mode: 'slow' } } },
      { providerOptions: own },
    )
    expect(call.providerOptions).toEqual({ mock: { loop: true, mode: 'slow' }, other: { a: 1 } })
    expect(own.mock.mode).toBe('fast')
  })

  it.each<[string, VideoRequest, string?]>([
    ['video', { prompt: 'A cat', video: 'https://cdn.example/a.mp4' }],
    ['remixOf', { prompt: 'A cat', remixOf: 'video_1' }],
    ['storyboard', { prompt: 'A cat', storyboard: [{ durationSeconds: 5, prompt: 'sunrise' }] }],
    ['style', { prompt: 'A cat', style: 'anime' }],
    ['audioInput', { prompt: 'A cat', audioInput: 'https://cdn.example/a.mp3' }],
    ['references', { prompt: 'A cat', references: [IMAGE], lastFrame: IMAGE }],
    ['providerOptions.quality', { prompt: 'A cat', providerOptions: { quality: 'high' } }],
    ['lastFrame', { prompt: 'A cat', lastFrame: IMAGE }, 'fal.video'],
    ['references', { prompt: 'A cat', references: [IMAGE] }, 'replicate.video'],
    ['image', { prompt: 'A cat', image: 'https://cdn.example/a.png' }, 'google.generative-ai'],
    ['lastFrame', { prompt: 'A cat', lastFrame: IMAGE }, 'openrouter'],
  ])('is not made for %s, which would be lost', async (field, request, provider) => {
    const { model, calls } = taskModel(AT_CDN, provider === undefined ? {} : { provider })
    const generator = videoModelGenerator(model) as TaskGenerator
    await expect(generator.start(request, fakeContext())).rejects.toMatchObject({
      code: 'request-invalid',
      problems: [expect.objectContaining({ field })],
    })
    expect(calls).toEqual([])
  })

  it('leaves a field out that the options of the provider have', async () => {
    const { call } = await started(
      {
        prompt: 'A cat',
        style: 'anime',
        lastFrame: IMAGE,
        providerOptions: { fal: { style: 'anime', lastFrame: 'x' } },
      },
      {},
      'fal.video',
    )
    expect(call.frameImages).toBeUndefined()
    expect(call.providerOptions).toEqual({ fal: { style: 'anime', lastFrame: 'x' } })
  })

  it.each<[string, VideoRequest, string?]>([
    ['model', { prompt: 'A cat', model: 'sora-2' }],
    ['user', { prompt: 'A cat', user: 'user_1' }],
    ['size', { prompt: 'A cat', size: '1280x720' }, 'fal.video'],
    ['audio', { prompt: 'A cat', audio: true }, 'replicate.video'],
  ])('gives a warning for %s, which has little effect', async (field, request, provider) => {
    const { warnings } = await started(request, {}, provider)
    expect(warnings).toEqual([
      { code: 'unsupported-option', message: expect.stringContaining(`does not send ${field}: `) },
    ])
  })

  it('passes the warnings of the model on', async () => {
    const { model } = taskModel(AT_CDN, {
      warnings: [
        { type: 'unsupported', feature: 'seed', details: 'It has no seed.' },
        { type: 'other', message: 'Take care' },
      ],
    })
    const context = fakeContext()
    await (videoModelGenerator(model) as TaskGenerator).start({ prompt: 'A cat' }, context)
    expect(context.warnings).toEqual([
      { code: 'unsupported-option', message: 'mock.video/mock-model-id warns about seed: It has no seed.' },
      { code: 'model-warning', message: 'mock.video/mock-model-id warns about Take care' },
    ])
  })

  it('makes a chain fall to the next generator, without a payment, when the model cannot take the request', async () => {
    const { model, calls } = taskModel(AT_CDN)
    const next = fakeGenerator()
    const pipeline = new SoraPipeline({ generator: fallback(videoModelGenerator(model), next) })
    await pipeline.generate({ prompt: 'A cat', style: 'anime' })
    expect([calls.length, next.calls.length]).toEqual([0, 1])
  })
})

describe('the video of a model', () => {
  it('at a public address is given with it', async () => {
    expect(await videoOf(AT_CDN)).toMatchObject({
      id: 'job_1',
      model: 'mock-model-id',
      url: AT_CDN.url,
      source: { isPublic: true },
    })
  })

  it.each([
    ...['key', 'api_key', 'token', 'access_token', 'password'].map(
      (name) => [name, `canary${name}0123456789`] as const,
    ),
    // By its value.
    ['k', 'AIzaSyCanary0123456789'] as const,
  ])('at an address with a %s in its query is not public', async (name, secret) => {
    const video = await videoOf({
      type: 'url',
      url: `https://cdn.example/a.mp4?alt=media&${name}=${secret}`,
      mediaType: 'video/mp4',
    })
    expect(video.url).toBeUndefined()
    expect(video.source).toMatchObject({ isPublic: false })
    expect(JSON.stringify(video)).not.toContain(secret)
  })

  it('opens with its key, which is removed from every message', async () => {
    const secret = 'canaryGoogleKey0123456789'
    const { origin, seen } = await loopbackServer((request, answer) => {
      answer.writeHead(request.url.includes(secret) ? 404 : 403).end(`no ${secret}`)
    })
    const host = new URL(origin).host
    const clock = { ...fakeContext().clock, sleep: async () => undefined }
    const generator = videoModelGenerator(
      taskModel({ type: 'url', url: `${origin}/a.mp4?key=${secret}`, mediaType: 'video/mp4' }).model,
      { allowPrivateAddresses: [host] },
    ) as TaskGenerator
    const context = fakeContext({ clock })
    const { operation } = await generator.start({ prompt: 'A cat' }, context)
    const status = await generator.poll(operation, context)
    const source = status.state === 'completed' ? status.video.source : undefined
    const error = await source?.open().catch((thrown: unknown) => thrown)
    expect(seen[0]?.url).toContain(secret)
    expect(String(error) + JSON.stringify(error)).not.toContain(secret)
  })

  it('of Google and of OpenRouter needs a key, and is not public', async () => {
    for (const url of [
      'https://generativelanguage.googleapis.com/v1beta/files/f1:download',
      'https://openrouter.ai/api/v1/videos/1/content',
    ]) {
      expect((await videoOf({ type: 'url', url, mediaType: 'video/mp4' })).source?.isPublic).toBe(false)
    }
  })

  it('opens with the headers of downloadHeaders, which reach no private address', async () => {
    const { origin, seen } = await loopbackServer((_, answer) => answer.writeHead(200).end(VIDEO))
    const video: VideoModelVideo = { type: 'url', url: `${origin}/a.mp4`, mediaType: 'video/mp4' }
    const downloadHeaders = () => ({ authorization: 'Bearer canary0123456789' })
    const guarded = await videoOf(video, { downloadHeaders })
    expect(guarded.source?.isPublic).toBe(false)
    await expect(guarded.source?.open()).rejects.toMatchObject({ code: 'network' })
    expect(seen).toEqual([])
    const allowed = await videoOf(video, { downloadHeaders, allowPrivateAddresses: [new URL(origin).host] })
    expect(Buffer.from(await new Response(await allowed.source?.open()).arrayBuffer())).toEqual(VIDEO)
    expect(seen[0]?.headers.authorization).toBe('Bearer canary0123456789')
  })

  it.each<[string, VideoModelVideo]>([
    ['base64', { type: 'base64', data: VIDEO.toString('base64'), mediaType: 'video/mp4' }],
    ['bytes', { type: 'binary', data: new Uint8Array(VIDEO), mediaType: 'video/mp4' }],
    ['a data URL', { type: 'url', url: `data:video/mp4;base64,${VIDEO.toString('base64')}`, mediaType: 'video/mp4' }],
  ])('in %s is a source in memory', async (_, given) => {
    const { url, source } = await videoOf(given)
    expect(url).toBeUndefined()
    expect(source).toMatchObject({ isPublic: false, byteLength: VIDEO.length, mediaType: 'video/mp4' })
    expect(Buffer.from(await new Response(await source?.open()).arrayBuffer())).toEqual(VIDEO)
  })

  it('in a bucket is an error with the fix, and no reason to pay another generator', async () => {
    const { model } = taskModel({ type: 'url', url: 'gs://bucket-1/a.mp4', mediaType: 'video/mp4' })
    const next = fakeTaskGenerator()
    const pipeline = new SoraPipeline({ generator: fallback(videoModelGenerator(model), next), pollSchedule: () => 1 })
    await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({
      code: 'no-usable-url',
      message: expect.stringMatching(/gs:\/\/bucket-1.*uploader of your own/),
      handle: { operation: { taskId: 'job_1' } },
    })
    expect(next.calls).toEqual([])
  })

  it('at a destination of the caller is an error that names it', async () => {
    await expect(videoOf({ type: 'uploaded', mediaType: 'video/mp4' })).rejects.toMatchObject({
      code: 'no-usable-url',
      message: expect.stringContaining('uploaded it to the destination in its own configuration'),
    })
  })

  it.each<[object, object | undefined]>([
    [{ openrouter: { generationId: 'gen_1', cost: 0.4 } }, { cost: 0.4 }],
    [{ xai: { costInUsdTicks: 5_000_000_000 } }, { cost_in_usd_ticks: 5_000_000_000 }],
    [{ alibaba: { usage: { duration: 5, size: '1280*720' } } }, { duration: 5, size: '1280*720' }],
    [{ replicate: { metrics: { predict_time: 12.5 } } }, { predict_time: 12.5 }],
    [{ gateway: { cost: '0.35', marketCost: '0.40' } }, { cost: 0.35 }],
    [{ minimax: { usage: { totalSeconds: 6, outputSeconds: 6 } } }, { total_seconds: 6, output_seconds: 6 }],
    // In credits.
    [{ blackForestLabs: { videos: [{ cost: 40, duration: 61 }] } }, undefined],
    [{ fal: { videos: [] } }, undefined],
  ])('has the usage that the provider reports: %j', async (providerMetadata, usage) => {
    const model: VideoModelLike = {
      ...{ specificationVersion: 'v4', provider: 'mock', modelId: 'm' },
      doGenerate: async () => ({ videos: [AT_CDN], providerMetadata: providerMetadata as Record<string, unknown> }),
    }
    const video = await (videoModelGenerator(model) as OneShotGenerator).generate({ prompt: 'A cat' }, fakeContext())
    expect(video.usage).toEqual(usage)
  })

  it('that is missing or empty is a permanent failure', async () => {
    await expect(videoOf({ type: 'base64', data: '', mediaType: 'video/mp4' })).rejects.toMatchObject({
      code: 'upstream-response',
      isRetryable: false,
    })
  })
})

describe('an error of a model', () => {
  const failing = (error: unknown) =>
    videoModelGenerator({
      ...{ specificationVersion: 'v4', provider: 'mock', modelId: 'm' },
      doStart: async () => {
        throw error
      },
      doStatus: async () => {
        throw error
      },
    }) as TaskGenerator
  const call = { url: 'https://api.example/v1', requestBodyValues: { prompt: 'secret prompt' } }

  it.each<[string, unknown, string]>([
    ['a missing key', new LoadAPIKeyError({ message: 'key is missing' }), 'authentication'],
    ['an option it does not have', new UnsupportedFunctionalityError({ functionality: 'loops' }), 'request-invalid'],
    ['402', new APICallError({ message: 'pay', statusCode: 402, isRetryable: true, ...call }), 'quota-exceeded'],
    ['503', new APICallError({ message: 'busy', statusCode: 503, isRetryable: true, ...call }), 'overloaded'],
    ['500', new APICallError({ message: 'oops', statusCode: 500, isRetryable: true, ...call }), 'submission-unknown'],
    ['408', new APICallError({ message: 'slow', statusCode: 408, isRetryable: true, ...call }), 'submission-unknown'],
    [
      'a reset',
      new APICallError({
        message: 'cut',
        cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
        isRetryable: true,
        ...call,
      }),
      'submission-unknown',
    ],
    [
      'a refused connection',
      new APICallError({
        message: 'cut',
        cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
        isRetryable: true,
        ...call,
      }),
      'network',
    ],
    ['a plain error', new Error('no task id'), 'submission-unknown'],
    ['a bug', new TypeError('x is not a function'), 'submission-unknown'],
  ])('is judged by its facts: %s', async (_, thrown, code) => {
    await expect(failing(thrown).start({ prompt: 'A cat' }, fakeContext())).rejects.toMatchObject({ code })
  })

  it('keeps the wait that the provider requests', async () => {
    const thrown = new APICallError({ message: 'x', statusCode: 429, responseHeaders: { 'Retry-After': '7' }, ...call })
    await expect(failing(thrown).poll({}, fakeContext())).rejects.toMatchObject({
      code: 'rate-limited',
      retryAfterMs: 7000,
    })
  })

  describe('of a model that submits and polls in one call', () => {
    const SUBMIT = 'https://api.example/v1/models/veo:predictLongRunning'
    const POLL = 'https://api.example/v1/models/veo:fetchPredictOperation'
    const body = { instances: [{ prompt: 'A cat' }] }
    const thrownBy = (facts: object) => {
      const thrown = new APICallError({ message: 'no', url: SUBMIT, requestBodyValues: body, ...facts })
      const doGenerate = () => Promise.reject(thrown)
      const model = { specificationVersion: 'v3', provider: 'mock', modelId: 'm', doGenerate }
      return (videoModelGenerator(model) as OneShotGenerator).generate({ prompt: 'A cat' }, fakeContext())
    }
    const refused = Object.assign(new Error('x'), { code: 'ECONNREFUSED' })

    it.each([
      ['503', { statusCode: 503 }, 'overloaded'],
      ['402', { statusCode: 402 }, 'quota-exceeded'],
      ['401', { statusCode: 401 }, 'authentication'],
      ['a refused connection', { cause: refused }, 'network'],
    ])('is a refusal when it answers the request with the prompt: %s', async (_, facts, code) => {
      await expect(thrownBy(facts)).rejects.toMatchObject({ code })
    })

    it.each([...[400, 401, 402, 403, 404, 429, 503].map((statusCode) => ({ statusCode })), { cause: refused }])(
      'leaves the outcome unknown when it may answer a poll: %o',
      async (facts) => {
        const others = [
          { url: POLL, requestBodyValues: { operationName: 'op_1' } },
          { requestBodyValues: { operationName: 'A cat' } },
          { url: POLL },
          { requestBodyValues: {} },
          { requestBodyValues: undefined },
          { requestBodyValues: { prompt: 'A dog' } },
          { url: 'https://api.example/v1/tasks/1/status' },
        ]
        for (const other of others)
          await expect(thrownBy({ ...facts, ...other }), JSON.stringify(other)).rejects.toMatchObject({
            code: 'submission-unknown',
          })
      },
    )

    it('never pays a further generator for an answer to a poll', async () => {
      const thrown = new APICallError({
        message: 'busy',
        url: POLL,
        requestBodyValues: { operationName: 'op_1' },
        statusCode: 503,
      })
      let paid = 0
      const model: VideoModelLike = {
        ...{ specificationVersion: 'v3', provider: 'mock', modelId: 'm' },
        doGenerate: () => {
          paid++
          return Promise.reject(thrown)
        },
      }
      const other = fakeGenerator()
      const pipeline = new SoraPipeline({ generator: fallback(videoModelGenerator(model), other) })
      await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({ code: 'submission-unknown' })
      expect([paid, other.calls.length]).toEqual([1, 0])
    })
  })

  it('of downloadHeaders does not look like a refusal of a paid call', async () => {
    const model: VideoModelLike = {
      ...{ specificationVersion: 'v3', provider: 'mock', modelId: 'm' },
      doGenerate: async () => ({ videos: [AT_CDN] }),
    }
    const downloadHeaders = () => {
      throw new Error('no key today')
    }
    const generator = videoModelGenerator(model, { downloadHeaders }) as OneShotGenerator
    await expect(generator.generate({ prompt: 'A cat' }, fakeContext())).rejects.toMatchObject({
      code: 'submission-unknown',
    })
  })

  it('that is thrown before a promise is returned is an error of the call', async () => {
    const model = {
      specificationVersion: 'v3',
      provider: 'mock',
      modelId: 'm',
      doGenerate: () => {
        throw new Error('no')
      },
    }
    await expect(
      (videoModelGenerator(model) as OneShotGenerator).generate({ prompt: 'A cat' }, fakeContext()),
    ).rejects.toMatchObject({ code: 'submission-unknown' })
  })
})

describe('a job', () => {
  it('whose operation cannot be kept has an unknown outcome', async () => {
    const model: VideoModelLike = {
      ...{ specificationVersion: 'v4', provider: 'mock', modelId: 'm' },
      doStart: async () => ({ operation: undefined as never }),
      doStatus: async () => ({ status: 'pending' }),
    }
    await expect(
      (videoModelGenerator(model) as TaskGenerator).start({ prompt: 'A cat' }, fakeContext()),
    ).rejects.toMatchObject({ code: 'submission-unknown' })
  })

  it('counts as failed at the first error when one confirmation is enough', async () => {
    const model: VideoModelLike = {
      ...{ specificationVersion: 'v4', provider: 'mock', modelId: 'm' },
      doStart: async () => ({ operation: 'job_1' }),
      doStatus: async () => ({ status: 'error', error: 'Content violates our usage policy' }),
    }
    const generator = videoModelGenerator(model, { errorConfirmations: 1 }) as TaskGenerator
    expect(await generator.poll('job_1', fakeContext())).toMatchObject({
      state: 'failed',
      error: { code: 'content-rejected' },
    })
  })

  it('reports progress only if the model does', async () => {
    const metadata = [undefined, { mine: { progress: 40 } }, { mine: { progress: 'soon' } }]
    const model: VideoModelLike = {
      ...{ specificationVersion: 'v4', provider: 'mock', modelId: 'm' },
      doStart: async () => ({ operation: 'job_1' }),
      doStatus: async () => ({ status: 'pending', providerMetadata: metadata.shift() }),
    }
    const generator = videoModelGenerator(model) as TaskGenerator
    const polls = [await generator.poll('job_1', fakeContext()), await generator.poll('job_1', fakeContext())]
    expect([...polls, await generator.poll('job_1', fakeContext())]).toEqual([
      { state: 'running' },
      { state: 'running', ratio: 0.4 },
      { state: 'running' },
    ])
  })

  it('cannot be cancelled', async () => {
    const generator = videoModelGenerator(taskModel(AT_CDN).model) as TaskGenerator
    expect(await generator.cancel?.({}, fakeContext())).toBe('unsupported')
  })
})

it.each<[unknown, RegExp]>([
  ['fal/luma', /model is "fal\/luma" \(give a video model of the AI SDK/],
  [{ provider: 'mock', modelId: 'm' }, /with doStart\(\) and doStatus\(\), or with doGenerate\(\)/],
  [
    { specificationVersion: 'v2', provider: 'p', modelId: 'm', doGenerate: () => undefined },
    /specificationVersion is "v2" \(give a model of version v3 or v4/,
  ],
  [
    { specificationVersion: 'v5', provider: 'p', modelId: 'm', doStart() {}, doStatus() {} },
    /specificationVersion is "v5"/,
  ],
  [{ provider: '', modelId: 'm', doGenerate: () => undefined }, /give a video model of the AI SDK/],
])('a model that cannot work is refused', (model, message) => {
  expect(() => videoModelGenerator(model as VideoModelLike)).toThrow(message)
})
