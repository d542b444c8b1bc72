import fc from 'fast-check'
import OpenAI, { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../src/contracts/input-errors.js'
import { HttpRefusal } from '../../../src/http/http-refusal.js'
import { type RequestBody, readBody } from '../../../src/http/requests/read-body.js'
import {
  readEditRequest,
  readRemixRequest,
  readVideosRequest,
  type VideosRequest,
} from '../../../src/http/requests/videos-request.js'
import { checkRequest } from '../../../src/pipeline/check-request.js'
import { wrongFields } from './refusal-of.js'

const PNG_BYTES = new Uint8Array(Buffer.from('iVBORw0KGgo=', 'base64'))
const PNG = 'data:image/png;base64,iVBORw0KGgo='
const MP4_BYTES = Buffer.from('\0\0\0\x18ftypmp42')
const IMAGE_URL = 'https://images.example/cat.png'
const MAX_BYTES = 1_000_000

const NOTHING_ELSE = { otherFields: {}, ignored: [] }

const jsonBody = (value: unknown): RequestBody => ({ kind: 'json', value })

/** A form as it arrives, after it went over the wire. */
async function formBody(fields: Readonly<Record<string, string | Blob | undefined>>): Promise<RequestBody> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, value)
  return readBody(new Request('http://backend.test', { method: 'POST', body: form }), { maxBytes: MAX_BYTES })
}

/** What is read of a request; what is not has its own tests. */
function read(body: RequestBody): Omit<VideosRequest, 'otherFields' | 'ignored'> {
  const { otherFields: _, ignored: __, ...request } = readVideosRequest(body)
  return request
}
const fromJson = async (value: unknown) => read(jsonBody(value))
const fromForm = async (fields: Readonly<Record<string, string | Blob | undefined>>) => read(await formBody(fields))
const wrongJson = (value: unknown) => wrongFields(() => fromJson(value))
const wrongForm = (fields: Readonly<Record<string, string | Blob | undefined>>) => wrongFields(() => fromForm(fields))

const ALL = {
  prompt: 'A cat playing piano',
  model: 'wan-2.2',
  seconds: '8',
  size: '1280x720',
  seed: '7',
  style: 'anime',
  aspect_ratio: '16:9',
  audio: 'false',
  user: 'user-1',
  webhook_url: 'https://client.example/hooks?x=1',
}
const READ_ALL: ReturnType<typeof read> = {
  request: {
    prompt: 'A cat playing piano',
    model: 'wan-2.2',
    durationSeconds: 8,
    size: '1280x720',
    seed: 7,
    style: 'anime',
    aspectRatio: '16:9',
    audio: false,
    user: 'user-1',
  },
  model: 'wan-2.2',
  webhookUrl: 'https://client.example/hooks?x=1',
}

