import {
  createProviderRegistry,
  customProvider,
  experimental_generateVideo as generateVideo,
  experimental_getVideoStatus as getVideoStatus,
  experimental_startVideo as startVideo,
} from 'ai'
import { describe, expect, it } from 'vitest'
import { type PipelineVideoModelCall, toVideoModel, type VideoModelRunner } from '../../src/ai-sdk/index.js'
import {
  fallback,
  GenerationFailedError,
  memoryStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type VideoRequest,
} from '../../src/index.js'
import { memoryVideo } from '../../src/strategies/index.js'
import { fakeGenerator, fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'
import { videoBytes } from '../upstream/loopback-server.js'

const VIDEO = videoBytes(70_000)
const poll = { intervalMs: 5 }
const source = memoryVideo(VIDEO)
const IMAGE = new Uint8Array(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
)

function setUp(options: Partial<SoraPipelineOptions> = {}) {
  const generator = fakeTaskGenerator({ polls: 2, video: { id: 'gen_1', source } })
  const store = memoryStore()
  const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => 5, ...options })
  return { generator, store, pipeline }
}

describe('the functions of the AI SDK take a pipeline', () => {
  it('experimental_generateVideo gives the bytes, also those behind a key', async () => {
    const { generator, pipeline } = setUp()
    const result = await generateVideo({ model: toVideoModel(pipeline), prompt: 'A cat', poll })
    expect(Buffer.from(result.video.uint8Array)).toEqual(VIDEO)
    expect(result.video.mediaType).toBe('video/mp4')
    expect(generator.calls).toHaveLength(1)
    expect(result.providerMetadata['sora-pipeline']).toMatchObject({
      runId: expect.stringMatching(/^aisdk_vid_/),
      attempts: [{ stage: 'generate', outcome: 'succeeded' }],
    })
    expect(result.providerMetadata['sora-pipeline']?.ratio).toBeUndefined()
  })

  it('experimental_startVideo gives the id of the run, and experimental_getVideoStatus its status', async () => {
    const { pipeline } = setUp()
    const model = toVideoModel(pipeline, { modelId: 'cats' })
    const headers = { 'Idempotency-Key': 'order-42' }
    const { operation, response } = await startVideo({ model, prompt: 'A cat', headers })
    expect([operation, response.modelId]).toEqual([{ runId: 'order-42' }, 'cats'])
    const status = await getVideoStatus(model, { operation })
    expect(status.status).toBe('pending')
    await pipeline.resume('order-42').result.catch(() => undefined)
    expect(await getVideoStatus(model, { operation })).toMatchObject({ status: 'completed' })
  })

  it('customProvider and createProviderRegistry hold it by name', async () => {
    const { pipeline } = setUp()
    const provider = customProvider({ videoModels: { cats: toVideoModel(pipeline) } })
    const registry = createProviderRegistry({ mine: provider })
    for (const model of [provider.videoModel('cats'), registry.videoModel('mine:cats')]) {
      const { video } = await generateVideo({ model, prompt: 'A cat', poll })
      expect(video.uint8Array.byteLength).toBe(VIDEO.length)
    }
  })

  it('a fallback of the pipeline is not seen but in the metadata', async () => {
    const refusing = fakeGenerator({ name: 'refusing', outcome: new Error('busy') })
    const next = fakeTaskGenerator({ video: { id: 'gen_1', source } })
    const { pipeline } = setUp({ generator: fallback(refusing, next) })
    const { video, providerMetadata } = await generateVideo({ model: toVideoModel(pipeline), prompt: 'A cat', poll })
    expect(video.uint8Array.byteLength).toBe(VIDEO.length)
    expect(providerMetadata['sora-pipeline']?.attempts).toMatchObject([{ outcome: 'failed' }, { outcome: 'succeeded' }])
  })

  it('a failed run is an error with its reason, and is not retried', async () => {
    const generator = fakeGenerator({ outcome: new Error('no such luck') })
    const { pipeline } = setUp({ generator })
    const made = generateVideo({ model: toVideoModel(pipeline), prompt: 'A cat', poll })
    await expect(made).rejects.toThrow(/no such luck/)
    expect(generator.calls).toHaveLength(1)
  })

  it('the same key joins the run of before, in another process as well', async () => {
    const { generator, pipeline, store } = setUp()
    const headers = { 'idempotency-key': 'order-42' }
    const call = { prompt: 'A cat', headers, poll }
    await generateVideo({ ...call, model: toVideoModel(pipeline) })
    const other = setUp({ generator, store }).pipeline
    await generateVideo({ ...call, model: toVideoModel(other) })
    expect(generator.calls).toHaveLength(1)
    const different = generateVideo({ ...call, prompt: 'A dog', model: toVideoModel(other) })
    await expect(different).rejects.toMatchObject({ code: 'run-state' })
  })
})

