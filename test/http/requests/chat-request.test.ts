import fc from 'fast-check'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../src/contracts/input-errors.js'
import { type ChatReading, readChatRequest } from '../../../src/http/requests/chat-request.js'
import { readBody } from '../../../src/http/requests/read-body.js'
import { checkRequest } from '../../../src/pipeline/check-request.js'
import { isDoneWithin } from '../../support/is-done-within.js'
import { wrongFields } from './refusal-of.js'

const PNG = 'data:image/png;base64,iVBORw0KGgo='
const MP4 = `data:video/mp4;base64,${Buffer.from('\0\0\0\x18ftypmp42').toString('base64')}`
const IMAGE_URL = 'https://images.example/cat.png'
const POST = 's_0123456789abcdef0123456789abcdef'

const user = (content: unknown) => ({ role: 'user', content })
const chat = (content: unknown, more: object = {}) => ({ model: 'sora-1.0', messages: [user(content)], ...more })
const requestOf = (value: unknown, options?: ChatReading) => readChatRequest(value, options).request
const wrong = (value: unknown) => wrongFields(() => readChatRequest(value))
const text = { type: 'text', text: 'a cat' }

test('a prompt is enough', () => {
  expect(readChatRequest({ messages: [user('A cat playing piano')] })).toEqual({
    request: { prompt: 'A cat playing piano' },
    model: 'sora-1.0',
    stream: false,
    includeUsage: false,
    otherFields: {},
    ignored: [],
  })
})

test('the last message of the user is the prompt, whatever surrounds it', () => {
  const messages = [
    { role: 'system', content: 'You make videos' },
    user([
      { type: 'text', text: 'a dog' },
      { type: 'image_url', image_url: { url: IMAGE_URL } },
    ]),
    { role: 'assistant', content: null, tool_calls: [] },
    user('a cat'),
    { role: 'assistant', content: 'Sure' },
  ]
  expect(requestOf({ messages })).toEqual({ prompt: 'a cat' })
})

test('texts are joined by line feeds, and blank ones are passed over', () => {
  const parts = ['a cat', ' ', 'plays\r\npiano', ''].map((part) => ({ type: 'text', text: part }))
  expect(requestOf(chat(parts)).prompt).toBe('a cat\nplays\npiano')
})