describe('the fields', () => {
  test('all of them, in JSON and in a form', async () => {
    expect(await fromJson(ALL)).toEqual(READ_ALL)
    expect(await fromJson({ ...ALL, seconds: 8, seed: 7, audio: false })).toEqual(READ_ALL)
    expect(await fromForm(ALL)).toEqual(READ_ALL)
  })

  test('a prompt is enough, and is taken unchanged', async () => {
    const prompt = '{anime} [5s]a cat s_0123456789abcdef0123456789abcdef '
    expect(await fromJson({ prompt })).toEqual({ request: { prompt } })
    expect(await fromForm({ prompt })).toEqual({ request: { prompt } })
  })

  test('line feeds of a prompt are the same in JSON and in a form, which writes them as CRLF', async () => {
    const prompt = 'a cat\nplays\n\npiano'
    expect(await fromForm({ prompt })).toEqual(await fromJson({ prompt }))
  })

  test('a prompt of 32,000 characters is taken in both, however its line feeds are written', async () => {
    const prompt = '🎬\n'.repeat(16_000)
    expect((await fromJson({ prompt })).request.prompt).toBe(prompt)
    expect((await fromForm({ prompt })).request.prompt).toBe(prompt)
    expect(await wrongForm({ prompt: `${prompt}x` })).toEqual(['prompt'])
    expect(await wrongJson({ prompt: `${prompt}x` })).toEqual(['prompt'])
  })

  test('null and an empty text count as missing', async () => {
    const names = Object.keys(ALL).filter((name) => name !== 'prompt')
    for (const nothing of [null, undefined, '']) {
      const fields = Object.fromEntries([...names, 'input_reference'].map((name) => [name, nothing]))
      expect(await fromJson({ ...fields, prompt: 'a cat' })).toEqual({ request: { prompt: 'a cat' } })
    }
    const blank = Object.fromEntries(
      [...names, 'input_reference', 'input_reference[image_url]'].map((name) => [name, '']),
    )
    expect(await fromForm({ ...blank, prompt: 'a cat' })).toEqual({ request: { prompt: 'a cat' } })
  })

  test('the name of a model sets what no field sets', async () => {
    const model = 'sora2-portrait-15s'
    expect(await fromJson({ prompt: 'a cat', model })).toEqual({
      request: { prompt: 'a cat', durationSeconds: 15, size: '720x1280' },
      model,
    })
    expect((await fromJson({ prompt: 'a cat', model, seconds: 4, size: '1x1' })).request).toMatchObject({
      durationSeconds: 4,
      size: '1x1',
    })
    expect((await fromForm({ prompt: 'a cat', model, aspect_ratio: '1:1' })).request).toEqual({
      prompt: 'a cat',
      durationSeconds: 15,
      aspectRatio: '1:1',
    })
    expect(await fromJson({ prompt: 'a cat', model: 'sora-1.0' })).toEqual({
      request: { prompt: 'a cat' },
      model: 'sora-1.0',
    })
  })

  test('it is refused when it is ambiguous', async () => {
    const readModel = (model: string) => ({ model: `vendor/${model}`, audio: true })
    expect(readVideosRequest(jsonBody({ prompt: 'a cat', model: 'sora-1.0' }), { readModel })).toMatchObject({
      request: { prompt: 'a cat', model: 'vendor/sora-1.0', audio: true },
      model: 'sora-1.0',
    })
  })
})

describe('invalid fields', () => {
  const LINES = ['a\r\nb', 'a\nb', 'a\rb', 'a\0b']

  test.each<[string, readonly unknown[]]>([
    ['prompt', [undefined, null, '', ' \r\n', 7, {}, ['a cat'], true, 'x'.repeat(32_001)]],
    ['model', [7, {}, [], true, ...LINES]],
    ['seconds', [0, -1, '0', '8s', '8\r\n', {}, [8], true, 'x']],
    ['size', ['auto', '1280', '1280x720\r\n', 7, {}]],
    ['seed', [-1, 1.5, 'x', {}, true, '7\n']],
    ['style', [7, {}, [], ...LINES]],
    ['aspect_ratio', ['16x9', '16:9\n', 1.5, {}]],
    ['audio', ['yes', 1, 0, {}, 'true\n']],
    ['user', [7, {}, [], ...LINES]],
    [
      'webhook_url',
      [
        'client.example',
        'ftp://client.example',
        'https://name:key@client.example',
        'https://client.example/\r\nx: y',
        'https://client.example/a b',
        `https://client.example/${'a'.repeat(2048)}`,
        'javascript:alert(1)',
        7,
        {},
      ],
    ],
    [
      'input_reference',
      [7, true, [IMAGE_URL], 'cat.png', 'file:///etc/passwd', 'https://a.example/\r\nx', 'data:text/html,x'],
    ],
    [
      'input_reference.image_url',
      [{}, { image_url: null }, { image_url: 7 }, { image_url: 'cat.png' }].map((value) => value),
    ],
    ['input_reference.file_id', [{ file_id: 'file_1' }, { file_id: 'file_1', image_url: IMAGE_URL }]],
  ])('%s in JSON', async (path, values) => {
    const field = path.split('.')[0] ?? ''
    for (const value of values) {
      const wrong = await wrongJson({ prompt: 'a cat', [field]: value })
      expect([value, wrong]).toEqual([value, [path]])
    }
  })

  test.each<[string, readonly (string | Blob | undefined)[]]>([
    ['prompt', [undefined, '', ' ', new Blob(['a cat'])]],
    ['model', [...LINES, new Blob(['x'])]],
    ['seconds', ['0', '8s', new Blob(['8'])]],
    ['size', ['auto', '1280x720\r\n']],
    ['seed', ['-1', 'x']],
    ['style', LINES],
    ['aspect_ratio', ['16x9']],
    ['audio', ['yes']],
    ['user', LINES],
    ['webhook_url', ['client.example', 'https://client.example/\r\nx: y']],
    ['input_reference', ['cat.png', '{"image_url":"https://a.example/b"}']],
    ['input_reference[image_url]', ['cat.png', 'https://a.example/\r\nx', new Blob([PNG_BYTES])]],
    ['input_reference[file_id]', ['file_1']],
  ])('%s in a form', async (field, values) => {
    for (const value of values) {
      expect([value, await wrongForm({ prompt: 'a cat', [field]: value })]).toEqual([value, [field]])
    }
  })

  test('an error has only the host of an address', async () => {
    for (const url of [
      'https://canary@client.example/canary',
      'http://client.example/canary canary',
      'ftp://a:canary@client.example?canary',
    ]) {
      const error = await fromJson({ prompt: 'a cat', webhook_url: url }).catch((reason: Error) => reason)
      expect(JSON.stringify(error)).toContain('client.example')
      expect(JSON.stringify(error)).not.toContain('canary')
    }
  })

  test('a repeated field is refused', async () => {
    const parts = ['a cat', 'a dog'].map((value) => ({ name: 'prompt', value }))
    expect(await wrongFields(() => readVideosRequest({ kind: 'form', parts }))).toEqual(['prompt'])
  })

  test('all problems at once', async () => {
    const value = { model: 7, seconds: 'x', size: 'x', input_reference: {} }
    expect((await wrongJson(value)).toSorted()).toEqual(
      ['prompt', 'model', 'seconds', 'size', 'input_reference.image_url'].toSorted(),
    )
  })

  test.each([null, [], 'x', 7, true, undefined])('a body that is not an object: %j', async (value) => {
    expect(await wrongJson(value)).toEqual(['body', 'prompt'])
  })
})

