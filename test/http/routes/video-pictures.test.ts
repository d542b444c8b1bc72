import OpenAI from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHandler, type VideoRunner } from '../../../src/http/index.js'
import { fallback, type Generator, memoryStore, SoraPipeline, type SoraPipelineOptions } from '../../../src/index.js'
import { type SandboxOptions, startSandbox } from '../../../src/sandbox/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { fakeGenerator, fakeTaskGenerator, fakeUploader } from '../../../src/testing/index.js'
import { mediaTypeOf } from '../../../src/upstream/media-type.js'

const REQUEST = { prompt: 'A cat', durationSeconds: 1 }

async function upstream(options: SandboxOptions = {}) {
  const sandbox = await startSandbox({ speed: 1000, ...options })
  onTestFinished(() => sandbox.close())
  const { baseUrl, apiKey } = sandbox.videosApi
  const { videosDialect: dialect } = options
  return (name: string) => videosApiGenerator({ name, baseUrl, apiKey, dialect, model: 'sora-2' })
}

function backend(generator: Generator, options: Partial<SoraPipelineOptions> = {}) {
  const pipeline = new SoraPipeline({ generator, uploader: fakeUploader(), pollSchedule: () => 20, ...options })
  onTestFinished(() => pipeline.close())
  return { pipeline, ...served(pipeline) }
}

function served(runner: VideoRunner) {
  const handler = createHandler(runner, { public: true })
  const client = new OpenAI({
    apiKey: 'key-1',
    baseURL: 'http://backend.test/v1',
    maxRetries: 0,
    fetch: (input, init) => handler(new Request(input, init)),
  })
  const get = (id: string, variant: string, headers: Record<string, string> = {}, method = 'GET') => {
    const url = `http://backend.test/v1/videos/${id}/content?variant=${variant}`
    return handler(new Request(url, { method, headers }))
  }
  return { client, get }
}

describe('pictures of a video', () => {
  it.each([
    ['thumbnail', 'image/webp', 'webp'],
    ['spritesheet', 'image/jpeg', 'jpg'],
  ] as const)('a %s of the upstream reaches the official client', async (variant, mediaType, extension) => {
    const { pipeline, client, get } = backend((await upstream())('sora'))
    const { runId } = await pipeline.generate(REQUEST, { id: 'run_1', owner: 'everybody' })
    const answer = await client.videos.downloadContent(runId, { variant })
    expect(answer.headers.get('content-type')).toBe(mediaType)
    expect(answer.headers.get('content-disposition')).toBe(`inline; filename="run_1-${variant}.${extension}"`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    expect(mediaTypeOf(bytes)).toBe(mediaType)
    const head = await get(runId, variant, {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.byteLength)])
    const part = await get(runId, variant, { range: 'bytes=4-7' })
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(4, 8)])
    const video = await get(runId, 'video', {}, 'HEAD')
    expect(video.headers.get('content-type')).toBe('video/mp4')
    expect(video.headers.get('etag')).not.toBe(head.headers.get('etag'))
  })

  it('come from the generator that made the video, in any process, and long after', async () => {
    const generator = await upstream()
    const store = memoryStore()
    const refused = fakeTaskGenerator({ starts: [Object.assign(new Error('no'), { status: 400 })] })
    const { pipeline } = backend(fallback([refused, generator('sora')]), { store })
    const { runId } = await pipeline.generate(REQUEST, { owner: 'everybody' })
    const other = backend(generator('sora'), { store })
    const source = await other.pipeline.openVideo(runId, { variant: 'thumbnail' })
    expect(source.mediaType).toBe('image/webp')
    await expect(new Response(await source.open()).arrayBuffer()).resolves.toHaveProperty('byteLength', 54)
  })

  it.each(['openrouter', 'vllm-omni', 'sglang', 'new-api'] as const)('are 404 where %s has none', async (dialect) => {
    const { pipeline, client } = backend((await upstream({ videosDialect: dialect }))('sora'))
    const { runId } = await pipeline.generate(REQUEST, { owner: 'everybody' })
    await expect(client.videos.downloadContent(runId, { variant: 'thumbnail' })).rejects.toMatchObject({
      status: 404,
      code: 'variant_not_found',
      message: expect.stringContaining('the upstream of this video has none'),
    })
  })

  it.each([
    ['a generator of one call', fakeGenerator()],
    ['a task without pictures', fakeTaskGenerator()],
    ['one that resolves to none', { ...fakeTaskGenerator(), openVariant: async () => undefined }],
  ])('are 404 with %s', async (_, generator) => {
    const { pipeline, get } = backend(generator as Generator)
    const { runId } = await pipeline.generate(REQUEST, { owner: 'everybody' })
    expect((await get(runId, 'spritesheet')).status).toBe(404)
    await expect(pipeline.openVideo(runId, { variant: 'spritesheet' })).rejects.toMatchObject({
      code: 'run-state',
      message: `Could not open the spritesheet, the upstream has none for the run: ${runId}`,
    })
  })

  it('are 404, and not the video, through a runner that does not pass the variant on', async () => {
    const { pipeline } = backend((await upstream())('sora'))
    const { runId } = await pipeline.generate(REQUEST, { owner: 'everybody' })
    const bound = Object.fromEntries(
      (['run', 'resume', 'get', 'list', 'remove'] as const).map((name) => [name, pipeline[name].bind(pipeline)]),
    )
    const runner = { ...bound, openVideo: (id: string) => pipeline.openVideo(id) } as unknown as VideoRunner
    expect((await served(runner).get(runId, 'thumbnail')).status).toBe(404)
  })

  it('are 502 when the upstream is away, and no other variant exists', async () => {
    const failing = { ...fakeTaskGenerator(), openVariant: () => Promise.reject(new TypeError('fetch failed')) }
    const { pipeline, get } = backend(failing as Generator)
    const { runId } = await pipeline.generate(REQUEST, { owner: 'everybody' })
    expect((await get(runId, 'thumbnail')).status).toBeGreaterThanOrEqual(500)
    expect((await get(runId, 'poster')).status).toBe(400)
    const wrong = { variant: 'poster' } as unknown as { variant: 'thumbnail' }
    await expect(pipeline.openVideo(runId, wrong)).rejects.toMatchObject({
      code: 'request-invalid',
      message: expect.stringContaining('variant'),
    })
  })

  it('name what is wrong with a result of openVariant()', async () => {
    const wrong = { ...fakeTaskGenerator(), openVariant: async () => 'https://cdn.example/a.webp' }
    const { pipeline } = backend(wrong as unknown as Generator)
    const { runId } = await pipeline.generate(REQUEST, { owner: 'everybody' })
    await expect(pipeline.openVideo(runId, { variant: 'thumbnail' })).rejects.toMatchObject({
      message: expect.stringMatching(
        /thumbnail: the result of openVariant\(\) of .* is .*\(give a VideoSource with open\(\)\)$/,
      ),
    })
  })
})