describe('inputs', () => {
  test.each([
    ['image', { type: 'image_url', image_url: { url: IMAGE_URL, detail: 'high' } }, IMAGE_URL],
    ['image', { type: 'image_url', image_url: IMAGE_URL }, IMAGE_URL],
    ['image', { type: 'image_url', image_url: { url: PNG } }, PNG],
    ['image', { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBOR\r\nw0KGgo=' } }, PNG],
    [
      'image',
      { type: 'image_url', image_url: { url: 'http://127.0.0.1:8080/a.png?x=1#y' } },
      'http://127.0.0.1:8080/a.png?x=1#y',
    ],
    [
      'image',
      { type: 'image_url', image_url: { url: 'data:image/svg+xml;charset=utf-8,<svg a="b">%20</svg>' } },
      'data:image/svg+xml;charset=utf-8,<svg a="b">%20</svg>',
    ],
    ['video', { type: 'video_url', video_url: { url: MP4 } }, MP4],
    ['video', { type: 'video_url', video_url: 'https://videos.example/a.mp4' }, 'https://videos.example/a.mp4'],
  ])('the %s of a part is passed on: %j', (field, part, expected) => {
    expect(requestOf(chat([part, text]))).toEqual({ prompt: 'a cat', [field]: expected })
  })

  test.each([
    ['image', PNG, PNG],
    ['image', 'iVBORw0KGgo=', PNG],
    ['image', 'iVBORw0K\nGgo=', PNG],
    ['image', IMAGE_URL, IMAGE_URL],
    ['image', { url: IMAGE_URL }, IMAGE_URL],
    ['video', MP4.split(',')[1], MP4],
    ['video', MP4, MP4],
  ])('so is the field %s', (field, value, expected) => {
    expect(requestOf(chat('a cat', { [field]: value }))).toEqual({ prompt: 'a cat', [field]: expected })
  })

  test.each([
    ['ftp://images.example/cat.png'],
    ['cat.png'],
    ['/etc/passwd'],
    ['file:///etc/passwd'],
    ['https://'],
    ['https://images.example/a b.png'],
    ['https://images.example/\r\nset-cookie: a'],
    [''],
    [null],
    [7],
    [{ url: null }],
    [[IMAGE_URL]],
    [MP4],
    ['data:text/html;base64,PGh0bWw+'],
    ['data:image/png;base64,'],
    ['data:image/png;base64,<html>'],
    ['data:image/png'],
    ['data:;base64,iVBORw0KGgo='],
    [`data:image/png;${'a'.repeat(300)};base64,iVBORw0KGgo=`],
  ])('an invalid image is refused by its path: %j', async (image) => {
    expect(await wrong(chat([text, { type: 'image_url', image_url: image }]))).toEqual([
      'messages[0].content[1].image_url',
    ])
  })

  test.each(['<html>', 'AAAA', 'hello', MP4.split(',')[1], 7, [PNG], 'file:///a.png'])(
    'a field that is not an image is refused: %j',
    async (image) => {
      expect(await wrong(chat('a cat', { image }))).toEqual(['image'])
    },
  )

  test('one image is the first frame, and several are references, in order', async () => {
    const part = (url: string) => ({ type: 'image_url', image_url: { url } })
    const others = ['https://images.example/2.png', PNG]
    const message = chat([part(IMAGE_URL), text, ...others.map(part)])
    expect(requestOf(message)).toMatchObject({ references: [IMAGE_URL, ...others] })
    expect(requestOf(message)).not.toHaveProperty('image')
    expect(requestOf(chat([text, part(IMAGE_URL)]))).not.toHaveProperty('references')
    expect(await wrong(chat([text, part(IMAGE_URL), part('ftp://a.example')]))).toEqual([
      'messages[0].content[2].image_url',
    ])
  })

  test('an image in a field is that of the message, or one too many', async () => {
    const part = { type: 'image_url', image_url: IMAGE_URL }
    expect(await wrong(chat([text, part], { image: PNG }))).toEqual(['image'])
    expect(requestOf(chat([text, part], { image: IMAGE_URL }))).toMatchObject({ image: IMAGE_URL })
    const other = { type: 'image_url', image_url: 'https://images.example/2.png' }
    expect(await wrong(chat([text, part, other], { image: PNG }))).toEqual(['image'])
    const both = requestOf(chat([text, part, other], { image: IMAGE_URL }))
    expect(both).toMatchObject({ references: [IMAGE_URL, 'https://images.example/2.png'] })
    expect(both).not.toHaveProperty('image')
  })

  test('two videos are one too many', async () => {
    const part = { type: 'video_url', video_url: 'https://videos.example/a.mp4' }
    expect(await wrong(chat([text, part, part]))).toEqual(['messages[0].content[2].video_url'])
  })

  test('a sound is the audio input', async () => {
    const part = { type: 'input_audio', input_audio: { data: 'SUQz', format: 'mp3' } }
    expect(requestOf(chat([text, part]))).toMatchObject({ audioInput: 'data:audio/mpeg;base64,SUQz' })
    expect(await wrong(chat([text, part, part]))).toEqual(['messages[0].content[2].input_audio'])
    expect(await wrong(chat([text, { type: 'input_audio', input_audio: { data: '<>', format: 'wav' } }]))).toEqual([
      'messages[0].content[1].input_audio.data',
    ])
    expect(await wrong(chat([text, { type: 'input_audio', input_audio: 'SUQz' }]))).toEqual([
      'messages[0].content[1].input_audio',
    ])
  })

  test('neither a key in an address nor the data of an image gets into an error', () => {
    const parts = [
      text,
      { type: 'image_url', image_url: 'ftp://name:canary-1@host/canary-5?key=canary-2#canary-3' },
      { type: 'image_url', image_url: 'data:text/plain;base64,canary-4' },
    ]
    expect(() => readChatRequest(chat(parts))).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') }),
    )
    try {
      readChatRequest(chat(parts))
    } catch (error) {
      expect(JSON.stringify(error)).not.toContain('canary')
    }
  })
})

describe('invalid messages', () => {
  test.each<[unknown, readonly string[]]>([
    [undefined, ['messages']],
    [null, ['messages']],
    ['a cat', ['messages']],
    [{ role: 'user', content: 'a cat' }, ['messages']],
    [[], ['messages']],
    [[{ role: 'system', content: 'a cat' }], ['messages']],
    [['a cat'], ['messages[0]', 'messages']],
    [[null, user('a cat')], ['messages[0]']],
    [[{ content: 'x' }, user('a cat')], ['messages[0].role']],
    [[{ role: 7, content: 'x' }, user('a cat')], ['messages[0].role']],
    [[{ role: 'user' }], ['messages[0].content']],
    [[user(null)], ['messages[0].content']],
    [[user('')], ['messages[0].content']],
    [[user(' \r\n')], ['messages[0].content']],
    [[user([])], ['messages[0].content']],
    [[user(7)], ['messages[0].content']],
    [[user({ type: 'text', text: 'a cat' })], ['messages[0].content']],
    [[user([{ type: 'image_url', image_url: IMAGE_URL }])], ['messages[0].content']],
    [[user([text, 'a cat'])], ['messages[0].content[1]']],
    [[user([text, {}])], ['messages[0].content[1].type']],
    [[user([text, { type: 'text' }])], ['messages[0].content[1].text']],
    [[user([text, { type: 'file', file: { file_id: 'x' } }])], ['messages[0].content[1].type']],
    [[user([text, { type: 'input_audio', input_audio: {} }])], ['messages[0].content[1].input_audio']],
    [[user([text, { type: 'constructor' }])], ['messages[0].content[1].type']],
    [[user([text, JSON.parse('{"__proto__":{"type":"text","text":"b"}}')])], ['messages[0].content[1].type']],
  ])('%j', async (messages, fields) => {
    expect(await wrong({ model: 'sora-1.0', messages })).toEqual(fields)
  })

  test('256 messages are accepted, 257 are refused', async () => {
    const messages = Array.from({ length: 256 }, () => user('a cat'))
    expect(await wrong({ messages })).toEqual([])
    expect(await wrong({ messages: [...messages, user('a cat')] })).toEqual(['messages'])
  })

  test('a prompt of 32,000 characters is accepted, a longer one is refused', async () => {
    expect(await wrong(chat('🎬'.repeat(32_000)))).toEqual([])
    expect(await wrong(chat('🎬'.repeat(32_001)))).toEqual(['messages[0].content'])
    expect(await wrong(chat(Array.from({ length: 16_000 }, () => ({ type: 'text', text: 'a' }))))).toEqual([])
    expect(await wrong(chat(Array.from({ length: 16_001 }, () => ({ type: 'text', text: 'a' }))))).toEqual([
      'messages[0].content',
    ])
  })

  test('the prompt is not quoted in an error', () => {
    expect(() => readChatRequest(chat('secret '.repeat(10_000)))).toThrow(
      'messages[0].content is a text of 70000 characters (give a text of 1 to 32,000 characters)',
    )
  })

  test.each([null, undefined, [], 'x', 7, true])('a body that is not an object: %j', async (value) => {
    expect(await wrong(value)).toEqual(['body', 'messages'])
  })
})

describe('fields', () => {
  test('all of the family', () => {
    const more = {
      remix_target_id: 'video_123',
      style: 'anime',
      seconds: '8',
      size: '1280x720',
      aspect_ratio: '16:9',
      seed: 7,
      user: 'user-1',
    }
    expect(requestOf(chat('a cat', more))).toEqual({
      prompt: 'a cat',
      remixOf: 'video_123',
      style: 'anime',
      durationSeconds: 8,
      size: '1280x720',
      aspectRatio: '16:9',
      seed: 7,
      user: 'user-1',
    })
    expect(requestOf(chat('a cat', { style_id: 'anime' }))).toEqual({ prompt: 'a cat', style: 'anime' })
  })

  test.each(
    'model stream stream_options n image video remix_target_id style style_id seconds size aspect_ratio seed user temperature'.split(
      ' ',
    ),
  )('null is not a %s', (field) => {
    expect(readChatRequest(chat('a cat', { [field]: null }))).toEqual(readChatRequest(chat('a cat')))
  })

  test.each<[string, readonly unknown[]]>([
    ['model', [7, {}, [], true, 'a\r\nb', 'a\0', 'x'.repeat(1001), '\ud800']],
    ['stream', ['yes', 1, {}, 'TRUE']],
    ['stream_options', ['x', 7, [], true]],
    ['n', [0, 2, 1.5, '1', '2', {}, true]],
    ['seconds', [0, -1, '0', '-1', '8s', ' 8', '8\n', '0x8', '1e3', Number.POSITIVE_INFINITY, {}, [8], true]],
    ['size', ['auto', '1280', '1280X720', '0x720', '1280x720\n', '123456x1', 7, {}, ['1280x720']]],
    ['aspect_ratio', ['16x9', '0:9', '16:9\r\n', '16:9:1', 1.78, {}]],
    ['seed', [-1, 1.5, '1.5', 'x', 2 ** 53, '99999999999999999', {}, true]],
    ['style', ['a\nb', 7, {}, []]],
    ['style_id', ['a\nb', 7, {}, []]],
    ['remix_target_id', ['a\rb', 7, {}, []]],
    ['user', ['a\r\nb', 7, {}, []]],
  ])('%s is refused when it is invalid', async (field, values) => {
    for (const value of values)
      expect([value, await wrong(chat('a cat', { [field]: value }))]).toEqual([value, [field]])
  })

  test('all invalid fields are named at once', async () => {
    const body = chat([{ type: 'file' }], { model: 7, n: 2, seconds: 'x', size: 'x', stream: 'x' })
    expect((await wrong(body)).toSorted()).toEqual(
      ['messages[0].content[0].type', 'messages[0].content', 'model', 'n', 'seconds', 'size', 'stream'].toSorted(),
    )
  })

  test('a hundred thousand problems make a short error', async () => {
    const fields = await wrong(chat(Array.from({ length: 100_000 }, () => 7)))
    expect(fields).toHaveLength(50)
  })

  test('stream and usage', () => {
    expect(readChatRequest(chat('a cat', { stream: true, stream_options: { include_usage: true } }))).toMatchObject({
      stream: true,
      includeUsage: true,
    })
    expect(readChatRequest(chat('a cat', { stream: false, stream_options: {} }))).toMatchObject({
      stream: false,
      includeUsage: false,
    })
  })

  test('include_usage that is not a boolean is refused by its path', async () => {
    expect(await wrong(chat('a cat', { stream_options: { include_usage: 7 } }))).toEqual([
      'stream_options.include_usage',
    ])
  })
})

describe('fields without a meaning for a video', () => {
  test('are reported by name', () => {
    const more = { temperature: 1, tools: [], modalities: ['text'], response_format: {}, top_p: null, n: 1 }
    expect(readChatRequest(chat('a cat', more)).ignored).toEqual([
      'temperature',
      'tools',
      'modalities',
      'response_format',
    ])
  })

  test('are encoded for a header, whatever their names', () => {
    const names = fc.dictionary(fc.string({ unit: 'binary' }), fc.constant(1), { maxKeys: 100 })
    fc.assert(
      fc.property(names, (more) => {
        const ignored = readChatRequest({ ...more, ...chat('a cat') }).ignored.join(', ')
        expect(ignored.length).toBeLessThan(4000)
        expect(new Headers({ 'x-ignored': ignored }).get('x-ignored')).toBe(ignored)
      }),
    )
  })

  test('names of the prototype are harmless', () => {
    const value = JSON.parse(
      '{"__proto__":{"n":2,"image":"x"},"constructor":{"prototype":{"n":2}},"messages":[{"role":"user","content":"a cat"}]}',
    )
    expect(readChatRequest(value)).toMatchObject({
      request: { prompt: 'a cat' },
      otherFields: expect.any(Object),
      ignored: ['__proto__', 'constructor'],
    })
    expect(({} as { n?: unknown }).n).toBeUndefined()
  })
})

describe('the name of the model and the markers of the prompt', () => {
  test('set what no field sets', () => {
    const body = { ...chat(`{anime} a day [5s]sun [5.0s]storm`), model: 'sora2-portrait-15s' }
    expect(readChatRequest(body)).toMatchObject({
      model: 'sora2-portrait-15s',
      request: {
        prompt: 'a day',
        style: 'anime',
        durationSeconds: 15,
        size: '720x1280',
        storyboard: [
          { durationSeconds: 5, prompt: 'sun' },
          { durationSeconds: 5, prompt: 'storm' },
        ],
      },
    })
    expect(requestOf(chat(`a cat ${POST}`))).toEqual({ prompt: 'a cat', remixOf: POST })
    expect(requestOf({ ...chat('a cat'), model: 'wan-2.2' })).toEqual({ prompt: 'a cat', model: 'wan-2.2' })
  })

  test('a field wins over the name', () => {
    const model = 'sora2-portrait-15s'
    expect(requestOf({ ...chat('a cat'), model, seconds: 4 })).toMatchObject({ durationSeconds: 4, size: '720x1280' })
    expect(requestOf({ ...chat('a cat'), model, size: '1280x720' })).toMatchObject({ size: '1280x720' })
    expect(requestOf({ ...chat('a cat'), model, aspect_ratio: '1:1' })).toEqual({
      prompt: 'a cat',
      durationSeconds: 15,
      aspectRatio: '1:1',
    })
  })

  test('a conflict between a field and the prompt is refused', async () => {
    expect(await wrong(chat('{anime} a cat', { style: 'Anime' }))).toEqual([])
    expect(await wrong(chat('{anime} a cat', { style: 'retro' }))).toEqual(['style'])
    expect(await wrong(chat('{anime} a cat', { style_id: 'retro' }))).toEqual(['style_id'])
    expect(await wrong(chat('a cat', { style: 'anime', style_id: 'retro' }))).toEqual(['style_id'])
    expect(await wrong(chat(`a cat ${POST}`, { remix_target_id: POST }))).toEqual([])
    expect(await wrong(chat(`a cat ${POST}`, { remix_target_id: 'video_1' }))).toEqual(['remix_target_id'])
  })

  test('a shot needs a text and a length', async () => {
    expect(await wrong(chat('a cat [5s]'))).toEqual(['messages[0].content'])
    expect(await wrong(chat('[0s]a cat'))).toEqual(['messages[0].content'])
    expect(() => readChatRequest(chat('[5s]a [4s] [3s]b'))).toThrow('write what shot 2 shows after its marker')
  })

  test('are refused when they are ambiguous', () => {
    const readModel = (model: string) => ({ model, providerOptions: { quality: 'high' } })
    const readPrompt = (prompt: string) => ({ prompt: prompt.toUpperCase(), audio: false })
    expect(requestOf({ ...chat('{anime} [5s]cat'), model: 'sora2-portrait-15s' }, { readModel, readPrompt })).toEqual({
      prompt: '{ANIME} [5S]CAT',
      audio: false,
      model: 'sora2-portrait-15s',
      providerOptions: { quality: 'high' },
    })
  })
})

test('requests of the official client are understood', async () => {
  const seen: unknown[] = []
  const client = new OpenAI({
    apiKey: 'key-1',
    baseURL: 'http://backend.test/v1',
    fetch: async (url, init) => {
      const request = new Request(url, init)
      const body = await readBody(request, { maxBytes: 1_000_000 })
      if (body.kind === 'json') seen.push(readChatRequest(body.value))
      return Response.json({ choices: [] })
    },
  })
  await client.chat.completions.create({
    model: 'sora2-landscape-10s',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a cat' },
          { type: 'image_url', image_url: { url: PNG } },
        ],
      },
    ],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0.7,
    user: 'user-1',
  })
  expect(seen).toEqual([
    {
      request: { prompt: 'a cat', image: PNG, durationSeconds: 10, size: '1280x720', user: 'user-1' },
      model: 'sora2-landscape-10s',
      stream: true,
      includeUsage: true,
      otherFields: { temperature: expect.any(Number) },
      ignored: ['temperature'],
    },
  ])
})