function thrownBy(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return error
  }
}

describe('fields of other APIs', () => {
  const IMAGE = { image: IMAGE_URL }
  const LAST = 'https://images.example/last.png'
  const SOUND = 'https://a.example/a.mp3'

  test.each<[object, object]>([
    ...['image', 'image_url', 'imageUrl', 'input_image', 'first_frame', 'first_frame_image', 'reference_url'].map(
      (name) => [{ [name]: IMAGE_URL }, IMAGE] as [object, object],
    ),
    [{ image_url: { url: IMAGE_URL } }, IMAGE],
    [{ image: { image_url: IMAGE_URL } }, IMAGE],
    [{ image: IMAGE_URL, input_reference: IMAGE_URL }, IMAGE],
    [{ duration: 8 }, { durationSeconds: 8 }],
    [{ duration: '8', seconds: 8 }, { durationSeconds: 8 }],
    [{ resolution: '1280x720' }, { size: '1280x720' }],
    [{ audio_url: SOUND }, { audioInput: SOUND }],
    [{ generate_audio: false }, { audio: false }],
    [{ generate_sound: true, audio: true }, { audio: true }],
    [{ frame_rate: 24, video_format: 'mp4', callback_url: IMAGE_URL }, {}],
    [{ n: 1, num_videos: '1', images: [], video: null, storyboard: '' }, {}],
  ])('are read as the field that they mean: %j', (fields, request) => {
    expect(read(jsonBody({ prompt: 'a cat', ...fields })).request).toEqual({ prompt: 'a cat', ...request })
  })

  test.each<[object, string, RegExp]>([
    [{ image: IMAGE_URL, input_reference: LAST }, 'image', /input_reference is given/],
    [{ duration: 8, seconds: 4 }, 'duration', /seconds is given/],
    [{ images: [IMAGE_URL] }, 'images', /give input_reference for the first frame, or reference_images/],
    [{ reference_image_urls: [IMAGE_URL] }, 'reference_image_urls', /reference_images/],
    [{ lastFrame: IMAGE_URL }, 'lastFrame', /give last_frame/],
    [{ end_frame: IMAGE_URL }, 'end_frame', /give last_frame/],
    [{ audioInput: SOUND }, 'audioInput', /give audio_reference/],
    [{ video: 'https://a.example/a.mp4' }, 'video', /POST .v1.videos.edits/],
    [{ video_url: { url: 'https://a.example/a.mp4' } }, 'video_url', /POST .v1.videos.edits/],
    [{ remix_id: 'video_1' }, 'remix_id', /videos.\{id\}.remix/],
    [{ storyboard: [{ prompt: 'sunrise' }] }, 'storyboard', /chat.completions/],
    [{ resolution: '720p' }, 'resolution', /give size, such as 1280x720/],
    [{ n: 2 }, 'n', /give 1: one request makes one video/],
    [{ num_videos: '3' }, 'num_videos', /give 1/],
    [{ num_outputs_per_prompt: 2 }, 'num_outputs_per_prompt', /give 1/],
    [{ characters: [{ id: 'char_1' }] }, 'characters', /no characters/],
    ...['img_url', 'images_url', 'end_image_url', 'subject_reference', 'control_reference', 'mask'].map(
      (name): [object, string, RegExp] => [{ [name]: [{ image_url: IMAGE_URL }] }, name, /leave it out: no field/],
    ),
    [{ 'input_reference[image_url]': IMAGE_URL }, 'input_reference[image_url]', /leave it out/],
  ])('that the video would be another one without are refused: %j', (fields, field, fix) => {
    expect(thrownBy(() => readVideosRequest(jsonBody({ prompt: 'a cat', ...fields })))).toMatchObject({
      problems: [{ field, fix: expect.stringMatching(fix) }],
    })
  })

  test('are refused in a form when two of them are files', async () => {
    const file = (name: string) => new File([PNG_BYTES], name, { type: 'image/png' })
    expect(await wrongForm({ prompt: 'a cat', image: file('a.png'), first_frame: file('b.png') })).toEqual([
      'first_frame',
    ])
    expect(await wrongForm({ prompt: 'a cat', image: file('a.png'), input_reference: file('b.png') })).toEqual([
      'image',
    ])
    const address = { image: IMAGE_URL, 'input_reference[image_url]': IMAGE_URL }
    expect(await wrongForm({ prompt: 'a cat', ...address })).toEqual(['input_reference[image_url]'])
  })

  test('are left to a caller that reads other fields', () => {
    const body = jsonBody({ prompt: 'a cat', image: IMAGE_URL, n: 2, duration: 8, fps: 24 })
    const { request, otherFields, meaningful } = readVideosRequest(body, { keepsOthers: true })
    expect([request, otherFields]).toEqual([{ prompt: 'a cat' }, { image: IMAGE_URL, n: 2, duration: 8, fps: 24 }])
    expect(meaningful?.map(({ name, fix }) => [name, fix])).toEqual([
      ['image', 'give input_reference'],
      ['n', 'give 1: one request makes one video'],
      ['duration', 'give seconds'],
    ])
  })

  test('are refused by a remix and an edit as well, and seconds are ignored there', () => {
    for (const fields of [{ image: IMAGE_URL }, { input_reference: IMAGE_URL }, { last_frame: IMAGE_URL }, { n: 2 }]) {
      const [field] = Object.keys(fields)
      const problems = [expect.objectContaining({ field })]
      expect(thrownBy(() => readRemixRequest(jsonBody({ prompt: 'x', ...fields })))).toMatchObject({ problems })
      const edit = jsonBody({ prompt: 'x', video: { id: 'video_1' }, ...fields })
      expect(thrownBy(() => readEditRequest(edit, 'edits'))).toMatchObject({ problems })
    }
    const body = jsonBody({ prompt: 'x', video: { id: 'video_1' }, duration: 8 })
    expect(readEditRequest(body, 'edits').ignored).toEqual(['duration'])
    expect(readEditRequest(body, 'extensions').seconds).toBe(8)
  })

  test('may be files of a form, as may audio_reference', async () => {
    const wav = Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0', 'latin1')
    const sounds = [
      [Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1'), 'audio/mpeg'],
      [wav, 'audio/wav'],
      [Buffer.from('\0\0\0\x18ftypM4A \0\0\0\0M4A isom', 'latin1'), 'audio/mp4'],
    ] as const
    for (const [bytes, type] of sounds) {
      const form = new FormData()
      form.set('prompt', 'a cat')
      form.set('image', new File([PNG_BYTES], 'a.png', { type: 'image/png' }))
      form.set('audio_reference', new File([new Uint8Array(bytes)], 'a', { type }))
      const body = await readBody(new Request('http://backend.test', { method: 'POST', body: form }), {
        maxBytes: MAX_BYTES,
      })
      expect(read(body).request).toEqual({
        prompt: 'a cat',
        image: { bytes: PNG_BYTES, mediaType: 'image/png' },
        audioInput: { bytes: new Uint8Array(bytes), mediaType: expect.stringMatching(/^audio\//) },
      })
    }
    const form = new FormData()
    form.set('prompt', 'a cat')
    form.set('audio_reference', new File([PNG_BYTES], 'a.png', { type: 'audio/mpeg' }))
    const body = await readBody(new Request('http://backend.test', { method: 'POST', body: form }), {
      maxBytes: MAX_BYTES,
    })
    expect(thrownBy(() => readVideosRequest(body))).toMatchObject({ problems: [{ field: 'audio_reference' }] })
  })
})

describe('fields that are not known', () => {
  const others = (body: RequestBody) => {
    const { otherFields, ignored } = readVideosRequest(body)
    return { otherFields, ignored }
  }

  test('are passed on with their values, and named for a header', async () => {
    expect(others(jsonBody({ prompt: 'a cat', n: 1, fps: null, loras: [{ id: 'x' }] }))).toEqual({
      otherFields: { n: 1, loras: [{ id: 'x' }] },
      ignored: ['n', 'loras'],
    })
    const hostile = { prompt: 'a cat', 'a\r\nb: c': 1, ['x'.repeat(1000)]: 1 }
    expect(others(jsonBody(hostile)).ignored).toEqual(['a??b??c', 'x'.repeat(64)])
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, 1]))
    expect(others(jsonBody({ prompt: 'a cat', ...many })).ignored).toHaveLength(50)
  })

  test('of a form are texts, files and lists of them', async () => {
    const file = new File([PNG_BYTES], 'a.png', { type: 'image/png' })
    const form = new FormData()
    for (const [name, value] of [
      ['prompt', 'a cat'],
      ['fps', '24'],
      ['attachment', file],
      ['tag', 'a'],
      ['tag', 'b'],
    ] as const)
      form.append(name, value)
    const request = new Request('http://backend.test', { method: 'POST', body: form })
    expect(others(await readBody(request, { maxBytes: MAX_BYTES }))).toEqual({
      otherFields: {
        fps: '24',
        attachment: { bytes: PNG_BYTES, mediaType: 'image/png', fileName: 'a.png' },
        tag: ['a', 'b'],
      },
      ignored: ['fps', 'attachment', 'tag'],
    })
  })

  test('may have names of the prototype, and set nothing', () => {
    const text = '{"prompt":"a cat","__proto__":{"seed":7},"constructor":{"prototype":{"seed":7}}}'
    const { otherFields, ignored } = others(jsonBody(JSON.parse(text)))
    expect(ignored).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(otherFields)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(otherFields, '__proto__')?.value).toEqual({ seed: 7 })
  })

  test('are named inside of the reference as well', () => {
    const reference = { image_url: IMAGE_URL, detail: 'high', file_id: null }
    const { request, otherFields, ignored } = readVideosRequest(jsonBody({ prompt: 'a', input_reference: reference }))
    expect([request.image, otherFields, ignored]).toEqual([IMAGE_URL, {}, ['input_reference.detail']])
  })

  test('are passed on by a remix', () => {
    expect(readRemixRequest(jsonBody({ prompt: 'x', model: 'y', seconds: null }))).toEqual({
      prompt: 'x',
      otherFields: { model: 'y' },
      ignored: ['model'],
    })
  })
})