describe('what is delivered', () => {
  const url = 'https://media.example/a.mp4'
  const uploader = () => fakeUploader({ outcome: { url } })

  it.each([
    ['url', { type: 'url', url, mediaType: 'video/mp4' }],
    ['uploaded', { type: 'uploaded', mediaType: 'video/mp4' }],
  ] as const)('as %s', async (deliver, video) => {
    const { pipeline } = setUp({ uploader: uploader() })
    const model = toVideoModel(pipeline, { deliver })
    const { runId } = await pipeline.generate({ prompt: 'A cat' })
    const status = await model.doStatus({ operation: { runId } })
    expect(status).toMatchObject({
      status: 'completed',
      videos: [video],
      providerMetadata: { 'sora-pipeline': { runId, url, servedBy: 'uploader', isDegraded: false } },
    })
  })

  it('as bytes when the URL needs a key', async () => {
    const { pipeline } = setUp()
    const model = toVideoModel(pipeline, { deliver: 'url' })
    const { video } = await generateVideo({ model, prompt: 'A cat', poll })
    expect(video.uint8Array.byteLength).toBe(VIDEO.length)
  })

  it('as the URL when the upload failed', async () => {
    const generator = fakeGenerator({ outcome: { id: 'gen_1', url } })
    const { pipeline } = setUp({ generator, uploader: fakeUploader({ outcome: new Error('full') }) })
    const { runId } = await pipeline.generate({ prompt: 'A cat' })
    const status = await toVideoModel(pipeline, { deliver: 'uploaded' }).doStatus({ operation: { runId } })
    expect(status).toMatchObject({
      videos: [{ type: 'url', url }],
      providerMetadata: { 'sora-pipeline': { isDegraded: true } },
    })
  })

  it('as the URL by an object of run, resume and get alone', async () => {
    const { pipeline } = setUp({ uploader: uploader() })
    const runner: VideoModelRunner = {
      run: (request, options) => pipeline.run(request, options),
      resume: (id) => pipeline.resume(id),
      get: (id) => pipeline.get(id),
    }
    const model = toVideoModel(runner)
    const { operation } = await model.doStart(callOf({}))
    await pipeline.resume(operation.runId).result
    expect(await model.doStatus({ operation })).toMatchObject({ videos: [{ type: 'url', url }] })
  })
})

function callOf(more: Partial<PipelineVideoModelCall>): PipelineVideoModelCall {
  const nothing = {
    aspectRatio: undefined,
    resolution: undefined,
    duration: undefined,
    fps: undefined,
    seed: undefined,
  }
  const noInput = { image: undefined, frameImages: undefined, inputReferences: undefined, generateAudio: undefined }
  return { prompt: 'A cat', n: 1, ...nothing, ...noInput, providerOptions: {}, ...more }
}

const frame = (name: string) => ({ type: 'url', url: `https://cdn.example/${name}.png` }) as const

