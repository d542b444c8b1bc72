import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { SubmissionUnknownError } from '../../../src/contracts/run-errors.js'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const PNG = { bytes: new Uint8Array(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')), mediaType: 'image/png' }
const MP4 = { bytes: new Uint8Array(Buffer.from('\0\0\0\x18ftypisom', 'latin1')), mediaType: 'video/mp4' }
const QUEUED = { id: 'v_1', object: 'video', status: 'queued', progress: 0 }
const request: VideoRequest = { prompt: 'A cat' }

const at = (origin: string, options: Partial<VideosApiGeneratorOptions> = {}) =>
  videosApiGenerator({ baseUrl: `${origin}/v1`, apiKey: 'canary-key-1', ...options })

describe('request shapes', () => {
  const seen: { url: string; headers: Headers; body: unknown }[] = []
  const server = setupServer(
    http.post('https://api.example/*', async ({ request: sent }) => {
      const isJson = sent.headers.get('content-type') === 'application/json'
      const body = isJson ? await sent.json() : Object.fromEntries(await sent.formData())
      seen.push({ url: sent.url, headers: sent.headers, body })
      return HttpResponse.json(QUEUED)
    }),
  )
  beforeAll(() => server.listen({ onUnhandledFrame: 'error' }))
  afterAll(() => server.close())

  const sent = async (what: Partial<VideoRequest>, options: Partial<VideosApiGeneratorOptions> = {}) => {
    seen.length = 0
    await at('https://api.example', options).start({ ...request, ...what }, stageContext())
    expect(seen.length).toBe(1)
    return seen[0] ?? { url: '', headers: new Headers(), body: undefined }
  }

  test('a plain request is JSON, with key and idempotency key', async () => {
    const shape = await sent({ durationSeconds: 8, providerOptions: { fps: 24, prompt: 'B' } }, { model: 'm' })
    expect(shape).toMatchObject({
      url: 'https://api.example/v1/videos',
      body: { prompt: 'B', model: 'm', seconds: '8', fps: 24 },
    })
    expect(shape.headers.get('authorization')).toBe('Bearer canary-key-1')
    expect(shape.headers.get('idempotency-key')).toBe('sora_0123456789abcdef')
  })

  test('an address of an image is JSON, or a field of a form', async () => {
    const image = 'https://a.example/i.png'
    expect(await sent({ image }, { imageUrls: 'url' })).toMatchObject({
      body: { input_reference: { image_url: image } },
    })
    const form = await sent({ image }, { encoding: 'multipart', imageUrls: 'url' })
    expect(form).toMatchObject({ body: { 'input_reference[image_url]': image } })
  })

  test('bytes of an image are a file, or a data URL', async () => {
    const shape = await sent({ image: PNG })
    expect(shape.body).toMatchObject({ prompt: 'A cat', input_reference: expect.any(File) })
    const file = (shape.body as { input_reference: File }).input_reference
    expect([file.name, file.type, (await file.arrayBuffer()).byteLength]).toEqual(['image.png', 'image/png', 8])
    expect(await sent({ image: PNG }, { encoding: 'json' })).toMatchObject({
      body: { input_reference: { image_url: expect.stringMatching(/^data:image\/png;base64,/) } },
    })
  })

  test('in a form, objects are JSON and what is empty is left out', async () => {
    const providerOptions = { extra_params: { a: [1] }, fps: 24, nothing: null, input_reference: 'own' }
    expect((await sent({ image: PNG, providerOptions }))?.body).toEqual({
      prompt: 'A cat',
      extra_params: '{"a":[1]}',
      fps: '24',
      input_reference: 'own',
    })
  })

  test('an address to call back is in the field of the server, on every path and in both encodings', async () => {
    const callbackUrl = 'https://video.example/v1/wake/t'
    const sentWith = async (what: Partial<VideoRequest>, options: Partial<VideosApiGeneratorOptions>) => {
      seen.length = 0
      await at('https://api.example', options).start({ ...request, ...what }, { ...stageContext(), callbackUrl })
      return seen.map(({ body }) => body)
    }
    const named = { callbackField: 'callback_url' }
    const expected = [expect.objectContaining({ prompt: 'A cat', callback_url: callbackUrl })]
    expect(await sentWith({}, named)).toEqual(expected)
    expect(await sentWith({}, { ...named, encoding: 'multipart' })).toEqual(expected)
    expect(await sentWith({ remixOf: 'v_9' }, named)).toEqual(expected)
    expect(await sentWith({ video: MP4 }, named)).toEqual(expected)
    expect(await sentWith({ providerOptions: { callback_url: 'https://own.example' } }, named)).toEqual([
      { prompt: 'A cat', callback_url: 'https://own.example' },
    ])
    expect(await sentWith({}, {})).toEqual([{ prompt: 'A cat' }])
    expect((await sent({}, named)).body).toEqual({ prompt: 'A cat' })
  })

  test('a field for that address is one that a submission does not have yet', () => {
    for (const callbackField of [
      'prompt',
      'model',
      'input_reference',
      '',
      ' ',
      '__proto__[x]',
      'a b',
      'x'.repeat(65),
    ]) {
      expect(() => at('https://api.example', { callbackField })).toThrow(/callbackField is .* \(give the name of/)
    }
    expect(at('https://api.example', { callbackField: 'webhook.url' }).submission).toMatchObject({ callback: true })
    expect(at('https://api.example').submission).not.toHaveProperty('callback')
  })

  test('remix, edit and extension go to their own paths', async () => {
    expect(await sent({ remixOf: 'v 9' })).toMatchObject({
      url: 'https://api.example/v1/videos/v%209/remix',
      body: { prompt: 'A cat' },
    })
    expect(await sent({ video: MP4 })).toMatchObject({
      url: 'https://api.example/v1/videos/edits',
      body: { prompt: 'A cat', video: expect.any(File) },
    })
    const providerOptions = { videoInput: 'extensions' }
    expect(await sent({ video: MP4, durationSeconds: 4, providerOptions })).toMatchObject({
      url: 'https://api.example/v1/videos/extensions',
      body: { prompt: 'A cat', seconds: '4', video: expect.any(File) },
    })
    seen.length = 0
    const error = await rejection(
      at('https://api.example', { encoding: 'json' }).start({ ...request, video: MP4 }, stageContext()),
    )
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(seen).toEqual([])
  })
})

describe('the encoding', () => {
  const picky = (wanted: string, status: number, message: string) =>
    loopbackServer((sent, response) => {
      const isFine = String(sent.headers['content-type']).startsWith(wanted)
      response.writeHead(isFine ? 201 : status).end(JSON.stringify(isFine ? QUEUED : { error: { message } }))
    })

  test.each([
    ['multipart/', 415, ''],
    ['multipart/', 400, 'Missing required parameter: prompt'],
    ['multipart/', 422, 'expected multipart/form-data'],
    ['application/json', 400, 'invalid character in JSON: cannot unmarshal'],
  ])('%s is learnt from a %i %j, and remembered', async (wanted, status, message) => {
    const server = await picky(wanted, status, message)
    const generator = at(server.origin)
    const what = wanted === 'application/json' ? { ...request, image: PNG } : request
    await generator.start(what, stageContext())
    expect(server.seen.length).toBe(2)
    await generator.start(what, stageContext())
    expect(server.seen.length).toBe(3)
  })

  test.each(['url', 'data-url'] as const)(
    'is changed for an image as %s where a form certainly has it',
    async (imageUrls) => {
      const isUrl = imageUrls === 'url'
      const image = isUrl ? 'https://images.example/1.png' : PNG
      const sign = isUrl ? 'https://images.example/1.png' : Buffer.from(PNG.bytes).toString('base64')
      for (const status of [400, 415, 422]) {
        const server = await picky('multipart/', status, 'expected multipart/form-data')
        await at(server.origin, { dialect: 'sglang', imageUrls }).start({ ...request, image }, stageContext())
        expect(server.seen.map((sent) => String(sent.body).includes(sign))).toEqual([true, true])
        expect(server.seen.at(-1)?.headers['content-type']).toContain('multipart/form-data')
      }
    },
  )

  test.each(['openai', 'litellm', 'new-api'] as const)(
    'is not changed for an address of %s, whose form may ignore it, and the error says what to do',
    async (dialect) => {
      for (const imageUrls of ['url', 'data-url'] as const) {
        const server = await picky('multipart/', 415, 'use multipart/form-data')
        const image = imageUrls === 'url' ? 'https://images.example/1.png' : PNG
        const error = await rejection(
          at(server.origin, { dialect, imageUrls }).start({ ...request, image }, stageContext()),
        )
        expect(error).toMatchObject({ status: 415, isRefusal: true, code: 'upstream-http' })
        expect(String(error)).toContain("set imageUrls: 'bytes'")
        expect(server.seen).toHaveLength(1)
      }
    },
  )

  test('is not changed for another complaint, nor when it was chosen', async () => {
    const server = await picky('none', 400, 'Missing required parameter: seconds')
    expect(await rejection(at(server.origin).start(request, stageContext()))).toMatchObject({ status: 400 })
    const chosen = await picky('multipart/', 415, '')
    expect(await rejection(at(chosen.origin, { encoding: 'json' }).start(request, stageContext()))).toMatchObject({
      status: 415,
    })
    expect([server.seen.length, chosen.seen.length]).toEqual([1, 1])
  })

  test('when neither is accepted the first complaint counts; an unknown outcome of the second is unknown', async () => {
    const server = await picky('none', 415, 'neither')
    expect(await rejection(at(server.origin).start(request, stageContext()))).toMatchObject({
      status: 415,
      code: 'upstream-http',
    })
    let count = 0
    const odd = await loopbackServer((_, response) => {
      count += 1
      response.writeHead(count === 1 ? 415 : 502).end()
    })
    expect(await rejection(at(odd.origin).start(request, stageContext()))).toBeInstanceOf(SubmissionUnknownError)
  })
})
