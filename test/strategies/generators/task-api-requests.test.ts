import { describe, expect, test, vi } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { fallback, SoraPipeline } from '../../../src/index.js'
import {
  falGenerator,
  geminiVideoGenerator,
  replicateGenerator,
  type TaskApiGeneratorOptions,
  taskApiGenerator,
} from '../../../src/strategies/index.js'
import { json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const PNG = `data:image/png;base64,${Buffer.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13]).toString('base64')}`
const WAV = Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0', 'latin1')
const MP4 = `data:video/mp4;base64,${Buffer.from(videoBytes(200)).toString('base64')}`
const never = () => new Promise<never>(() => undefined)

async function api(options: Partial<TaskApiGeneratorOptions>) {
  const server = await loopbackServer(json(200, { id: 't1', status: 'queued' }))
  const generator = taskApiGenerator({
    name: 'my-api',
    baseUrl: server.origin,
    create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
    poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
    ...options,
  })
  const start = (request: Partial<VideoRequest> = {}) =>
    generator.start({ prompt: 'A cat', ...request }, stageContext())
  return { server, generator, start }
}
const form = (fields: Readonly<Record<string, unknown>>) => {
  const body = new FormData()
  for (const [name, value] of Object.entries(fields)) body.set(name, value as string)
  return body
}

describe('providerOptions', () => {
  test('are merged into an object of the body, and drop no field that create sent', async () => {
    const { server, start } = await api({
      create: ({ prompt, image }) => ({
        path: '/tasks',
        body: { input: { prompt, image, tags: ['a'] }, ratio: '16:9' },
      }),
    })
    await start({ image: PNG, providerOptions: { input: { negative_prompt: 'blurry', tags: ['b'] } } })
    expect(JSON.parse(String(server.seen[0]?.body))).toEqual({
      input: { prompt: 'A cat', image: PNG, negative_prompt: 'blurry', tags: ['b'] },
      ratio: '16:9',
    })
  })

  test('are merged into the JSON of a field of a form', async () => {
    const { server, start } = await api({
      create: ({ prompt }) => ({ path: '/tasks', body: form({ input: JSON.stringify({ prompt }) }) }),
    })
    await start({ providerOptions: { input: { fps: 24 } } })
    expect(String(server.seen[0]?.body)).toContain('{"prompt":"A cat","fps":24}')
  })
})

test('providerOptions are merged at every depth by the generators of single providers', async () => {
  const bodies: unknown[] = []
  const fetch: typeof globalThis.fetch = async (_, init) => {
    bodies.push(JSON.parse(String(init?.body)))
    return Response.json({ id: 't1', name: 'models/m/operations/o', status: 'starting', output: { task_id: 't1' } })
  }
  const common = { baseUrl: 'https://api.example/v1', apiKey: 'canary-key-1-7f3a9c', fetch }
  const options = { nested: { b: 2 }, generation_config: { temperature: 1 } }
  const request = { prompt: 'A cat', seed: 7, providerOptions: options }
  const input = () => ({ prompt: 'A cat', nested: { a: 1 }, seed: 7 })
  await replicateGenerator({ ...common, model: 'o/m', input }).start(request, stageContext())
  await falGenerator({ ...common, model: 'o/m', input }).start(request, stageContext())
  await geminiVideoGenerator({ ...common, model: 'gemini-omni' }).start(request, stageContext())
  expect(bodies).toMatchObject([
    { input: { prompt: 'A cat', nested: { a: 1, b: 2 } } },
    { prompt: 'A cat', nested: { a: 1, b: 2 } },
    { generation_config: { seed: 7, temperature: 1 } },
  ])
})

describe('a text that stands for a missing value', () => {
  const path = '/tasks'
  test.each<
    [
      string,
      (request: Partial<VideoRequest>) => { path: string; body?: object; headers?: Record<string, string> },
      string,
    ]
  >([
    ['undefined in a form', ({ seed }) => ({ path, body: form({ seed }) }), 'create().body.seed is "undefined"'],
    ['null in a form', () => ({ path, body: form({ seed: null }) }), 'create().body.seed is "null"'],
    ['NaN in a form', ({ seed }) => ({ path, body: form({ seed: Number(seed) }) }), 'create().body.seed is "NaN"'],
    [
      'an object in a form',
      () => ({ path, body: form({ input: {} }) }),
      'create().body.input is "[object Object]" (give a file',
    ],
    ['undefined in JSON', ({ seed }) => ({ path, body: { a: [String(seed)] } }), 'create().body.a[0] is "undefined"'],
    [
      'undefined in a header',
      ({ seed }) => ({ path, headers: { 'x-seed': String(seed) } }),
      'create().headers.x-seed is "undefined"',
    ],
    ['undefined in the path', ({ model }) => ({ path: `/models/${model}/tasks` }), 'create().path is "undefined"'],
    ['undefined in the query', ({ seed }) => ({ path: `/tasks?seed=${seed}` }), 'create().path, seed is "undefined"'],
  ])('is refused before anything is sent: %s', async (_, create, said) => {
    const { server, start } = await api({ create })
    const error = await rejection(start())
    expect(error).toMatchObject({ code: 'configuration-invalid' })
    expect(String(error)).toContain(said)
    expect(server.seen).toEqual([])
  })

  test('is sent where the request has it, and JSON may hold the text null', async () => {
    const { server, start } = await api({
      create: ({ prompt, style }) => ({ path: '/tasks', body: form({ prompt, style }) }),
    })
    await start({ prompt: 'undefined', style: 'null' })
    const { server: other, start: startOther } = await api({
      create: ({ prompt }) => ({ path: '/tasks', body: { prompt, mode: 'null' } }),
    })
    await startOther({ prompt: '[object Object]' })
    expect([server.seen.length, other.seen.length]).toEqual([1, 1])
  })
})

describe('a function that does not settle', () => {
  test.each<[string, Partial<TaskApiGeneratorOptions>, string]>([
    ['create', { create: never }, 'Could not submit the video: create() of my-api did not settle within 50 ms'],
    [
      'apiKey',
      { apiKey: never },
      'Could not submit the video: the function of the credential of my-api did not settle within 50 ms',
    ],
  ])('%s is named, and the next generator is paid, because nothing was sent', async (_, options, message) => {
    const { server, generator } = await api({ ...options, createTimeoutMs: 50 })
    const next = { name: 'next', generate: async () => ({ id: 'g1', url: 'https://cdn.example/a.mp4' }) }
    const run = new SoraPipeline({ generator: fallback(generator, next) }).run({ prompt: 'A cat' })
    const { attempts } = await run.result
    expect(attempts[0]).toMatchObject({ strategy: 'my-api', outcome: 'failed', errorCode: 'network' })
    expect(String(await rejection(generator.start({ prompt: 'A cat' }, stageContext())))).toContain(message)
    expect(server.seen).toEqual([])
  })

  test('a key has 30 seconds, whatever the time limit of the submission is', async () => {
    const { server, start } = await api({ apiKey: never, createTimeoutMs: Number.POSITIVE_INFINITY })
    vi.useFakeTimers()
    try {
      const failed = rejection(start())
      await vi.advanceTimersByTimeAsync(30_000)
      expect(await failed).toMatchObject({ code: 'network', isRefusal: true })
      expect(String(await failed)).toContain('Could not get the credential of my-api: its function did not settle')
    } finally {
      vi.useRealTimers()
    }
    expect(server.seen).toEqual([])
  })
})

describe('toFile', () => {
  const create: TaskApiGeneratorOptions['create'] = (given, { toFile }) => {
    const { prompt, image, lastFrame, references, audioInput, video } = given
    const media = { image, lastFrame, reference: references?.[1], audioInput, video }
    const files = Object.entries(media).flatMap(([name, text]) => (text === undefined ? [] : [[name, toFile(text)]]))
    return { path: '/tasks', body: form({ prompt, ...Object.fromEntries(files) }) }
  }

  test.each<[string, Partial<VideoRequest>, string, string]>([
    ['an image', { image: PNG }, 'image.png', 'image/png'],
    ['a sound', { audioInput: { bytes: WAV, mediaType: 'audio/wav' } }, 'audio.wav', 'audio/wav'],
    ['a sound of an unknown type', { audioInput: 'data:;base64,AAAA' }, 'audio.bin', 'application/octet-stream'],
    ['a video', { video: MP4 }, 'video.mp4', 'video/mp4'],
  ])('makes a file of %s', async (_, request, name, type) => {
    const { server, start } = await api({ create })
    await start(request)
    const sent = String(server.seen[0]?.body)
    expect(sent).toContain(`filename="${name}"`)
    expect(sent).toContain(`Content-Type: ${type}`)
  })

  test.each<[string, Partial<VideoRequest>, string]>([
    ['image', { image: 'https://in.example/a.png' }, "set imageUrls: 'data-url'"],
    ['lastFrame', { lastFrame: 'https://in.example/b.png' }, "set imageUrls: 'data-url'"],
    ['references[1]', { references: [PNG, 'https://in.example/c.png'] }, "set imageUrls: 'data-url'"],
    ['audioInput', { audioInput: 'https://in.example/a.wav' }, 'give its bytes or a data URL'],
    ['video', { video: 'https://in.example/a.mp4' }, 'give its bytes or a data URL'],
  ])('refuses an address, and names the field: %s', async (field, request, fix) => {
    const { server, start } = await api({ create })
    const error = await rejection(start(request))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field }] })
    expect(String(error)).toContain(fix)
    expect(server.seen).toEqual([])
  })
})
