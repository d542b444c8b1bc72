import { describe, expect, test } from 'vitest'
import type { TaskStatus } from '../../../src/contracts/generator.js'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { type TaskApiGeneratorOptions, taskApiGenerator } from '../../../src/strategies/index.js'
import { json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { instantClock, rejection, stageContext } from '../../upstream/stage-context.js'

const REAL = 'https://cdn.example/real.mp4'
const INPUT = 'https://in.example/input.mp4'

const at = (baseUrl: string, options: Partial<TaskApiGeneratorOptions> = {}) =>
  taskApiGenerator({
    name: 'my-api',
    baseUrl,
    create: ({ prompt, video, image, references }) => ({
      path: '/tasks',
      body: { prompt, video_url: video, image, references },
    }),
    poll: { path: ({ id }) => `/tasks/${id}` },
    allowPrivateAddresses: ['127.0.0.1'],
    ...options,
  })
const urlOf = (status: TaskStatus | undefined) => (status?.state === 'completed' ? status.video.url : status?.state)

describe('the result of a job', () => {
  const result = { path: ({ id }: { id: string }) => `/tasks/${id}/result` }
  const serving = (polled: object, status: number, body: object) =>
    loopbackServer((sent, response, request) =>
      sent.url.endsWith('/result')
        ? json(status, body)(sent, response, request)
        : json(200, polled)(sent, response, request),
    )
  const GUESSES = [
    ...['save_result_path', 'file_path', 'path', 'local', 'output'].map((name) => ({ [name]: '/data/j1.mp4' })),
    { url: 'https://app.example/jobs/j1' },
  ]

  test.each(GUESSES)('is read where a poll names %j as well', async (guess) => {
    const server = await serving({ id: 'j1', status: 'completed', ...guess }, 200, { url: REAL })
    expect(urlOf(await at(server.origin, { result }).poll({ id: 'j1' }, stageContext()))).toBe(REAL)
    const resultUrl = `${server.origin}/tasks/j1/result`
    const read: TaskApiGeneratorOptions['read'] = () => ({ resultUrl })
    expect(urlOf(await at(server.origin, { read }).poll({ id: 'j1' }, stageContext()))).toBe(REAL)
    expect(urlOf(await at(server.origin).poll({ id: 'j1', resultUrl }, stageContext()))).toBe(REAL)
  })

  test('is read where a poll has no state, and where the submission was completed at once', async () => {
    const page = { id: 'j1', url: 'https://app.example/jobs/j1' }
    const server = await serving(page, 200, { url: REAL })
    const generator = at(server.origin, { result })
    expect(urlOf(await generator.poll({ id: 'j1' }, stageContext()))).toBe(REAL)
    const done = await serving({ ...page, status: 'completed' }, 200, { url: REAL })
    expect((await at(done.origin, { result }).start({ prompt: 'A cat' }, stageContext())).status).toBeUndefined()
  })

  test('is not read where read gave the address', async () => {
    const server = await serving({ id: 'j1', status: 'completed', at: REAL }, 500, {})
    const read: TaskApiGeneratorOptions['read'] = ({ text, phase }) =>
      phase === 'poll' ? { urls: [text('at') ?? ''] } : {}
    expect(urlOf(await at(server.origin, { result, read }).poll({ id: 'j1' }, stageContext()))).toBe(REAL)
    expect(server.seen).toHaveLength(1)
  })

  test('comes before what the poll names, which is read when it cannot be opened', async () => {
    const video = videoBytes(2_000)
    const server = await loopbackServer((sent, response, request) => {
      if (sent.url === '/b.mp4') return response.writeHead(200, { 'content-type': 'video/mp4' }).end(video)
      if (sent.url === '/a.mp4') return response.writeHead(404).end()
      const origin = `http://${sent.headers.host}`
      const answer = sent.url.endsWith('/result')
        ? { url: `${origin}/a.mp4` }
        : { id: 'j1', status: 'completed', url: `${origin}/b.mp4` }
      return json(200, answer)(sent, response, request)
    })
    const status = await at(server.origin, { result }).poll({ id: 'j1' }, stageContext())
    expect(urlOf(status)).toBe(`${server.origin}/a.mp4`)
    const source = status.state === 'completed' ? status.video.source : undefined
    const bytes = await new Response(await source?.open()).arrayBuffer()
    expect(bytes.byteLength).toBe(video.length)
  })

  test.each([404, 422])('that is refused with %i for long leaves what the poll names', async (code) => {
    const server = await serving({ id: 'j1', status: 'completed', video_url: REAL }, code, { message: 'no such file' })
    const generator = at(server.origin, { result })
    const clock = instantClock()
    const poll = () => generator.poll({ id: 'j1' }, { ...stageContext(), clock })
    for (const _ of [1, 2]) {
      expect(await rejection(poll())).toMatchObject({ status: code, isRetryable: true })
      await clock.sleep(31_000)
    }
    expect(urlOf(await poll())).toBe(REAL)
  })

  test('that names no video leaves what the poll names after another poll', async () => {
    const server = await serving({ id: 'j1', status: 'completed', video_url: REAL }, 200, { id: 'j1' })
    const generator = at(server.origin, { result })
    expect(urlOf(await generator.poll({ id: 'j1' }, stageContext()))).toBe('running')
    expect(urlOf(await generator.poll({ id: 'j1' }, stageContext()))).toBe(REAL)
  })
})

describe('an input of the request is not the video', () => {
  type Answer = (body: Record<string, unknown>) => object
  async function outcome(request: Partial<VideoRequest>, created: Answer, polled: Answer) {
    let body: Record<string, unknown> = {}
    const server = await loopbackServer((sent, response, request_) => {
      if (sent.method === 'POST') body = JSON.parse(String(sent.body))
      const answer = sent.method === 'POST' ? created(body) : polled(body)
      return json(200, answer)(sent, response, request_)
    })
    const generator = at(server.origin)
    const started = await generator.start({ prompt: 'A cat', ...request }, stageContext())
    // As another process gets it.
    const operation = JSON.parse(JSON.stringify(started.operation))
    const status =
      started.status?.state === 'completed' ? started.status : await generator.poll(operation, stageContext())
    return { url: urlOf(status), operation }
  }
  const done: Answer = () => ({ id: 'j1', status: 'succeeded', output_url: REAL })

  test.each<[string, Partial<VideoRequest>, Answer, Answer]>([
    ['in the answer to the submission', { video: INPUT }, (body) => ({ id: 'j1', ...body }), done],
    ['in data of it', { video: INPUT }, (body) => ({ data: { id: 'j1', ...body } }), done],
    [
      'at the top of a poll',
      { video: INPUT },
      () => ({ id: 'j1' }),
      (body) => ({ id: 'j1', status: 'completed', ...body, output: { url: REAL } }),
    ],
    [
      'with another signature',
      { video: `${INPUT}?sig=1` },
      () => ({ id: 'j1' }),
      () => ({ id: 'j1', status: 'completed', video_url: `${INPUT}?sig=2`, result_url: REAL }),
    ],
    [
      'in its bytes',
      { video: { bytes: videoBytes(9_001), mediaType: 'video/mp4' } },
      (body) => ({ id: 'j1', ...body }),
      done,
    ],
    [
      'as an image without an extension',
      { image: 'https://in.example/i/7' },
      (body) => ({ id: 'j1', url: body.image }),
      done,
    ],
    [
      'as a reference',
      { references: ['https://in.example/i/7', 'https://in.example/i/8'] },
      () => ({ id: 'j1' }),
      (body) => ({ id: 'j1', status: 'completed', files: body.references, result_url: REAL }),
    ],
    [
      'in providerOptions',
      { providerOptions: { clip: { video_url: INPUT } } },
      (body) => ({ id: 'j1', video_url: Object(body.clip).video_url }),
      done,
    ],
  ])('%s', async (_, request, created, polled) => {
    const { url, operation } = await outcome(request, created, polled)
    expect(url).toBe(REAL)
    expect(operation.inputs.every((digest: string) => /^[\da-f]{16}$/.test(digest))).toBe(true)
  })

  test('of a job that a lookup found', async () => {
    const entry = { id: 'j1', prompt: 'A cat', created_at: new Date().toISOString() }
    const server = await loopbackServer((sent, response, request_) => {
      const polled = { id: 'j1', status: 'completed', video_url: INPUT, result_url: REAL }
      return json(200, sent.url === '/tasks' ? { data: [entry], has_more: false, total: 1 } : polled)(
        sent,
        response,
        request_,
      )
    })
    const generator = at(server.origin, { find: { path: () => '/tasks' } })
    const context = { ...stageContext(), submittedAt: Date.now() - 1_000 }
    const found = await generator.find?.({ prompt: 'A cat', video: INPUT }, context)
    if (!Array.isArray(found) || found[0] === undefined) throw new Error(JSON.stringify(found))
    expect(urlOf(await generator.poll(found[0], stageContext()))).toBe(REAL)
  })

  test('but an address where the request has it written is', async () => {
    const request = { providerOptions: { output_url: REAL } }
    expect(
      await outcome(
        request,
        () => ({ id: 'j1' }),
        () => ({ id: 'j1', status: 'done', video_url: REAL }),
      ),
    ).toEqual({
      url: REAL,
      operation: { id: 'j1' },
    })
  })

  test('and a picture by its file name needs no digest', async () => {
    const { operation } = await outcome({ image: 'https://in.example/a.png' }, () => ({ id: 'j1' }), done)
    expect(operation).toEqual({ id: 'j1' })
  })

  test('nor does a handle by hand break a poll', async () => {
    const server = await loopbackServer(json(200, { id: 'j1', status: 'done', video_url: REAL }))
    const operation = { id: 'j1', inputs: 7 as never }
    expect(urlOf(await at(server.origin).poll(operation, stageContext()))).toBe(REAL)
  })
})