describe('further images', () => {
  const LAST = 'https://images.example/last.png'
  const frame = (url: string, type: string) => ({ type: 'image_url', image_url: { url }, frame_type: type })

  test.each<[string, object, object]>([
    [
      'LLM Gateway',
      { last_frame: LAST, reference_images: [IMAGE_URL, PNG] },
      { lastFrame: LAST, references: [IMAGE_URL, PNG] },
    ],
    [
      'OpenRouter, frames',
      { frame_images: [frame(IMAGE_URL, 'first_frame'), frame(LAST, 'last_frame')] },
      { image: IMAGE_URL, lastFrame: LAST },
    ],
    [
      'OpenRouter, references',
      {
        input_references: [
          { type: 'image_url', image_url: { url: PNG } },
          { type: 'audio_url', audio_url: { url: 'https://a.example/a.mp3' } },
        ],
      },
      { references: [PNG], audioInput: 'https://a.example/a.mp3' },
    ],
    [
      'vLLM-Omni',
      { image_reference: { image_url: IMAGE_URL }, audio_reference: { audio_url: 'https://a.example/a.mp3' } },
      { image: IMAGE_URL, audioInput: 'https://a.example/a.mp3' },
    ],
    [
      'vLLM-Omni, several images',
      { image_reference: [{ image_url: IMAGE_URL }, { image_url: PNG }] },
      { references: [IMAGE_URL, PNG] },
    ],
  ])('are read in the fields of %s, as JSON and as JSON text in a form', async (_, fields, expected) => {
    const request = { prompt: 'a cat', ...expected }
    expect(readVideosRequest(jsonBody({ prompt: 'a cat', ...fields }))).toEqual({ request, ...NOTHING_ELSE })
    const texts = Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    expect((await fromForm({ prompt: 'a cat', ...Object.fromEntries(texts) })).request).toEqual(request)
  })

  test('are files of a form, whose lists repeat their name', async () => {
    const form = new FormData()
    form.append('prompt', 'a cat')
    form.append('last_frame', new Blob([PNG_BYTES]))
    for (const name of ['reference_images', 'reference_images', 'reference_images[]'])
      form.append(name, new Blob([PNG_BYTES]))
    const body = await readBody(new Request('http://backend.test', { method: 'POST', body: form }), {
      maxBytes: MAX_BYTES,
    })
    const file = { bytes: PNG_BYTES, mediaType: 'image/png' }
    expect(readVideosRequest(body)).toEqual({
      request: { prompt: 'a cat', lastFrame: file, references: [file, file, file] },
      ...NOTHING_ELSE,
    })
  })

  test.each<[string, object]>([
    ['frame_images[0]', { input_reference: IMAGE_URL, frame_images: [frame(PNG, 'first_frame')] }],
    ['last_frame', { last_frame: LAST, frame_images: [frame(PNG, 'last_frame')] }],
    ['frame_images[0].frame_type', { frame_images: [frame(PNG, 'middle')] }],
    ['reference_images[1]', { reference_images: [PNG, 'cat.png'] }],
    ['image_reference.image_url', { image_reference: { image_url: 7 } }],
    ['audio_reference', { audio_reference: PNG }],
    ['input_references[0].audio_url', { input_references: [{ type: 'audio_url', audio_url: { url: PNG } }] }],
  ])('are refused: %s', async (field, fields) => {
    expect(await wrongJson({ prompt: 'a cat', ...fields })).toEqual([field])
  })

  test('name what is not read inside of them', () => {
    const { ignored } = readVideosRequest(
      jsonBody({ prompt: 'a', frame_images: [{ ...frame(PNG, 'last_frame'), strength: 1 }] }),
    )
    expect(ignored).toEqual(['frame_images[0].strength'])
  })
})

