import { describe, expect, test } from 'vitest'
import { paceSchedule, SoraPipeline, type VideoRequest } from '../../../src/index.js'
import { type SandboxVideosDialect, startSandbox } from '../../../src/sandbox/index.js'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { fakeContext } from '../../../src/testing/index.js'

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and its pixels', 'latin1')
const FILE = { filename: 'image.png', mediaType: 'image/png', byteLength: PNG.length }
const DATA_URL = `data:image/png;base64,${PNG.toString('base64')}`
const HTTPS = 'https://cdn.example/a.png'
const PICTURE = { bytes: PNG, mediaType: 'image/png' }
const SOUND = { bytes: Buffer.from('a sound'), mediaType: 'audio/mpeg' }
const SOUND_URL = `data:audio/mpeg;base64,${SOUND.bytes.toString('base64')}`
const entry = (url: string) => ({ type: 'image_url', image_url: { url } })
const first = (url: string) => [{ ...entry(url), frame_type: 'first_frame' }]

/** Makes a video with everything that dialects differ in, and gives the body that the server took. */
async function made(
  dialect: SandboxVideosDialect,
  options: Partial<VideosApiGeneratorOptions> = {},
  request: Partial<VideoRequest> | ((image: string) => Partial<VideoRequest>) = {},
) {
  await using sandbox = await startSandbox({ speed: 40, videosDialect: dialect })
  sandbox.files.put('image.png', PNG)
  const image = sandbox.files.url('image.png')
  const local = ['127.0.0.1']
  const generator = videosApiGenerator({
    ...sandbox.videosApi,
    dialect,
    model: 'wan-3',
    allowPrivateAddresses: local,
    ...options,
  })
  const pipeline = new SoraPipeline({
    generator,
    resolver: { name: 'none', resolve: async () => ({ url: 'https://cdn.example/a.mp4' }) },
    pollSchedule: paceSchedule({ firstMs: 40, floorMs: 40, blindMs: 80 }),
    allowPrivateAddresses: local,
  })
  const asked = typeof request === 'function' ? request(image) : request
  const given = { prompt: 'A cat', durationSeconds: 1, size: '64x64', seed: 7, audio: true, image, ...asked }
  const run = pipeline.run(given as VideoRequest)
  const result = await run.result.catch((error: unknown) => error)
  const sent = sandbox.requestsTo('videos.create')
  const warnings = 'warnings' in Object(result) ? (result as { warnings: { message: string }[] }).warnings : []
  return {
    image,
    result,
    sent,
    body: sent.at(-1)?.body as Record<string, unknown>,
    messages: warnings.map(({ message }) => message),
    warned: warnings.map(({ message }) => /send (\w+)/.exec(message)?.[1]),
    fetched: sandbox.requestsTo('files').length,
  }
}

