import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { usageOf } from '../../../src/contracts/usage.js'
import { fallback, SoraPipeline, type TaskGenerator, type VideoRequest } from '../../../src/index.js'
import {
  type Sandbox,
  type SandboxEndpoint,
  type SandboxProviderName,
  startSandbox,
} from '../../../src/sandbox/index.js'
import {
  arkGenerator,
  dashscopeGenerator,
  falGenerator,
  geminiVideoGenerator,
  minimaxGenerator,
  type ProviderGeneratorOptions,
  replicateGenerator,
  runwayGenerator,
  type TaskApiOperation,
} from '../../../src/strategies/index.js'
import { fakeContext, fakeGenerator, generatorConformance, manualClock } from '../../../src/testing/index.js'
import { eventually } from '../../support/eventually.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { instantClock, rejection } from '../../upstream/stage-context.js'

type Factory = (options: ProviderGeneratorOptions) => TaskGenerator<TaskApiOperation>

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and its pixels', 'latin1')
const MP4 = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom and its frames', 'latin1')])
const PICTURE = 'https://cdn.example/a.png'
const MP3 = 'https://cdn.example/a.mp3'
const SOUND = { bytes: Buffer.from('a sound'), mediaType: 'audio/mpeg' }
const SOUND_URL = `data:audio/mpeg;base64,${SOUND.bytes.toString('base64')}`
const media = (type: string) => ({ type, url: type.endsWith('audio') ? MP3 : PICTURE })
const PROVIDERS: readonly (readonly [SandboxProviderName, Factory, string])[] = [
  ['fal', (options) => falGenerator(options), 'blackforestlabs/wan/v3'],
  ['replicate', (options) => replicateGenerator({ ...options, cancelAfterSeconds: 900 }), 'bytedance/seedance-1-pro'],
  ['gemini', ({ imageUrls: _, ...options }) => geminiVideoGenerator(options), 'veo-3.1-generate-preview'],
  ['dashscope', (options) => dashscopeGenerator(options), 'wan3.0-video'],
  ['ark', (options) => arkGenerator(options), 'seedance-2-0-260128'],
  ['minimax', (options) => minimaxGenerator({ ...options, settleMs: 0 }), 'MiniMax-H3'],
  ['runway', (options) => runwayGenerator(options), 'gen4.5'],
]

// As each reports it of a finished job; Veo and Runway report nothing.
const USAGE: Partial<Record<SandboxProviderName, object>> = {
  fal: { seconds: 12.5 },
  replicate: { seconds: 12.5 },
  dashscope: { seconds: 1 },
  ark: { tokens: 108_900 },
  minimax: { seconds: 1 },
}

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 60 })
  sandbox.files.put('image.png', PNG)
})
afterAll(() => sandbox.close())

const local = ['127.0.0.1']
const at = (name: SandboxProviderName, options: Partial<ProviderGeneratorOptions> = {}) => {
  const [, factory, model] = PROVIDERS.find(([known]) => known === name) ?? PROVIDERS[0] ?? []
  if (factory === undefined || model === undefined) throw new Error(name)
  return factory({ ...sandbox.providers[name], model, allowPrivateAddresses: local, ...options })
}
const seen = () => sandbox.requests.length
const sentTo = (name: SandboxProviderName) => sandbox.requestsTo(`${name}.create` as SandboxEndpoint)
const request: VideoRequest = { prompt: 'A cat', durationSeconds: 1 }

async function endOf(generator: TaskGenerator<TaskApiOperation>, given: VideoRequest) {
  const { operation } = await generator.start(given, fakeContext())
  return eventually(async () => {
    const status = await generator.poll(operation, fakeContext())
    if (status.state !== 'completed' && status.state !== 'failed') throw new Error(`It is still ${status.state}`)
    return { operation, status }
  })
}