describe('the reference image', () => {
  const imageOf = async (request: Promise<ReturnType<typeof read>>) => (await request).request.image

  test.each([IMAGE_URL, PNG, 'http://127.0.0.1:8080/a.png'])('an address: %s', async (url) => {
    const prompt = 'a cat'
    expect(await imageOf(fromJson({ prompt, input_reference: { image_url: url } }))).toBe(url)
    expect(await imageOf(fromJson({ prompt, input_reference: { image_url: url, file_id: null } }))).toBe(url)
    expect(await imageOf(fromJson({ prompt, input_reference: url }))).toBe(url)
    expect(await imageOf(fromForm({ prompt, 'input_reference[image_url]': url }))).toBe(url)
    expect(await imageOf(fromForm({ prompt, input_reference: url }))).toBe(url)
  })

  test.each([
    ['image/png', PNG_BYTES, 'image/png'],
    ['application/octet-stream', PNG_BYTES, 'image/png'],
    ['', PNG_BYTES, 'image/png'],
    ['image/jpeg', PNG_BYTES, 'image/png'],
    ['text/plain', PNG_BYTES, 'image/png'],
    ['image/tiff', Buffer.from('II*\0'), 'image/tiff'],
    ['IMAGE/TIFF; x=y', Buffer.from('II*\0'), 'image/tiff'],
  ])('a file with the declared type %j', async (type, bytes, mediaType) => {
    const file = new Blob([new Uint8Array(bytes)], { type })
    expect(await imageOf(fromForm({ prompt: 'a cat', input_reference: file }))).toEqual({
      bytes: new Uint8Array(bytes),
      mediaType,
    })
  })

  test.each([
    ['an empty file', new Blob([], { type: 'image/png' })],
    ['a page', new Blob(['<html>'], { type: 'image/png' })],
    ['a video', new Blob([MP4_BYTES], { type: 'image/png' })],
    ['a text', new Blob(['hello'], { type: 'text/plain' })],
    ['anything', new Blob(['hello'])],
  ])('%s is refused', async (_, file) => {
    expect(await wrongForm({ prompt: 'a cat', input_reference: file })).toEqual(['input_reference'])
  })

  test('one of them, not two', async () => {
    const file = new Blob([PNG_BYTES])
    expect(await wrongForm({ prompt: 'a cat', input_reference: file, 'input_reference[image_url]': PNG })).toEqual([
      'input_reference[image_url]',
    ])
  })
})