const anything = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' })
const maybe = (...values: readonly unknown[]) =>
  fc.oneof({ weight: 40, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: anything })
const anyPart = fc.oneof(
  { weight: 1, arbitrary: anything },
  {
    weight: 20,
    arbitrary: fc.record(
      {
        type: maybe('text', 'image_url', 'video_url', 'file'),
        text: maybe('a cat', '[5s]a', '{anime}', POST, ' ', '\ud800'),
        image_url: maybe(PNG, IMAGE_URL, MP4, 'data:'),
        video_url: maybe(MP4, 'https://a.example/b'),
      },
      { requiredKeys: ['type'] },
    ),
  },
)
const anyBody = fc.record(
  {
    model: maybe('sora-1.0', 'sora2-portrait-15s', 'wan-2.2'),
    messages: fc.oneof(
      { weight: 1, arbitrary: anything },
      {
        weight: 8,
        arbitrary: fc.array(
          fc.record({
            role: maybe('user', 'system'),
            content: fc.oneof(maybe('a cat'), fc.array(anyPart, { maxLength: 3 })),
          }),
          { maxLength: 3 },
        ),
      },
    ),
    stream: maybe(true, false, null),
    stream_options: maybe({ include_usage: true }, null),
    n: maybe(1, 2),
    image: maybe(PNG, IMAGE_URL, 'iVBORw0KGgo='),
    video: maybe(MP4),
    remix_target_id: maybe(POST, 'video_1', ''),
    style: maybe('anime', 'x'),
    seconds: maybe(8, '8', '4.5'),
    size: maybe('1280x720', '1x1'),
    aspect_ratio: maybe('16:9'),
    seed: maybe(0, '7'),
    user: maybe('u'),
  },
  { requiredKeys: ['messages'] },
)

