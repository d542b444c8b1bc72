import { describe, expect, test, vi } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { type ChatCompletionsGeneratorOptions, chatCompletionsGenerator } from '../../../src/strategies/index.js'
import { systemClock } from '../../../src/timing/system-clock.js'
import { deadOrigin, json, loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { chatServer, chunk, DONE, generatorAt } from './chat-server.js'

const PNG = new Uint8Array(
  Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=', 'base64'),
)
const PNG_URL = `data:image/png;base64,${Buffer.from(PNG).toString('base64')}`
const POST = `s_${'0123456789abcdef'.repeat(2)}`
const URL_1 = 'https://cdn.example/1.mp4'
const context = (signal?: AbortSignal) => ({ ...stageContext(signal), clock: systemClock })

async function sent(more: Partial<VideoRequest>, options: Partial<ChatCompletionsGeneratorOptions> = {}) {
  const server = await chatServer([chunk({ content: URL_1 }, 'stop'), DONE])
  const told = context()
  await generatorAt(server, options).generate({ prompt: 'A cat', ...more }, told)
  expect(server.seen).toHaveLength(1)
  const { method, url, headers, body } = server.seen[0] ?? {}
  return { method, url, headers, body: JSON.parse(String(body)), warnings: told.warnings }
}
const textOf = async (more: Partial<VideoRequest>) => (await sent(more)).body.messages[0].content

describe('the request', () => {
  test('is one user message to the model, streamed', async () => {
    const { method, url, headers, body, warnings } = await sent(
      { metadata: { a: 'b' } },
      { headers: { 'x-group': '7' } },
    )
    expect([method, url]).toEqual(['POST', '/v1/chat/completions'])
    expect(headers).toMatchObject({
      authorization: 'Bearer canary-chat-key',
      'content-type': 'application/json',
      'x-group': '7',
      accept: 'text/event-stream, application/json',
      'x-litellm-num-retries': '0',
    })
    expect(body).toEqual({ model: 'sora2-landscape-10s', messages: [{ role: 'user', content: 'A cat' }], stream: true })
    expect(warnings).toEqual([])
  })

  test('names the model of the request, and takes providerOptions over everything', async () => {
    expect((await sent({ model: 'sora2-portrait-15s' })).body.model).toBe('sora2-portrait-15s')
    expect((await sent({ providerOptions: { style_id: 'anime', model: 'x' } })).body).toMatchObject({
      style_id: 'anime',
      model: 'x',
    })
  })

  test.each<[string, Partial<VideoRequest>, string]>([
    ['a style in front', { style: 'Anime' }, '{Anime} A cat'],
    ['the post to remix at the end', { remixOf: POST }, `A cat ${POST}`],
    ['its share link', { remixOf: `https://sora.chatgpt.com/p/${POST}` }, `A cat https://sora.chatgpt.com/p/${POST}`],
    [
      'shots as markers',
      {
        storyboard: [
          { durationSeconds: 5, prompt: 'plays' },
          { durationSeconds: 2.5, prompt: 'bows' },
          { durationSeconds: 1 / 3, prompt: 'ends' },
        ],
      },
      'A cat\n[5.0s]plays\n[2.5s]bows\n[0.333s]ends',
    ],
    [
      'all of the text together',
      { style: 'retro', storyboard: [{ durationSeconds: 10, prompt: 'plays' }] },
      '{retro} A cat\n[10.0s]plays',
    ],
  ])('has %s', async (_, more, text) => {
    expect(await textOf(more)).toBe(text)
  })

  test.each<[string, Partial<VideoRequest>, unknown]>([
    ['bytes', { image: { bytes: PNG, mediaType: 'image/png' } }, { type: 'image_url', image_url: { url: PNG_URL } }],
    ['a data URL', { image: PNG_URL }, { type: 'image_url', image_url: { url: PNG_URL } }],
    [
      'a video by its address',
      { video: 'https://cdn.example/in.mp4' },
      { type: 'video_url', video_url: { url: 'https://cdn.example/in.mp4' } },
    ],
  ])('has %s as a part after the text', async (_, more, part) => {
    expect(await textOf(more)).toEqual([{ type: 'text', text: 'A cat' }, part])
  })

  test('has references as further images after the first, with a warning', async () => {
    const part = { type: 'image_url', image_url: { url: PNG_URL } }
    const { body, warnings } = await sent({
      image: PNG_URL,
      references: [{ bytes: PNG, mediaType: 'image/png' }, PNG_URL],
    })
    expect(body.messages[0].content).toEqual([{ type: 'text', text: 'A cat' }, part, part, part])
    expect(warnings).toEqual([
      {
        code: 'unsupported-option',
        message: expect.stringMatching(/may read only image: references are sent as images/),
      },
    ])
  })

  test('has references without a first frame as the images of the message, with a warning', async () => {
    const part = { type: 'image_url', image_url: { url: PNG_URL } }
    const { body, warnings } = await sent({ references: [PNG_URL, PNG_URL] })
    expect(body.messages[0].content).toEqual([{ type: 'text', text: 'A cat' }, part, part])
    const message = expect.stringMatching(/may read only the first of references, as the first frame/)
    expect(warnings).toEqual([{ code: 'unsupported-option', message }])
  })

  test('has the address of an image only for an upstream that reads it', async () => {
    const image = 'https://img.example/1.png'
    expect((await sent({ image }, { imageUrls: 'send' })).body.messages[0].content[1]).toEqual({
      type: 'image_url',
      image_url: { url: image },
    })
    expect((await sent({ image, providerOptions: { image } })).body).toMatchObject({
      image,
      messages: [{ content: 'A cat' }],
    })
  })

  test('warns of what changes little, and drops nothing silently', async () => {
    const { body, warnings } = await sent({
      seed: 1,
      audio: true,
      user: 'u',
      style: 'noir',
      durationSeconds: 10,
      aspectRatio: '16:9',
      size: '1280x720',
    })
    expect(body.messages[0].content).toBe('{noir} A cat')
    expect(warnings.map(({ code, message }) => `${code} ${/(?:send|read) (\w+)/.exec(message)?.[1]}`)).toEqual(
      ['seed', 'audio', 'user', 'size', 'style'].map((field) => `unsupported-option ${field}`),
    )
    const honoured = await sent({ seed: 1, durationSeconds: 7, providerOptions: { seed: 1, durationSeconds: 7 } })
    expect([honoured.body.seed, honoured.warnings]).toEqual([1, []])
  })

  test('an address that is only repeated from it is not a result', async () => {
    const own = 'https://sora.chatgpt.com/p/x'
    const server = await chatServer([chunk({ content: `Remixing ${own} now: ${URL_1}` }, 'stop'), DONE])
    expect(await generatorAt(server).generate({ prompt: `Like ${own}, but blue` }, context())).toMatchObject({
      url: URL_1,
    })
  })
})

test.each<[string, Partial<VideoRequest>, string[]]>([
  ['a length that the model does not have', { durationSeconds: 8 }, ['durationSeconds']],
  ['a length for a model that says none', { durationSeconds: 8, model: 'sora-1.0' }, ['durationSeconds']],
  ['the other orientation', { aspectRatio: '9:16', size: '720x1280' }, ['aspectRatio', 'size']],
  ['its own ratio', { aspectRatio: '1:1', size: '640x640' }, ['aspectRatio', 'size']],
  ['a size for a model that says none', { size: '1280x720', model: 'sora-1.0' }, ['size']],
  ['a size that cannot be read', { size: 'large' }, ['size']],
  ['the address of an image', { image: 'https://img.example/1.png' }, ['image']],
  ['an invalid image', { image: 'data:image/png;base64,AAAA' }, ['image']],
  ['the address of a reference', { image: PNG_URL, references: ['https://img.example/1.png'] }, ['references']],
  ['an invalid reference', { image: PNG_URL, references: ['data:image/png;base64,AAAA'] }, ['references[0]']],
  ['a last frame', { lastFrame: PNG_URL }, ['lastFrame']],
  ['a sound', { audioInput: 'https://img.example/1.mp3' }, ['audioInput']],
  ['two beginnings', { image: PNG_URL, video: 'https://cdn.example/in.mp4', remixOf: POST }, ['video', 'remixOf']],
  ['a remix of what is no post', { remixOf: 'video_1' }, ['remixOf']],
  ['a remix with shots', { remixOf: POST, storyboard: [{ durationSeconds: 1, prompt: 'x' }] }, ['storyboard']],
  ['a style of two words', { style: 'film noir' }, ['style']],
])('%s is refused before anything is sent', async (_, more, fields) => {
  const server = await chatServer([chunk({ content: URL_1 }), DONE])
  const error = await rejection(generatorAt(server).generate({ prompt: 'A cat', ...more }, context()))
  expect(error).toMatchObject({ code: 'request-invalid', problems: fields.map((field) => ({ field })) })
  expect(JSON.stringify(error)).not.toContain('base64,iVBOR')
  expect(server.seen).toEqual([])
})

describe('an answer in place of the stream', () => {
  test.each<[number, unknown, string]>([
    [401, { detail: 'Invalid API key' }, 'authentication'],
    [403, { detail: 'Not authenticated' }, 'authentication'],
    [422, { detail: [{ loc: ['body', 'model'], msg: 'Field required' }] }, 'upstream-http'],
    [400, { error: { message: 'Invalid model: x', type: 'invalid_request_error' } }, 'upstream-http'],
    [
      500,
      { error: { message: '400: Invalid model: x', type: 'server_error', param: null, code: null } },
      'upstream-http',
    ],
    [402, '', 'quota-exceeded'],
    [429, '', 'rate-limited'],
    [503, '', 'overloaded'],
    [500, 'Internal Server Error', 'submission-unknown'],
    [502, '', 'submission-unknown'],
    [504, { error: { message: 'No task id in time', code: 'task_id_timeout' } }, 'submission-unknown'],
    [302, '', 'submission-unknown'],
    [409, '', 'submission-unknown'],
    [204, '', 'submission-unknown'],
  ])('%i %j is %s', async (status, body, code) => {
    const server = await loopbackServer((_, response) => {
      response
        .writeHead(status, { 'retry-after': '7' })
        .end(status === 204 ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
    })
    const error = await rejection(generatorAt(server).generate({ prompt: 'x' }, context()))
    expect(error).toMatchObject({ code })
    expect(server.seen).toHaveLength(1)
    if (code === 'overloaded') expect(error).toMatchObject({ retryAfterMs: 7_000 })
    if (code === 'upstream-http') expect(error).toMatchObject({ isRefusal: true, isRetryable: false })
  })

  test('server errors are refusals of an upstream that is known to answer so', async () => {
    const server = await loopbackServer(json(500, { error: 'No' }))
    const error = await rejection(generatorAt(server, { serverErrors: 'refused' }).generate({ prompt: 'x' }, context()))
    expect(error).toMatchObject({ code: 'upstream-http', isRefusal: true })
  })

  test('a closed port is a refusal', async () => {
    const error = await rejection(
      generatorAt({ origin: await deadOrigin() } as never).generate({ prompt: 'x' }, context()),
    )
    expect(error).toMatchObject({ code: 'network', isRefusal: true, isRetryable: true })
  })

  test('a key that cannot be resolved is a refusal, in time', async () => {
    const server = await chatServer([])
    const failing = (apiKey: () => Promise<string>) =>
      rejection(generatorAt(server, { apiKey, idleTimeoutMs: 40 }).generate({ prompt: 'x' }, context()))
    expect(await failing(() => Promise.reject(new Error('canary')))).toMatchObject({ code: 'authentication' })
    expect(await failing(() => new Promise(() => undefined))).toMatchObject({ code: 'network', isRefusal: true })
    expect(server.seen).toEqual([])
  })
})

test.each(['http://127.0.0.1:8000/tmp/a.mp4', 'http://localhost/tmp/a.mp4', 'http://[::1]:8000/a.mp4'])(
  'a video on the own machine of a distant upstream is reported: %s',
  async (url) => {
    const fetch = async () => new Response(chunk({ content: `<video src='${url}'></video>` }, 'stop'))
    const told = context()
    const generator = chatCompletionsGenerator({ baseUrl: 'https://chat.example/v1', model: 'sora-1.0', fetch })
    expect(await generator.generate({ prompt: 'x' }, told)).toMatchObject({ url })
    expect(told.warnings).toMatchObject([{ code: 'loopback-url', message: expect.stringContaining(new URL(url).host) }])
  },
)

describe('options', () => {
  const good = { baseUrl: 'https://chat.example/v1', model: 'sora2-landscape-10s' }

  test('every problem is named at once', () => {
    const bad = {
      name: '',
      baseUrl: 'chat',
      apiKey: 'ü',
      model: '',
      headers: { 'a b': 'x' },
      imageUrls: 'maybe',
      idleTimeoutMs: 0,
      timeoutMs: Number.NaN,
      serverErrors: 'x',
    }
    const fields = [
      'name',
      'baseUrl',
      'apiKey',
      'model',
      'headers["a b"]',
      'imageUrls',
      'idleTimeoutMs',
      'timeoutMs',
      'serverErrors',
    ]
    expect(() => chatCompletionsGenerator(bad as never)).toThrow(
      expect.objectContaining({
        code: 'configuration-invalid',
        problems: fields.map((field) => expect.objectContaining({ field })),
      }),
    )
  })

  test('name and label', () => {
    expect(chatCompletionsGenerator(good)).toMatchObject({ name: 'chat-completions' })
    expect(chatCompletionsGenerator(good)).not.toHaveProperty('label')
    expect(chatCompletionsGenerator({ ...good, name: 'mine', label: 'Mine' })).toMatchObject({
      name: 'mine',
      label: 'Mine',
    })
  })

  test('a trailing slash and a query of the address are kept apart', async () => {
    const fetch = vi.fn(async (_: unknown, __?: RequestInit) => new Response(chunk({ content: URL_1 }, 'stop')))
    const generator = chatCompletionsGenerator({ ...good, baseUrl: 'https://chat.example/v1/?group=a', fetch })
    await generator.generate({ prompt: 'x' }, context())
    expect(fetch.mock.calls[0]?.[0]).toBe('https://chat.example/v1/chat/completions?group=a')
    expect(new Headers(fetch.mock.calls[0]?.[1]?.headers).has('authorization')).toBe(false)
  })
})