describe('requests of the official client', () => {
  async function sent(call: (client: OpenAI) => Promise<unknown>): Promise<RequestBody[]> {
    const bodies: RequestBody[] = []
    const client = new OpenAI({
      apiKey: 'key-1',
      baseURL: 'http://backend.test/v1',
      fetch: async (url, init) => {
        bodies.push(
          await readBody(new Request(url, { ...init, duplex: 'half' } as RequestInit), { maxBytes: MAX_BYTES }),
        )
        return Response.json({ id: 'video_1' })
      },
    })
    await call(client)
    return bodies
  }

  test.each([
    ['an address', { image_url: IMAGE_URL }, IMAGE_URL],
    ['a data URL', { image_url: PNG }, PNG],
    ['a file', new File([PNG_BYTES], 'cat.png', { type: 'image/png' }), { bytes: PNG_BYTES, mediaType: 'image/png' }],
  ])('a creation with %s', async (_, reference, image) => {
    const [body] = await sent((client) =>
      client.videos.create({
        prompt: 'A cat\nplaying piano',
        model: 'sora-2',
        seconds: '8',
        size: '1280x720',
        input_reference: reference,
      }),
    )
    expect(body?.kind).toBe('form')
    expect(read(body as RequestBody)).toEqual({
      request: { prompt: 'A cat\nplaying piano', model: 'sora-2', durationSeconds: 8, size: '1280x720', image },
      model: 'sora-2',
    })
  })

  test('a creation with bytes whose name reveals no type', async () => {
    const file = await toFile(PNG_BYTES, 'cat')
    const [body] = await sent((client) => client.videos.create({ prompt: 'a cat', input_reference: file }))
    expect(read(body as RequestBody).request.image).toEqual({
      bytes: PNG_BYTES,
      mediaType: 'image/png',
    })
  })

  test('a file id', async () => {
    const [body] = await sent((client) =>
      client.videos.create({ prompt: 'a cat', input_reference: { file_id: 'file_1' } }),
    )
    expect(() => read(body as RequestBody)).toThrow('this server keeps no files')
  })

  test('a remix', async () => {
    const [body] = await sent((client) => client.videos.remix('video_1', { prompt: 'make it red' }))
    expect(body?.kind).toBe('json')
    expect(readRemixRequest(body as RequestBody)).toEqual({ prompt: 'make it red', ...NOTHING_ELSE })
  })
})