describe.concurrent('a dialect of videosApiGenerator', () => {
  test.each<[SandboxVideosDialect, (image: string) => object, string[]]>([
    ['openai', () => ({ seconds: '1', size: '64x64', input_reference: FILE }), ['seed', 'audio']],
    [
      'openrouter',
      (image) => ({ duration: 1, size: '64x64', seed: 7, generate_audio: true, frame_images: first(image) }),
      [],
    ],
    ['litellm', () => ({ seconds: '1', seed: '7', generate_audio: 'true', input_reference: FILE }), []],
    ['vllm-omni', () => ({ seconds: '1', seed: '7', generate_sound: 'true', input_reference: FILE }), []],
    ['sglang', (image) => ({ seconds: 1, seed: 7, reference_url: image }), ['audio']],
    ['new-api', () => ({ seconds: '1', input_reference: FILE }), ['seed', 'audio']],
  ])('%s is taken by the server with its image, in one request', async (dialect, fields, warned) => {
    const seen = await made(dialect)
    expect(seen.result).toMatchObject({ isDegraded: false })
    expect(seen.sent).toHaveLength(1)
    expect(seen.sent[0]?.headers['x-litellm-num-retries']).toBe('0')
    expect(seen.body).toMatchObject({ prompt: 'A cat', model: 'wan-3', ...fields(seen.image) })
    expect(seen.warned).toEqual(warned)
    expect(seen.fetched).toBe(JSON.stringify(seen.body).includes(seen.image) ? 0 : 1)
  })

  test.each<[SandboxVideosDialect, Partial<VideosApiGeneratorOptions>, (image: string) => object]>([
    ['openai', { imageUrls: 'url' }, (image) => ({ input_reference: { image_url: image } })],
    ['openai', { imageUrls: 'data-url' }, () => ({ input_reference: { image_url: DATA_URL } })],
    ['openai', { encoding: 'json' }, () => ({ input_reference: { image_url: DATA_URL } })],
    ['openai', { encoding: 'multipart', imageUrls: 'url' }, (image) => ({ 'input_reference[image_url]': image })],
    ['openrouter', { imageUrls: 'bytes' }, () => ({ frame_images: first(DATA_URL) })],
    ['litellm', { imageUrls: 'url' }, (image) => ({ frame_images: first(image) })],
    ['vllm-omni', { imageUrls: 'url' }, (image) => ({ image_reference: JSON.stringify({ image_url: image }) })],
    ['sglang', { imageUrls: 'bytes' }, () => ({ input_reference: FILE })],
    ['sglang', { imageUrls: 'data-url' }, () => ({ reference_url: DATA_URL })],
    ['new-api', { imageUrls: 'url' }, (image) => ({ input_reference: image })],
    ['new-api', { imageUrls: 'data-url' }, () => ({ input_reference: DATA_URL })],
  ])('%s with %j is taken with its image', async (dialect, options, fields) => {
    const seen = await made(dialect, options)
    expect(seen.result).toMatchObject({ isDegraded: false })
    expect(seen.body).toMatchObject(fields(seen.image))
  })

  test.each<
    [SandboxVideosDialect, Partial<VideosApiGeneratorOptions>, (image: string) => Partial<VideoRequest>, object]
  >([
    [
      'openrouter',
      { imageUrls: 'bytes' },
      (image) => ({ lastFrame: image }),
      { frame_images: [...first(DATA_URL), { ...entry(DATA_URL), frame_type: 'last_frame' }] },
    ],
    [
      'openrouter',
      {},
      () => ({ image: undefined, lastFrame: HTTPS }),
      { frame_images: [{ ...entry(HTTPS), frame_type: 'last_frame' }] },
    ],
    [
      'openrouter',
      {},
      () => ({ image: undefined, references: [PICTURE, HTTPS], audioInput: SOUND }),
      {
        input_references: [entry(DATA_URL), entry(HTTPS), { type: 'audio_url', audio_url: { url: SOUND_URL } }],
      },
    ],
    [
      'litellm',
      {},
      (image) => ({ lastFrame: image }),
      { seed: 7, frame_images: [...first(DATA_URL), { ...entry(DATA_URL), frame_type: 'last_frame' }] },
    ],
    [
      'litellm',
      { imageUrls: 'url' },
      () => ({ image: undefined, references: [HTTPS, PICTURE] }),
      { input_references: [entry(HTTPS), entry(DATA_URL)] },
    ],
    [
      'vllm-omni',
      {},
      (image) => ({ lastFrame: image }),
      { image_reference: JSON.stringify([{ image_url: DATA_URL }, { image_url: DATA_URL }]) },
    ],
    [
      'vllm-omni',
      { imageUrls: 'url' },
      () => ({ image: undefined, references: [HTTPS], audioInput: HTTPS }),
      {
        image_reference: JSON.stringify([{ image_url: HTTPS }]),
        audio_reference: JSON.stringify({ audio_url: HTTPS }),
      },
    ],
    [
      'vllm-omni',
      { imageUrls: 'data-url' },
      () => ({ audioInput: SOUND }),
      {
        image_reference: JSON.stringify([{ image_url: DATA_URL }]),
        audio_reference: JSON.stringify({ audio_url: SOUND_URL }),
      },
    ],
  ])('%s with %j is taken with its further media', async (dialect, options, request, fields) => {
    const seen = await made(dialect, options, request)
    expect(seen.result).toMatchObject({ isDegraded: false })
    expect(seen.sent).toHaveLength(1)
    expect(seen.body).toMatchObject({ prompt: 'A cat', model: 'wan-3', ...fields })
    expect(seen.body).not.toHaveProperty('input_reference')
    const mayIgnore = seen.messages.filter((message) => message.includes('may ignore audioInput'))
    expect(mayIgnore).toHaveLength(dialect === 'vllm-omni' && 'audio_reference' in fields ? 1 : 0)
  })

  const FRAMES_ONLY = /leave it out: image is given, and the server reads only one of them/
  test.each<[SandboxVideosDialect, Partial<VideoRequest>, string, RegExp]>([
    ['openai', { lastFrame: HTTPS }, 'lastFrame', /the dialect "openai" of videos-api has no such field/],
    ['openai', { references: [HTTPS] }, 'references', /the dialect "openai" of videos-api has no such field/],
    ['openai', { audioInput: HTTPS }, 'audioInput', /the dialect "openai" of videos-api has no such field/],
    ['sglang', { lastFrame: HTTPS }, 'lastFrame', /the dialect "sglang" of videos-api has no such field/],
    ['sglang', { references: [HTTPS] }, 'references', /the dialect "sglang" of videos-api has no such field/],
    ['new-api', { references: [HTTPS] }, 'references', /the dialect "new-api" of videos-api has no such field/],
    ['litellm', { audioInput: HTTPS }, 'audioInput', /the dialect "litellm" of videos-api has no such field/],
    ['litellm', { references: [HTTPS] }, 'references', FRAMES_ONLY],
    ['openrouter', { references: [HTTPS] }, 'references', FRAMES_ONLY],
    ['openrouter', { audioInput: HTTPS }, 'audioInput', FRAMES_ONLY],
    ['vllm-omni', { references: [HTTPS] }, 'references', FRAMES_ONLY],
    ['vllm-omni', { image: undefined, lastFrame: HTTPS }, 'lastFrame', /give image as well/],
    ['litellm', { image: undefined, remixOf: 'v1', lastFrame: HTTPS }, 'lastFrame', /remixOf is given/],
    ['litellm', { lastFrame: 'data:image/png;base64,AAAA' }, 'lastFrame', /give the bytes of a PNG/],
    ['litellm', { image: undefined, references: ['data:image/png;base64,AAAA'] }, 'references[0]', /give the bytes/],
  ])('%s refuses %j before anything is sent, and says why', async (dialect, request, field, message) => {
    const { result, sent } = await made(dialect, { imageUrls: 'url' }, request)
    expect(result).toMatchObject({ code: 'request-invalid', problems: [{ field }] })
    expect(String(result)).toMatch(message)
    expect(sent).toHaveLength(0)
  })

  test('litellm refuses further media where a form was chosen', async () => {
    const request = { image: undefined, lastFrame: PICTURE }
    const { result, sent } = await made('litellm', { encoding: 'multipart' }, request)
    expect(String(result)).toMatch(/let the encoding be auto or json/)
    expect(sent).toHaveLength(0)
  })

  test.each<[SandboxVideosDialect, Partial<VideoRequest>, string]>([
    ['openrouter', { durationSeconds: 1.5 }, 'durationSeconds'],
    ['openrouter', { image: undefined, remixOf: 'v1' }, 'remixOf'],
    ['vllm-omni', { image: undefined, remixOf: 'v1' }, 'remixOf'],
    ['sglang', { aspectRatio: '21:9', size: undefined }, 'aspectRatio'],
    ['sglang', { style: 'anime' }, 'style'],
  ])('%s refuses %j before anything is sent', async (dialect, request, field) => {
    const { result, sent } = await made(dialect, {}, request)
    expect(result).toMatchObject({ code: 'request-invalid', problems: [{ field }] })
    expect(sent).toHaveLength(0)
  })

  test.each<[SandboxVideosDialect, object]>([
    ['openrouter', { aspect_ratio: '21:9' }],
    ['litellm', { aspect_ratio: '21:9' }],
    ['vllm-omni', { aspect_ratio: '21:9' }],
    ['new-api', { size: '1280x720' }],
  ])('%s sends a ratio in its own way', async (dialect, fields) => {
    const aspectRatio = dialect === 'new-api' ? '16:9' : '21:9'
    const { body } = await made(dialect, {}, { aspectRatio, size: undefined, image: undefined })
    expect(body).toMatchObject(fields)
  })

  test('sglang has no cancellation, because the server continues a job that is deleted', async () => {
    const at = (dialect: SandboxVideosDialect) => videosApiGenerator({ baseUrl: 'https://api.example/v1', dialect })
    expect([at('sglang').cancel, typeof at('vllm-omni').cancel]).toEqual([undefined, 'function'])
    await using sandbox = await startSandbox({ speed: 1, videosDialect: 'sglang' })
    const { baseUrl, apiKey } = sandbox.videosApi
    const { id } = await videosApiGenerator({ baseUrl, apiKey, dialect: 'sglang' })
      .start({ prompt: 'A cat' }, fakeContext())
      .then(({ operation }) => operation)
    const headers = { authorization: `Bearer ${apiKey}` }
    const answer = await fetch(`${baseUrl}/videos/${id}`, { method: 'DELETE', headers })
    expect(await answer.json()).toMatchObject({ id, object: 'video', status: 'deleted' })
  })

  test('names a chosen encoding that the server does not read', () => {
    const at = (options: Partial<VideosApiGeneratorOptions>) => () =>
      videosApiGenerator({ baseUrl: 'https://api.example/v1', ...options })
    expect(at({ dialect: 'openrouter', encoding: 'multipart' })).toThrow(/encoding .*openrouter takes only json/)
    expect(at({ dialect: 'vllm-omni', encoding: 'json' })).toThrow(/encoding .*vllm-omni takes only multipart/)
    expect(at({ dialect: 'litellm', encoding: 'multipart', imageUrls: 'url' })).toThrow(/imageUrls .*only files/)
    expect(at({ dialect: 'vllm' as never })).toThrow(/dialect is "vllm"/)
  })
})