describe('a call as a request', () => {
  async function requestOf(more: Partial<PipelineVideoModelCall>) {
    const generator = fakeGenerator()
    const { pipeline } = setUp({ generator })
    const { operation, warnings } = await toVideoModel(pipeline).doStart(callOf(more))
    await pipeline.resume(operation.runId).result
    return { request: generator.calls[0]?.input as VideoRequest, warnings }
  }

  it('has every field', async () => {
    const file = { type: 'file', mediaType: 'image/png', data: IMAGE } as const
    const { request, warnings } = await requestOf({
      aspectRatio: '16:9',
      resolution: '1280x720',
      duration: 8,
      seed: 7,
      generateAudio: true,
      frameImages: [
        { image: { ...file, data: Buffer.from(IMAGE).toString('base64') }, frameType: 'first_frame' },
        { image: { type: 'url', url: 'https://cdn.example/last.png' }, frameType: 'last_frame' },
      ],
      inputReferences: [file, { type: 'url', url: 'https://cdn.example/a.mp3', mediaType: 'audio/mpeg' }],
      providerOptions: { 'sora-pipeline': { style: 'anime', providerOptions: { quality: 'high' } } },
    })
    expect(warnings).toEqual([])
    expect(request).toEqual({
      prompt: 'A cat',
      aspectRatio: '16:9',
      size: '1280x720',
      durationSeconds: 8,
      seed: 7,
      audio: true,
      image: { bytes: expect.any(Uint8Array), mediaType: 'image/png' },
      lastFrame: 'https://cdn.example/last.png',
      references: [{ bytes: expect.any(Uint8Array), mediaType: 'image/png' }],
      audioInput: 'https://cdn.example/a.mp3',
      style: 'anime',
      providerOptions: { quality: 'high' },
    })
  })

  it('has a video, and one first frame that is given twice', async () => {
    const video = { type: 'url', url: 'https://cdn.example/a.mp4', mediaType: 'video/mp4' } as const
    expect((await requestOf({ inputReferences: [video] })).request).toEqual({ prompt: 'A cat', video: video.url })
    const image = { type: 'file', mediaType: 'image/png', data: IMAGE } as const
    const copy = { ...image, data: Buffer.from(IMAGE).toString('base64') }
    const { request } = await requestOf({ image, frameImages: [{ image: copy, frameType: 'first_frame' }] })
    expect(request).toEqual({ prompt: 'A cat', image: { bytes: expect.any(Uint8Array), mediaType: 'image/png' } })
  })

  it('gives a warning for what a request has no field for', async () => {
    const { warnings } = await requestOf({
      fps: 24,
      n: 2,
      aspectRatio: 'adaptive',
      webhookUrl: 'https://hooks.example',
      providerOptions: { fal: { loop: true } },
    })
    expect(warnings.map((warning) => 'feature' in warning && warning.feature)).toEqual([
      ...['fps', 'n', 'webhookUrl', 'aspectRatio', 'providerOptions.fal'],
    ])
  })

  it.each<[string, Partial<PipelineVideoModelCall>]>([
    ['prompt', { prompt: undefined }],
    ['style', { providerOptions: { 'sora-pipeline': { style: 7 } } }],
    [
      'inputReferences',
      {
        inputReferences: ['a', 'b'].map((name) => ({
          type: 'url',
          url: `https://cdn.example/${name}`,
          mediaType: 'video/mp4',
        })),
      },
    ],
    ['frameImages', { image: frame('a'), frameImages: [{ image: frame('b'), frameType: 'first_frame' }] }],
    ['frameImages', { frameImages: ['a', 'b'].map((name) => ({ image: frame(name), frameType: 'first_frame' })) }],
    ['frameImages', { frameImages: ['a', 'b'].map((name) => ({ image: frame(name), frameType: 'last_frame' })) }],
    ['frameImages', { frameImages: [{ image: frame('a'), frameType: 'middle_frame' as never }] }],
    ['video', { image: frame('a'), inputReferences: [{ ...frame('b'), mediaType: 'video/mp4' }] }],
    ['aspectRatio', { resolution: '720x1280', aspectRatio: '16:9' }],
  ])('is refused for its %s before a run is made', async (field, more) => {
    const { pipeline } = setUp()
    await expect(toVideoModel(pipeline).doStart(callOf(more))).rejects.toMatchObject({
      code: 'request-invalid',
      problems: [expect.objectContaining({ field })],
    })
    expect(await pipeline.list()).toEqual([])
  })

  it('has a digest of a key that is too long for an id', async () => {
    const { pipeline } = setUp()
    const { operation } = await toVideoModel(pipeline).doStart(
      callOf({ headers: { 'idempotency-key': 'k'.repeat(300) } }),
    )
    expect(operation.runId).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('doStatus', () => {
  it('of an unknown run is an error, and of a foreign operation is refused', async () => {
    const { pipeline } = setUp()
    const model = toVideoModel(pipeline)
    expect(await model.doStatus({ operation: { runId: 'nothing' } })).toMatchObject({ status: 'error' })
    await expect(model.doStatus({ operation: 'x' })).rejects.toMatchObject({ code: 'request-invalid' })
  })

  it('of a run that failed has an error with the id of the run', async () => {
    const polls = [{ state: 'failed' as const, error: new GenerationFailedError('Could not generate the video: busy') }]
    const { pipeline } = setUp({ generator: fakeTaskGenerator({ polls }) })
    const model = toVideoModel(pipeline)
    const { operation } = await model.doStart(callOf({ headers: { 'idempotency-key': 'run_7' } }))
    await expect.poll(async () => (await model.doStatus({ operation })).status).toBe('error')
    expect(await model.doStatus({ operation })).toMatchObject({
      error: 'Could not generate the video: busy (run run_7)',
    })
  })

  it('of a run of another owner is that of an unknown run', async () => {
    const { pipeline } = setUp()
    await pipeline.run({ prompt: 'A cat' }, { id: 'run_1', owner: 'ann' }).result.catch(() => undefined)
    const operation = { runId: 'run_1' }
    expect(await toVideoModel(pipeline, { owner: 'ann' }).doStatus({ operation })).toMatchObject({
      status: 'completed',
    })
    for (const options of [{ owner: 'bob' }, {}]) {
      const status = await toVideoModel(pipeline, options).doStatus({ operation })
      expect(status).toMatchObject({ status: 'error', error: 'Could not find the run: run_1' })
    }
  })

  it('resumes a run that no process works on', async () => {
    const { generator, pipeline, store } = setUp({ pollSchedule: () => 300 })
    const { operation } = await toVideoModel(pipeline).doStart(callOf({}))
    await expect.poll(() => generator.calls.length).toBeGreaterThan(0)
    await pipeline.close()
    const next = setUp({ generator, store }).pipeline
    const model = toVideoModel(next)
    expect(await model.doStatus({ operation })).toMatchObject({ status: 'pending' })
    await expect.poll(async () => (await model.doStatus({ operation })).status).toBe('completed')
    expect(generator.calls).toHaveLength(1)
  })

  it('and doStart reject with the reason of an abort, and the run continues', async () => {
    const { pipeline } = setUp()
    const model = toVideoModel(pipeline)
    const reason = new Error('enough')
    const aborted = AbortSignal.abort(reason)
    await expect(model.doStart(callOf({ abortSignal: aborted }))).rejects.toBe(reason)
    expect(await pipeline.list()).toEqual([])
    const { operation } = await model.doStart(callOf({}))
    await expect(model.doStatus({ operation, abortSignal: aborted })).rejects.toBe(reason)
    expect(await pipeline.get(operation.runId)).toMatchObject({ status: 'running' })
  })
})

it('what is not a runner is refused', () => {
  expect(() => toVideoModel({ run: () => undefined } as never)).toThrow(/runner is an object \(give a SoraPipeline/)
})