test('any JSON is a request that the pipeline takes, or an error that names what is wrong', () => {
  let taken = 0
  fc.assert(
    fc.property(fc.oneof({ weight: 1, arbitrary: anything }, { weight: 9, arbitrary: anyBody }), (value) => {
      try {
        const { request } = readChatRequest(value)
        expect(checkRequest(request)).toEqual({ ...request, prompt: request.prompt.toWellFormed() })
        taken += 1
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidRequestError)
        expect((error as InvalidRequestError).problems.length).toBeGreaterThan(0)
      }
    }),
    { numRuns: 3000 },
  )
  expect(taken).toBeGreaterThan(100)
})

test.each([
  ['a prompt', chat('🎬'.repeat(2_000_000))],
  ['a data URL', chat([text, { type: 'image_url', image_url: `data:image/png;base64,${'A'.repeat(4_000_000)}` }])],
  [
    'a data URL of lines',
    chat([text, { type: 'image_url', image_url: `data:image/png;base64,${'AA\r\n'.repeat(1_000_000)}` }]),
  ],
  [
    'a data URL of parameters',
    chat([text, { type: 'image_url', image_url: `data:image/png${';a=b'.repeat(1_000_000)}` }]),
  ],
  ['base64', chat('a cat', { image: `iVBORw0KGgo${'A'.repeat(4_000_000)}` })],
  ['blanks', chat(' '.repeat(4_000_000), { image: ' '.repeat(4_000_000), user: ' '.repeat(4_000_000) })],
  ['an address', chat([text, { type: 'image_url', image_url: `https://a.example/${'a'.repeat(4_000_000)} ` }])],
  ['an address of @', chat('a cat', { image: `https://${'@'.repeat(4_000_000)}` })],
  [
    'digits',
    chat('a cat', { seconds: '1'.repeat(4_000_000), seed: '1'.repeat(4_000_000), size: '1'.repeat(4_000_000) }),
  ],
])('4 MB of %s are read in time', (_, value) => {
  const read = () => {
    try {
      readChatRequest(value)
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidRequestError)
      expect((error as Error).message.length).toBeLessThan(2000)
    }
  }
  expect(isDoneWithin(1000, read)).toBe(true)
})