describe('the sandbox as another server', () => {
  test.each<[SandboxVideosDialect, object, string, number]>([
    ['openrouter', { prompt: 'A cat', model: 'm', seconds: '4' }, 'json', 400],
    ['openrouter', { prompt: 'A cat', model: 'm', duration: '4' }, 'json', 400],
    ['openrouter', { prompt: 'A cat', model: 'm' }, 'form', 400],
    ['openrouter', { prompt: 'A cat', model: 'm', duration: 4 }, 'json', 202],
    ['litellm', { prompt: 'A cat', input_reference: { image_url: DATA_URL } }, 'json', 400],
    ['litellm', { prompt: 'A cat', frame_images: first(HTTPS), input_references: [entry(HTTPS)] }, 'json', 400],
    ['litellm', { prompt: 'A cat', frame_images: JSON.stringify(first(HTTPS)) }, 'form', 400],
    ['openrouter', { prompt: 'A cat', model: 'm', input_references: [HTTPS] }, 'json', 400],
    ['vllm-omni', { prompt: 'A cat', image_reference: `[{"file":"${HTTPS}"}]` }, 'form', 422],
    ['vllm-omni', { prompt: 'A cat', audio_reference: HTTPS }, 'form', 422],
    ['vllm-omni', { prompt: 'A cat' }, 'json', 422],
    ['vllm-omni', { prompt: 'A cat', 'input_reference[image_url]': DATA_URL }, 'form', 200],
    ['sglang', { prompt: 'A cat', input_reference: { image_url: DATA_URL } }, 'json', 400],
    ['sglang', { prompt: 'A cat', seconds: 'four' }, 'json', 400],
    ['new-api', { prompt: 'A cat', input_reference: { image_url: DATA_URL } }, 'json', 400],
  ])('%s answers %j as %s with %i', async (videosDialect, fields, kind, status) => {
    await using sandbox = await startSandbox({ speed: 40, videosDialect })
    const { baseUrl, apiKey } = sandbox.videosApi
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, String(value))
    const answer = await fetch(`${baseUrl}/videos`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, ...(kind === 'json' && { 'content-type': 'application/json' }) },
      body: kind === 'json' ? JSON.stringify(fields) : form,
    })
    expect(answer.status).toBe(status)
    await answer.body?.cancel()
  })

  test.each<[SandboxVideosDialect, string, string]>([
    ['openrouter', 'GET', '/videos'],
    ['litellm', 'DELETE', '/videos/v1'],
    ['new-api', 'GET', '/videos'],
    ['new-api', 'DELETE', '/videos/v1'],
    ['sglang', 'POST', '/videos/v1/remix'],
  ])('%s has no %s %s', async (videosDialect, method, path) => {
    await using sandbox = await startSandbox({ speed: 40, videosDialect })
    const { baseUrl, apiKey } = sandbox.videosApi
    const answer = await fetch(`${baseUrl}${path}`, { method, headers: { authorization: `Bearer ${apiKey}` } })
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('Invalid URL')])
  })
})