describe.each(PROVIDERS)('%sGenerator', (name, factory, model) => {
  generatorConformance({
    test,
    // The sandbox renders a real video.
    timeoutMs: 20_000,
    create: async () => {
      const { apiKey } = sandbox.providers[name]
      const receivedCallbackUrl = () => {
        const { path, body } = sentTo(name).at(-1) ?? {}
        return /https?:\/\/[^"&\s]*/.exec(decodeURIComponent(JSON.stringify([path, body])).replaceAll('\\"', '"'))?.[0]
      }
      return { generator: at(name), request, secrets: [apiKey], requests: seen, receivedCallbackUrl }
    },
    createHanging: async () => {
      const server = await loopbackServer(() => undefined)
      const generator = factory({ baseUrl: server.origin, apiKey: 'canary-key-1', model })
      return { generator, secrets: ['canary-key-1'], requests: () => server.seen.length }
    },
    createFailing: async () => {
      const server = await loopbackServer((sent, response) => {
        response.writeHead(503).end(JSON.stringify(sent.headers))
      })
      const generator = factory({ baseUrl: server.origin, apiKey: 'canary-key-1', model })
      return { generator, secrets: ['canary-key-1'], requests: () => server.seen.length }
    },
  })
})

describe.each(PROVIDERS)('%s', (name) => {
  test('takes an image and what it supports, and names what it does not', async () => {
    const context = fakeContext()
    const image = sandbox.files.url('image.png')
    const given = { ...request, aspectRatio: '16:9', seed: 7, user: 'u_1', image }
    await at(name).start(given, context)
    const sent = JSON.stringify(sentTo(name).at(-1)?.body)
    expect(sentTo(name).at(-1)?.headers['x-litellm-num-retries']).toBe('0')
    const isBytes = name === 'gemini'
    expect(sent).toContain(isBytes ? PNG.toString('base64') : image)
    const warned = context.warnings.map(({ message }) => /send (\w+)/.exec(message)?.[1])
    expect(warned).toContain('user')
    expect(warned.includes('seed')).toBe(!sent.includes(':7'))
    const bytes = { bytes: PNG, mediaType: 'image/png' }
    await at(name).start({ ...request, image: bytes }, fakeContext())
    expect(JSON.stringify(sentTo(name).at(-1)?.body)).toContain(PNG.toString('base64'))
  })

  test.each(['remixOf', 'style', 'video'] as const)('refuses %s before anything is sent', async (field) => {
    const before = seen()
    const value = field === 'video' ? 'https://cdn.example/a.mp4' : 'x'
    const error = await rejection(at(name).start({ ...request, [field]: value }, fakeContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field }] })
    expect(seen()).toBe(before)
  })

  test('refuses a size of another ratio before anything is sent', async () => {
    const before = seen()
    const given = { ...request, size: '720x1280', aspectRatio: '16:9' }
    const error = await rejection(at(name).start(given, fakeContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'aspectRatio' }] })
    expect(String(error)).toContain('720x1280')
    expect(seen()).toBe(before)
  })

  test('makes a video that opens', async () => {
    const { status } = await endOf(at(name), request)
    if (status.state !== 'completed') throw new Error(JSON.stringify(status))
    const { video } = status
    expect(video.url === undefined).toBe(name === 'gemini')
    expect(usageOf(video.usage)).toEqual(USAGE[name])
    const stream = await video.source?.open()
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer())
    expect(Buffer.from(bytes.subarray(4, 8)).toString('latin1')).toBe('ftyp')
  })

  test.each([
    ['moderation-blocked', 'content-rejected'],
    ['generation-failed', 'generation-failed'],
  ])('reports %s as %s', async (prompt, code) => {
    const { status } = await endOf(at(name), { ...request, prompt })
    expect(status).toMatchObject({ state: 'failed', error: { code } })
  })

  test('refuses a wrong key, a field of another kind, and merges providerOptions where its options are', async () => {
    const wrong = await rejection(at(name, { apiKey: 'wrong-key-123456' }).start(request, fakeContext()))
    expect(wrong).toMatchObject({ code: 'authentication' })
    const given = { ...request, providerOptions: { seed: 'seven', duration: 'long', no_such_field: 1 } }
    const refused = await rejection(at(name).start(given, fakeContext()))
    expect(refused).toMatchObject({ code: expect.stringMatching(/upstream-http/) })
    expect(JSON.stringify(sentTo(name).at(-1)?.body)).toContain('no_such_field')
  })

  test('cancels a job, where it can, and leaves one that is over alone', async () => {
    // Slow enough that the job is in line, where every provider that can cancel does.
    await using slow = await startSandbox({ speed: 1 })
    const waiting = at(name, slow.providers[name])
    const { operation } = await waiting.start(request, fakeContext())
    const outcome = await waiting.cancel?.(operation, fakeContext())
    expect(outcome).toBe(name === 'gemini' ? 'unsupported' : 'cancelled')
    const generator = at(name)
    const over = await endOf(generator, request)
    const before = seen()
    const late = await generator.cancel?.(over.operation, fakeContext())
    expect(late).toBe(name === 'gemini' ? 'unsupported' : 'too-late')
    expect(seen() - before).toBe(name === 'gemini' ? 0 : 1)
    expect(await generator.poll(over.operation, fakeContext())).toMatchObject({ state: 'completed' })
  })
})