describe('a remix', () => {
  test('has a prompt, in JSON and in a form', async () => {
    expect(readRemixRequest(jsonBody({ prompt: 'make it red' }))).toEqual({ prompt: 'make it red', ...NOTHING_ELSE })
    const body = await formBody({ prompt: 'make it\nred' })
    expect(readRemixRequest(body)).toEqual({ prompt: 'make it\nred', ...NOTHING_ELSE })
  })

  test.each<[unknown, readonly string[]]>([
    [null, ['body', 'prompt']],
    [{}, ['prompt']],
    [{ prompt: 7 }, ['prompt']],
  ])('and requires it: %j', async (value, fields) => {
    expect(await wrongFields(() => readRemixRequest(jsonBody(value)))).toEqual(fields)
  })
})

const line = fc.constantFrom('x', 'a b', 'ü', '猫')
const validFields = fc.record(
  {
    prompt: fc
      .array(fc.constantFrom('a cat', '\n', '猫', '🎬', '"', '--x', '\r\n'), { minLength: 1 })
      .map((words) => `a${words.join(' ')}`),
    model: fc.oneof(line, fc.constantFrom('sora2-portrait-15s', 'sora-1.0')),
    seconds: fc.constantFrom('4', '8', '12.5'),
    size: fc.constantFrom('1280x720', '720x1280'),
    seed: fc.nat().map(String),
    style: line,
    aspect_ratio: fc.constantFrom('16:9', '1:1'),
    audio: fc.constantFrom('true', 'false'),
    user: line,
    webhook_url: fc.constant('https://client.example/hook'),
    input_reference: fc.constantFrom(IMAGE_URL, PNG),
  },
  { requiredKeys: ['prompt'] },
)

test('the same fields are the same request in JSON and in a form', async () => {
  await fc.assert(
    fc.asyncProperty(validFields, async (fields) => {
      const fromFields = await fromJson(fields)
      expect(await fromForm(fields)).toEqual(fromFields)
      expect(checkRequest(fromFields.request)).toEqual(fromFields.request)
    }),
    { numRuns: 200 },
  )
})

const anything = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' })
const NAMES = [...Object.keys(ALL), 'input_reference', 'fps', '__proto__']
const anyFields = fc.dictionary(fc.constantFrom(...NAMES), anything, { noNullPrototype: true })
const damaged = fc.tuple(validFields, anyFields).map(([valid, any]) => ({ ...valid, ...any }))

test('any JSON is a request that the pipeline takes, or an error that names what is wrong', async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(anything, damaged), async (value) => {
      try {
        const { request } = await fromJson(value)
        expect(checkRequest(request)).toEqual({ ...request, prompt: request.prompt.toWellFormed() })
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidRequestError)
      }
    }),
    { numRuns: 1000 },
  )
})

test('any bytes of any type are a request, a refusal, or an error that names what is wrong', async () => {
  const types = fc.constantFrom('application/json', '', 'multipart/form-data; boundary=x', 'text/plain', 'x/y+json;;')
  const whole = '--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na cat\r\n--x--\r\n'
  const texts = fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    anything.map((value) => Buffer.from(JSON.stringify(value))),
    fc
      .tuple(fc.nat(whole.length), fc.string())
      .map(([at, more]) => Buffer.from(whole.slice(0, at) + more + whole.slice(at))),
  )
  await fc.assert(
    fc.asyncProperty(types, texts, async (type, bytes) => {
      const request = new Request('http://backend.test', { method: 'POST', body: bytes })
      if (type !== '') request.headers.set('content-type', type)
      try {
        const body = await readBody(request, { maxBytes: 1000 })
        expect(read(body).request.prompt).toBeTruthy()
      } catch (error) {
        expect(error instanceof InvalidRequestError || error instanceof HttpRefusal).toBe(true)
      }
    }),
    { numRuns: 1000 },
  )
})