describe('geminiVideoGenerator with Gemini Omni', () => {
  const omni = (options: Partial<ProviderGeneratorOptions> = {}) =>
    at('gemini', { model: 'gemini-omni-1.1-flash', ...options })
  generatorConformance({
    test,
    timeoutMs: 20_000,
    create: async () => ({
      generator: omni(),
      request,
      secrets: [sandbox.providers.gemini.apiKey],
      requests: seen,
    }),
    createFailing: async () => {
      const server = await loopbackServer((_, response) => response.writeHead(503).end('{}'))
      const options = { baseUrl: server.origin, apiKey: 'canary-key-1', model: 'gemini-omni-1.1-flash' }
      return { generator: geminiVideoGenerator(options), secrets: ['canary-key-1'], requests: () => server.seen.length }
    },
  })

  test('sends a background interaction with an image, references or a former video', async () => {
    const image = sandbox.files.url('image.png')
    const bytes = { type: 'image', mime_type: 'image/png', data: PNG.toString('base64') }
    const text = { type: 'text', text: 'A cat' }
    await omni().start({ ...request, image, size: '3840x2160' }, fakeContext())
    expect(sentTo('gemini').at(-1)?.body).toEqual({
      model: 'gemini-omni-1.1-flash',
      input: [bytes, text],
      background: true,
      generation_config: { video_config: { task: 'image_to_video' } },
      response_format: { type: 'video', delivery: 'uri', aspect_ratio: '16:9', resolution: '4k', duration: '1s' },
    })
    const given = { ...request, references: [image, image], seed: 7 }
    const { operation } = await omni().start(given, fakeContext())
    expect(sentTo('gemini').at(-1)?.body).toMatchObject({
      input: [bytes, bytes, text],
      generation_config: { seed: 7, video_config: { task: 'reference_to_video' } },
    })
    await omni().start({ ...request, remixOf: operation.id }, fakeContext())
    expect(sentTo('gemini').at(-1)?.body).toMatchObject({ input: [text], previous_interaction_id: operation.id })
    const before = sentTo('gemini').length
    for (const wrong of [{ image, references: [image] }, { lastFrame: image }, { audioInput: MP3 }]) {
      expect(await rejection(omni().start({ ...request, ...wrong }, fakeContext()))).toMatchObject({
        code: 'request-invalid',
      })
    }
    expect(sentTo('gemini')).toHaveLength(before)
  })

  test('makes a video behind the key, and reports a filtered and a failed one', async () => {
    const { status, operation } = await endOf(omni(), request)
    expect(usageOf(status.state === 'completed' ? status.video.usage : undefined)).toEqual({ tokens: 5_802 })
    if (status.state !== 'completed') throw new Error(JSON.stringify(status))
    expect(operation.cancelUrl).toBe(`${sandbox.providers.gemini.baseUrl}/interactions/${operation.id}/cancel`)
    expect(status.video.url).toBeUndefined()
    const bytes = Buffer.from(await new Response(await status.video.source?.open()).arrayBuffer())
    expect(bytes.subarray(4, 8).toString('latin1')).toBe('ftyp')
    for (const [prompt, code] of [
      ['moderation-blocked', 'content-rejected'],
      ['generation-failed', 'generation-failed'],
    ]) {
      const ended = await endOf(omni(), { ...request, prompt: String(prompt) })
      expect(ended.status).toMatchObject({ state: 'failed', error: { code } })
    }
  })

  test.each<[string, object]>([
    [
      'as bytes beside the steps',
      { output_video: { type: 'video', mime_type: 'video/mp4', data: MP4.toString('base64') } },
    ],
    ['as bytes without a type', { output_video: { data: MP4.toString('base64') } }],
    [
      'as bytes in a step',
      {
        steps: [
          { type: 'model_output', content: [{ type: 'video', mime_type: 'video/mp4', data: MP4.toString('base64') }] },
        ],
      },
    ],
    [
      'in the outputs of the former API',
      { outputs: [{ type: 'thought' }, { type: 'video', uri: '/v1beta/files/f1:download' }] },
    ],
    ['as bytes in the outputs', { outputs: [{ type: 'video', mime_type: 'video/mp4', data: MP4.toString('base64') }] }],
  ])('reads a video that comes %s', async (_, ended) => {
    const server = await loopbackServer((incoming, response) => {
      const isFile = incoming.url?.startsWith('/v1beta/files/') === true
      if (isFile) return response.setHeader('content-type', 'video/mp4').end(MP4)
      const body = incoming.method === 'POST' ? { status: 'in_progress' } : { status: 'completed', ...ended }
      return response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: 'i1', ...body }))
    })
    const generator = geminiVideoGenerator({
      baseUrl: `${server.origin}/v1beta`,
      apiKey: 'canary-key-1',
      model: 'gemini-omni-1.1-flash',
    })
    const { operation } = await generator.start(request, fakeContext())
    const status = await generator.poll(operation, fakeContext())
    if (status.state !== 'completed') throw new Error(JSON.stringify(status))
    expect(status.video.url).toBeUndefined()
    const bytes = Buffer.from(await new Response(await status.video.source?.open()).arrayBuffer())
    expect(bytes.equals(MP4)).toBe(true)
  })

  test('is cancelled while it runs, and left alone when it is over', async () => {
    await using slow = await startSandbox({ speed: 1 })
    const waiting = omni(slow.providers.gemini)
    const { operation } = await waiting.start(request, fakeContext())
    expect(await waiting.cancel?.(operation, fakeContext())).toBe('cancelled')
    const over = await endOf(omni(), request)
    expect(await omni().cancel?.(over.operation, fakeContext())).toBe('too-late')
  })

  test.each([
    ['incomplete', 'failed'],
    ['budget_exceeded', 'failed'],
    ['requires_action', 'failed'],
    ['requires_continuation', 'running'],
    ['in_progress', 'running'],
  ])('%s is %s, and an image of the request is never the video', async (word, state) => {
    const content = [
      { type: 'image', uri: 'https://cdn.example/a.mp4' },
      { type: 'video', uri: PICTURE },
    ]
    const answer = { id: 'v1_abc', status: word, steps: [{ type: 'user_input', content }] }
    const server = await loopbackServer((_, response) => response.end(JSON.stringify(answer)))
    const generator = omni({ baseUrl: server.origin })
    expect(await generator.poll({ id: 'v1_abc' }, fakeContext())).toMatchObject({ state })
    expect(server.seen.at(-1)?.url).toBe('/interactions/v1_abc')
  })
})

test.each(['fal', 'replicate', 'gemini'] as const)('a model does not lead %s to another path', async (name) => {
  const before = seen()
  const error = await rejection(at(name, { model: '../../admin' }).start(request, fakeContext()))
  expect(error).toMatchObject({ code: 'configuration-invalid', message: expect.stringContaining('create().path') })
  expect(seen()).toBe(before)
})

describe('what only one provider has', () => {
  test('fal is polled, read and cancelled at the addresses that it gave, and only on its own origin', async () => {
    const { operation } = await at('fal').start(request, fakeContext())
    const { baseUrl } = sandbox.providers.fal
    expect(operation).toEqual({
      id: operation.id,
      pollUrl: `${baseUrl}/requests-of/${operation.id}/status`,
      resultUrl: `${baseUrl}/requests-of/${operation.id}`,
      cancelUrl: `${baseUrl}/requests-of/${operation.id}/cancel`,
      data: { app: 'blackforestlabs/wan' },
    })
    const forged = { id: operation.id, pollUrl: 'https://evil.example/status' }
    expect(await rejection(at('fal').poll(forged, fakeContext()))).toMatchObject({ code: 'configuration-invalid' })
  })

  const ELSEWHERE = 'https://provider.example/jobs/a'
  const URL_OF_VIDEO = 'https://cdn.example/a.mp4'
  const GATEWAYS = {
    fal: {
      model: 'fal-ai/wan/v3/text-to-video',
      started: { request_id: 'a', status_url: `${ELSEWHERE}/status`, response_url: ELSEWHERE, cancel_url: ELSEWHERE },
      polled: { request_id: 'a', status: 'COMPLETED', video: { url: URL_OF_VIDEO }, response_url: ELSEWHERE },
      read: ['GET /v1/fal-ai/wan/requests/a/status', 'GET /v1/fal-ai/wan/requests/a'],
      running: { request_id: 'a', status: 'IN_PROGRESS' },
      cancelled: 'PUT /v1/fal-ai/wan/requests/a/cancel',
    },
    replicate: {
      model: 'bytedance/seedance-1-pro',
      started: { id: 'a', status: 'starting', urls: { get: ELSEWHERE, cancel: `${ELSEWHERE}/cancel` } },
      polled: { id: 'a', status: 'succeeded', output: URL_OF_VIDEO, urls: { get: ELSEWHERE } },
      read: ['GET /v1/predictions/a'],
      running: { id: 'a', status: 'processing' },
      cancelled: 'POST /v1/predictions/a/cancel',
    },
  } as const

  describe.each(['fal', 'replicate'] as const)('%s behind a gateway, whose answers name other addresses', (name) => {
    const { model, started, polled, read, running, cancelled } = GATEWAYS[name]
    const answering = async (polls: object) => {
      const server = await loopbackServer(({ method }, response) => {
        response.end(JSON.stringify(method === 'POST' ? started : polls))
      })
      const generator = at(name, { baseUrl: `${server.origin}/v1`, model })
      const warnings: unknown[] = []
      const context = { ...fakeContext(), warn: (warning: unknown) => void warnings.push(warning) }
      const { operation } = await generator.start(request, context)
      return { server, generator, operation, context, warnings }
    }
    const requestsAt = ({ seen }: { readonly seen: readonly { method?: string; url?: string }[] }) =>
      seen.slice(1).map(({ method, url }) => `${method} ${url}`)

    test('is polled and read below baseUrl', async () => {
      const { server, generator, operation, context, warnings } = await answering(polled)
      expect(await generator.poll(operation, context)).toMatchObject({
        state: 'completed',
        video: { url: URL_OF_VIDEO },
      })
      expect(requestsAt(server)).toEqual(read)
      expect(warnings).toEqual([])
    })

    test('is polled by the id alone, as a person gives it', async () => {
      const { server, generator, context } = await answering(polled)
      expect(await generator.poll({ id: 'a' }, context)).toMatchObject({ state: 'completed' })
      expect(requestsAt(server)).toEqual(read)
    })

    test('is cancelled below baseUrl', async () => {
      const { server, generator, operation, context } = await answering(running)
      await generator.cancel?.(operation, context)
      expect(requestsAt(server)).toContain(cancelled)
    })
  })

  test.each([
    ['owner/alias', 'owner/alias'],
    ['owner/alias/v3/pro', 'owner/alias'],
    ['workflows/owner/name/step', 'workflows/owner/name'],
  ])('a job of the model %s of fal is below %s', async (model, app) => {
    const { operation } = await at('fal', { model }).start(request, fakeContext())
    expect(operation.data).toEqual({ app })
  })

  describe('a job of fal whose result is an error of the server', () => {
    const answer = (status: number) => ({ kind: 'status', status, body: { detail: 'Internal Server Error' } }) as const
    const steps = [0, 20_000, 20_000, 20_000, 60_000, 60_000, 60_000, 60_000]

    // Milliseconds until the job counts as failed; nothing if it never does.
    async function failsAfter(statuses: readonly number[]) {
      const generator = at('fal')
      const context = fakeContext({ clock: manualClock() })
      sandbox.setFaults({ 'fal.result': [] })
      const { operation } = await endOf(generator, request)
      sandbox.setFaults({ 'fal.result': statuses.map(answer) })
      let now = 0
      for (const waitMs of steps.slice(0, statuses.length)) {
        await context.clock.advance(waitMs)
        now += waitMs
        const status = await generator.poll(operation, context).catch((error: unknown) => error)
        if ((status as { state?: string }).state === 'failed') {
          expect(status).toMatchObject({ error: { code: 'generation-failed', upstreamCode: String(statuses[0]) } })
          return now
        }
        expect(status).toMatchObject({ isRetryable: true })
      }
      return undefined
    }

    test('has failed after three in a row over a minute', async () => {
      expect(await failsAfter(Array(8).fill(500))).toBe(60_000)
    })

    test.each([502, 503, 504])('has failed after five of %i in a row over five minutes', async (status) => {
      expect(await failsAfter(Array(8).fill(status))).toBe(300_000)
    })

    test('has its video after one that was answered', async () => {
      expect(await failsAfter([500, 500])).toBeUndefined()
      const generator = at('fal')
      sandbox.setFaults({ 'fal.result': [] })
      expect((await endOf(generator, request)).status).toMatchObject({ state: 'completed' })
    })

    test('leads to the next generator', async () => {
      sandbox.setFaults({ 'fal.result': Array(200).fill(answer(500)) })
      const next = fakeGenerator({ name: 'next' })
      const clock = manualClock()
      const generator = fallback(at('fal'), next)
      const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 5_000 })
      expect(await clock.runUntil(pipeline.run(request).result)).toMatchObject({ servedBy: 'generator' })
      expect(next.calls).toHaveLength(1)
      sandbox.setFaults({ 'fal.result': [] })
      await pipeline.close()
    })
  })

  test('Replicate is given a deadline, and a version by its own path', async () => {
    await at('replicate', { model: 'owner/name:5c7d5dc6' }).start(request, fakeContext())
    const sent = sentTo('replicate').at(-1)
    expect(sent?.path).toBe('/replicate/v1/predictions')
    expect(sent?.headers['cancel-after']).toBe('900s')
    expect(sent?.body).toMatchObject({ version: '5c7d5dc6', input: { prompt: 'A cat' } })
  })

  test.each(['ark', 'minimax'] as const)('%s takes frames, or references and a sound', async (name) => {
    const image = sandbox.files.url('image.png')
    await at(name).start({ ...request, image, lastFrame: image }, fakeContext())
    const contentSent = () => (sentTo(name).at(-1)?.body as { content?: object[] } | undefined)?.content?.slice(1)
    const picture = { type: 'image_url', image_url: { url: image } }
    expect(contentSent()).toEqual([
      { ...picture, role: 'first_frame' },
      { ...picture, role: 'last_frame' },
    ])
    await at(name).start({ ...request, references: [image], audioInput: SOUND }, fakeContext())
    const sound = { type: 'audio_url', audio_url: { url: SOUND_URL }, role: 'reference_audio' }
    expect(contentSent()).toEqual([{ ...picture, role: 'reference_image' }, sound])
    const before = seen()
    const mixed = { ...request, image, references: [image], audioInput: SOUND }
    const problems = [{ field: 'references' }, { field: 'audioInput' }]
    expect(await rejection(at(name).start(mixed, fakeContext()))).toMatchObject({ code: 'request-invalid', problems })
    expect(seen()).toBe(before)
  })

  test.each<[model: string, Partial<VideoRequest>, input: object]>([
    ['wan2.5-t2v-preview', { audioInput: MP3 }, { audio_url: MP3 }],
    ['wan2.6-i2v', { image: PICTURE, audioInput: MP3 }, { img_url: PICTURE, audio_url: MP3 }],
    ['wan2.7-t2v', { audioInput: MP3 }, { audio_url: MP3 }],
    [
      'wan2.7-i2v',
      { image: PICTURE, lastFrame: PICTURE, audioInput: MP3 },
      { media: [media('first_frame'), media('last_frame'), media('driving_audio')] },
    ],
    ['wan2.7-r2v', { references: [PICTURE] }, { media: [media('reference_image')] }],
    [
      'wan3.0-video',
      { references: [PICTURE, PICTURE], audioInput: MP3 },
      { media: [media('reference_image'), media('reference_image'), media('reference_audio')] },
    ],
    ['wan3.0-video', { lastFrame: PICTURE }, { media: [media('last_frame')] }],
  ])('DashScope gets the media of %s in its own fields: %j', async (model, given, input) => {
    await at('dashscope', { model }).start({ ...request, ...given }, fakeContext())
    expect(sentTo('dashscope').at(-1)?.body).toEqual({
      model,
      input: { prompt: 'A cat', ...input },
      parameters: { duration: 1 },
    })
  })

  test.each<[model: string, Partial<VideoRequest>, field: string]>([
    ['wan2.2-t2v-plus', { audioInput: MP3 }, 'audioInput'],
    ['wan2.6-i2v', { lastFrame: PICTURE }, 'lastFrame'],
    ['wan2.6-i2v', { references: [PICTURE] }, 'references'],
    ['wan2.7-r2v', { references: [PICTURE], audioInput: MP3 }, 'audioInput'],
    ['wan2.7-i2v', { image: PICTURE, references: [PICTURE] }, 'references'],
    ['wan3.0-video', { image: PICTURE, audioInput: MP3 }, 'audioInput'],
    ['wan3.0-video', { audioInput: SOUND }, 'audioInput'],
  ])('%s of DashScope refuses %j before anything is sent', async (model, given, field) => {
    const before = seen()
    const error = await rejection(at('dashscope', { model }).start({ ...request, ...given }, fakeContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field }] })
    expect(seen()).toBe(before)
  })

  test.each([
    ...PROVIDERS.map(([name, , model]) => [name, model] as const),
    ...['wan2.2-t2v-plus', 'wan2.5-t2v-preview', 'wan2.6-i2v', 'wan2.7-t2v', 'wan2.7-i2v', 'wan2.7-r2v'].map(
      (model) => ['dashscope', model] as const,
    ),
    ...(['wan2.7-videoedit', 'wan-3.0'] as const).map((model) => ['dashscope', model] as const),
    ['gemini', 'gemini-omni-1.1-flash'],
  ] as const)('%s with %s sends each field, refuses it, or warns of it', async (name, model) => {
    const bytes = { bytes: PNG, mediaType: 'image/png' }
    const canaries: Partial<VideoRequest> = {
      ...{ lastFrame: bytes, references: [bytes], audioInput: MP3, video: 'https://cdn.example/canary.mp4' },
      ...{ remixOf: 'canary_1', style: 'canary', storyboard: [{ durationSeconds: 5, prompt: 'canary' }] },
      ...{ seed: 7_654_321, user: 'canary', audio: false, size: '720x1280', aspectRatio: '9:16', durationSeconds: 7 },
    }
    for (const [field, value] of Object.entries(canaries)) {
      const context = fakeContext()
      const before = seen()
      const failure: unknown = await at(name, { model })
        .start({ prompt: 'A cat', [field]: value }, context)
        .catch((error) => error)
      const sent = seen() > before ? JSON.stringify(sentTo(name).at(-1)?.body) : ''
      const sign = /^(?:size|aspectRatio)$/.test(field)
        ? /720|9:16|1080\*1920/
        : /canary|cdn\.example|7654321|:"?7s?"?[,}]|audio":false/
      const isShown = sent.includes(PNG.toString('base64')) || sign.test(sent)
      const isWarned = context.warnings.some(({ message }) => message.includes(`does not send ${field}`))
      const isRefused = sent === '' && (failure as { code?: string } | undefined)?.code === 'request-invalid'
      expect([field, isShown || isWarned || isRefused]).toEqual([field, true])
    }
  })

  test('Wan 2.7 gets pictures beside a sound', async () => {
    const given = { ...request, image: PICTURE, audioInput: MP3 }
    await at('dashscope', { model: 'wan2.7-t2v' }).start(given, fakeContext())
    expect(sentTo('dashscope').at(-1)?.body).toMatchObject({
      input: { media: [media('first_frame')], audio_url: MP3 },
    })
  })

  test('Veo takes both frames, or references', async () => {
    const image = sandbox.files.url('image.png')
    const bytes = { bytesBase64Encoded: PNG.toString('base64'), mimeType: 'image/png' }
    await at('gemini').start({ ...request, image, lastFrame: image }, fakeContext())
    expect(sentTo('gemini').at(-1)?.body).toMatchObject({ instances: [{ image: bytes, lastFrame: bytes }] })
    await at('gemini').start({ ...request, references: [image, image] }, fakeContext())
    const reference = { image: bytes, referenceType: 'asset' }
    expect(sentTo('gemini').at(-1)?.body).toMatchObject({ instances: [{ referenceImages: [reference, reference] }] })
    const before = sentTo('gemini').length
    for (const wrong of [{ image, references: [image] }, { audioInput: MP3 }]) {
      expect(await rejection(at('gemini').start({ ...request, ...wrong }, fakeContext()))).toMatchObject({
        code: 'request-invalid',
      })
    }
    expect(sentTo('gemini')).toHaveLength(before)
  })

  test.each<[string, object]>([
    [
      'a list of videos with bytes',
      { videos: [{ bytesBase64Encoded: MP4.toString('base64'), mimeType: 'video/mp4' }] },
    ],
    [
      'a list of videos in the former form',
      { generateVideoResponse: { generatedVideos: [{ video: { encodedVideo: MP4.toString('base64') } }] } },
    ],
  ])('an operation of Veo that is done with %s has its video', async (_, answer) => {
    const server = await loopbackServer((incoming, response) => {
      const ended = incoming.method === 'GET' ? { done: true, response: answer } : {}
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ name: 'operations/o1', ...ended }))
    })
    const options = { baseUrl: `${server.origin}/v1beta`, apiKey: 'canary-key-1', model: 'veo-3.1-generate-preview' }
    const { status } = await endOf(geminiVideoGenerator(options), request)
    if (status.state !== 'completed') throw new Error(JSON.stringify(status))
    const bytes = Buffer.from(await new Response(await status.video.source?.open()).arrayBuffer())
    expect(bytes.equals(MP4)).toBe(true)
  })

  test.each([
    ['INTERNAL', 13],
    ['INVALID_ARGUMENT', 3],
    ['RESOURCE_EXHAUSTED', 8],
    ['UNAVAILABLE', 14],
    ['DEADLINE_EXCEEDED', 4],
    ['CANCELLED', 1],
  ])('an operation of Veo that is done with %s has failed', async (status, code) => {
    const name = 'models/veo-3.1-generate-preview/operations/o1'
    const answers = [
      { name, done: true, error: { code, message: 'No video', status } },
      { name, metadata: { '@type': 'x' }, done: true, error: { code, message: 'No video', status, details: [] } },
    ]
    for (const answer of answers) {
      const server = await loopbackServer((_, response) => response.end(JSON.stringify(answer)))
      const context = fakeContext()
      const polled = await at('gemini', { baseUrl: server.origin }).poll({ id: name }, context)
      expect(polled).toMatchObject({
        state: 'failed',
        error: { code: 'generation-failed', upstreamCode: String(code) },
      })
      expect(context.warnings).toEqual([])
    }
  })

  test.each(['fal', 'replicate', 'runway'] as const)('%s refuses frames and a sound', async (name) => {
    const image = sandbox.files.url('image.png')
    const given = { ...request, lastFrame: image, references: [image], audioInput: MP3 }
    const before = sentTo(name).length
    const error = await rejection(at(name, { imageUrls: 'url' }).start(given, fakeContext()))
    const problems = [{ field: 'lastFrame' }, { field: 'references' }, { field: 'audioInput' }]
    expect(error).toMatchObject({ code: 'request-invalid', problems })
    expect(sentTo(name)).toHaveLength(before)
  })

  test.each(['fal', 'replicate', 'ark'] as const)('%s is given the address to call back', async (name) => {
    const generator = at(name)
    expect(generator.submission).toMatchObject({ callback: true })
    const callbackUrl = 'https://backend.example/wake?token=canary-token-91c3'
    await generator.start(request, { ...fakeContext(), callbackUrl })
    const sent = sentTo(name).at(-1)
    expect(decodeURIComponent(JSON.stringify([sent?.path, sent?.body]))).toContain(callbackUrl)
  })

  describe('a task of DashScope whose status is UNKNOWN', () => {
    const gone = { id: 'task-of-last-week' }
    const ended = { state: 'failed', error: { code: 'generation-failed', upstreamCode: 'UNKNOWN' } }

    test('has ended after three polls in a row over a minute', async () => {
      const generator = at('dashscope')
      const context = fakeContext({ clock: manualClock() })
      const { clock } = context
      for (const waitMs of [0, 20_000, 20_000, 19_000]) {
        await clock.advance(waitMs)
        expect(await generator.poll(gone, context)).toMatchObject({ state: 'running' })
      }
      await clock.advance(1_000)
      expect(await generator.poll(gone, context)).toMatchObject(ended)
    })

    test('has not ended after two polls, however long apart, nor in another process', async () => {
      const context = fakeContext({ clock: manualClock() })
      for (const generator of [at('dashscope'), at('dashscope')]) {
        expect(await generator.poll(gone, context)).toMatchObject({ state: 'running' })
        await context.clock.advance(3_600_000)
        expect(await generator.poll(gone, context)).toMatchObject({ state: 'running' })
      }
    })

    test('is counted again after a poll that knows it', async () => {
      const generator = at('dashscope')
      const context = fakeContext({ clock: manualClock() })
      const { operation } = await generator.start(request, context)
      const answers = ['UNKNOWN', 'UNKNOWN', 'RUNNING', 'UNKNOWN', 'UNKNOWN']
      const body = (task_status: string) => ({ output: { task_id: operation.id, task_status } })
      sandbox.setFaults({
        'dashscope.poll': answers.map((word) => ({ kind: 'status', status: 200, body: body(word) })),
      })
      for (const _ of answers) {
        expect(await generator.poll(operation, context)).toMatchObject({ state: 'running' })
        await context.clock.advance(60_000)
      }
    })

    test('has ended at once when it was submitted a day ago', async () => {
      const context = fakeContext({ clock: manualClock() })
      const { operation } = await at('dashscope').start(request, context)
      expect(operation.data).toEqual({ submittedAt: context.clock.now() })
      const old = { ...gone, data: operation.data ?? {} }
      expect(await at('dashscope').poll(old, context)).toMatchObject({ state: 'running' })
      await context.clock.advance(24 * 3_600_000)
      expect(await at('dashscope').poll(old, context)).toMatchObject(ended)
    })
  })

  test('former models of DashScope get their own fields', async () => {
    const image = sandbox.files.url('image.png')
    const given = { ...request, size: '1280x720', image }
    const context = fakeContext()
    await at('dashscope', { model: 'wan2.6-i2v' }).start(given, context)
    expect(sentTo('dashscope').at(-1)?.body).toEqual({
      model: 'wan2.6-i2v',
      input: { prompt: 'A cat', img_url: image },
      parameters: { resolution: '720P', duration: 1 },
    })
    // The video has the ratio of its image.
    expect(context.warnings.map(({ message }) => message)).toEqual([expect.stringContaining('does not send size')])
    await at('dashscope').start(given, fakeContext())
    expect(sentTo('dashscope').at(-1)?.body).toMatchObject({
      input: { media: [{ type: 'first_frame', url: image }] },
      parameters: { resolution: '720P', ratio: '16:9' },
    })
  })

  test.each<[model: string, frame: Partial<VideoRequest>, size: string]>([
    ['wan2.2-t2v-plus', { aspectRatio: '9:16' }, '1080*1920'],
    ['wan2.5-t2v-preview', { aspectRatio: '1:1' }, '1440*1440'],
    ['wan2.1-t2v-turbo', { aspectRatio: '9:16' }, '720*1280'],
    ['wan2.2-t2v-plus', { aspectRatio: '9:16', size: '480x832' }, '480*832'],
    ['wan2.2-t2v-plus', { size: '480x832' }, '480*832'],
  ])('%s of DashScope gets a ratio as a size: %j', async (model, frame, size) => {
    const context = fakeContext()
    await at('dashscope', { model }).start({ ...request, ...frame }, context)
    expect(sentTo('dashscope').at(-1)?.body).toMatchObject({ parameters: { size } })
    expect(context.warnings).toEqual([])
  })

  test('a ratio that a former model of DashScope has no size for is refused before anything is sent', async () => {
    const before = seen()
    const given = { ...request, aspectRatio: '21:9' }
    const error = await rejection(at('dashscope', { model: 'wan2.2-t2v-plus' }).start(given, fakeContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'aspectRatio' }] })
    expect(seen()).toBe(before)
  })

  test.each(PROVIDERS.map(([name]) => name))('%s is given the ratio of a size', async (name) => {
    for (const [size, shape] of [
      ['720x1280', /"(?:9:16|720:1280)"/],
      ['832x480', /"(?:16:9|832:480)"/],
    ] as const) {
      const context = fakeContext()
      await at(name)
        .start({ ...request, size }, context)
        .catch(() => undefined)
      expect(JSON.stringify(sentTo(name).at(-1)?.body)).toMatch(shape)
      const isResolutionLost = name === 'fal' || name === 'replicate'
      expect(context.warnings.map(({ message }) => message)).toEqual(
        isResolutionLost ? [expect.stringContaining('does not send size')] : [],
      )
    }
  })

  test('MiniMax is searched by prompt and time', async () => {
    const generator = at('minimax')
    expect(generator.submission).toMatchObject({ lookup: 'fingerprint' })
    const prompt = `A cat ${Math.random()}`
    const { operation } = await generator.start({ ...request, prompt }, fakeContext())
    const clock = { ...instantClock(), now: Date.now }
    const context = fakeContext({ clock, submittedAt: Date.now() })
    expect(await generator.find?.({ ...request, prompt }, context)).toEqual([operation])
    expect(await generator.find?.({ ...request, prompt: `Not ${prompt}` }, context)).toEqual([])
  })

  test('Runway reports real progress, and is not polled more often than it allows', async () => {
    const server = await loopbackServer((_, response) => {
      response.end(JSON.stringify({ id: 't1', status: 'RUNNING', progress: 1 }))
    })
    const generator = runwayGenerator({ baseUrl: server.origin, apiKey: 'canary-key-1', model: 'gen4.5' })
    expect(await generator.poll({ id: 't1' }, fakeContext())).toMatchObject({ ratio: 1, pollAfterMs: 5_000 })
  })
})
