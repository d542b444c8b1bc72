import { describe, expect, test } from 'vitest'
import { paceSchedule, SoraPipeline, type VideoRequest } from '../../../src/index.js'
import { type TaskApiGeneratorOptions, type TaskApiOperation, taskApiGenerator } from '../../../src/strategies/index.js'
import { generatorConformance } from '../../../src/testing/index.js'
import { json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { instantClock, rejection, stageContext } from '../../upstream/stage-context.js'

const KEY = 'canary-key-1-9b71e4'
const VIDEO = videoBytes(20_000)
const PNG = `data:image/png;base64,${Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64')}`

// Kling has a path for each kind of job, below which alone the job is known.
const kling = (origin: string, options: Partial<TaskApiGeneratorOptions> = {}) =>
  taskApiGenerator({
    name: 'kling',
    baseUrl: `${origin}/v1/videos`,
    apiKey: () => KEY, // A token that is signed for each request.
    allowPrivateAddresses: ['127.0.0.1'],
    model: 'kling-v3',
    create({ prompt, model, durationSeconds, aspectRatio, image, lastFrame }, { idempotencyKey }) {
      const kind = image === undefined && lastFrame === undefined ? 'text2video' : 'image2video'
      const shared = {
        prompt,
        model_name: model,
        duration: String(durationSeconds ?? 5),
        external_task_id: idempotencyKey,
      }
      const media = { image: bare(image), image_tail: bare(lastFrame) }
      const body = { ...shared, ...(kind === 'text2video' ? { aspect_ratio: aspectRatio } : media) }
      return { path: `/${kind}`, body, data: { kind } }
    },
    poll: { path: ({ id, data }) => `/${data?.kind}/${encodeURIComponent(id)}` },
    find: { path: ({ number }) => `/text2video?pageNum=${number}&pageSize=100` },
    ...options,
  })
// Base64 without its head.
const bare = (media: string | undefined) => media?.replace(/^data:[^,]*,/, '')

/** Each job is known below its own kind alone, and done at its third poll. */
function klingServer() {
  const jobs = new Map<string, { readonly kind: string; readonly prompt: string; polls: number }>()
  return loopbackServer((sent, response) => {
    const { pathname } = new URL(sent.url, 'http://x')
    const [, kind = '', id] = /^\/v1\/videos\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? []
    const answer = (data: object) =>
      response.end(JSON.stringify({ code: 0, message: 'SUCCEED', request_id: 'r1', data }))
    if (pathname === '/cdn/a.mp4') {
      const offset = Number(/\d+/.exec(sent.headers.range ?? '0')?.[0])
      const range = { 'content-range': `bytes ${offset}-${VIDEO.length - 1}/${VIDEO.length}` }
      return response
        .writeHead(offset > 0 ? 206 : 200, { 'content-type': 'video/mp4', ...(offset > 0 && range) })
        .end(VIDEO.subarray(offset))
    }
    if (sent.headers.authorization !== `Bearer ${KEY}`) return response.writeHead(401).end('{}')
    if (sent.method === 'POST') {
      const task_id = `job-${jobs.size + 1}`
      jobs.set(task_id, { kind, prompt: JSON.parse(String(sent.body)).prompt, polls: 0 })
      return answer({ task_id, task_status: 'submitted' })
    }
    if (id === undefined) {
      const listed = [...jobs].map(([task_id, { prompt }]) => ({ task_id, prompt, task_status: 'processing' }))
      return response.end(JSON.stringify({ data: listed.toReversed(), has_more: false }))
    }
    const job = jobs.get(id)
    if (job?.kind !== kind)
      return response.writeHead(400).end(JSON.stringify({ code: 1203, message: 'task not found' }))
    job.polls += 1
    const isDone = job.polls > 2
    const videos = [{ id: 'f1', url: `http://${sent.headers.host}/cdn/a.mp4`, duration: '5' }]
    return answer({
      task_id: id,
      task_status: isDone ? 'succeed' : 'processing',
      ...(isDone && { task_result: { videos } }),
    })
  })
}

describe('Kling, with the kind of a job in its operation', () => {
  generatorConformance({
    test,
    async create() {
      const server = await klingServer()
      const request = { prompt: 'A cat', image: PNG }
      const requests = () => server.seen.length
      return { generator: kling(server.origin), request, secrets: [KEY], requests, clock: instantClock() }
    },
  })

  test.each<[string, Partial<VideoRequest>, object]>([
    ['text2video', { aspectRatio: '16:9' }, { aspect_ratio: '16:9' }],
    ['image2video', { image: PNG, lastFrame: PNG }, { image: PNG.split(',')[1], image_tail: PNG.split(',')[1] }],
  ])('%s is polled below its own path, also by another process', async (kind, given, fields) => {
    const server = await klingServer()
    const { operation } = await kling(server.origin).start({ prompt: 'A cat', ...given }, stageContext())
    expect(JSON.parse(String(server.seen[0]?.body))).toMatchObject(fields)
    // As a handle of a message or an error has it.
    const handle = JSON.parse(JSON.stringify({ generator: 'kling', operation, startedAt: Date.now() }))
    const pollSchedule = paceSchedule({ firstMs: 20, floorMs: 20, blindMs: 20 })
    const pipeline = new SoraPipeline({ generator: kling(server.origin), pollSchedule })
    const { video } = await (await pipeline.adopt(handle)).result
    expect(video.id).toBe('job-1')
    const urls = server.seen.map(({ url }) => url).filter((url) => url !== '/cdn/a.mp4')
    expect(urls.every((url) => url.startsWith(`/v1/videos/${kind}`))).toBe(true)
  })

  test('a job that a lookup finds has the same data', async () => {
    const server = await klingServer()
    const generator = kling(server.origin)
    const { operation } = await generator.start({ prompt: 'A cat', user: 'u_1' }, stageContext())
    expect(operation).toEqual({ id: 'job-1', data: { kind: 'text2video' } })
    const context = { ...stageContext(), submittedAt: Date.now() - 1_000 }
    expect(await generator.find?.({ prompt: 'A cat', user: 'u_1' }, context)).toEqual([operation])
    expect(context.warnings).toEqual([])
    expect(await generator.find?.({ prompt: 'A dog' }, context)).toEqual([])
  })
})

describe('data of an operation', () => {
  const at = (origin: string, options: Partial<TaskApiGeneratorOptions>) =>
    taskApiGenerator({
      name: 'mine',
      baseUrl: origin,
      apiKey: KEY,
      create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
      poll: { path: ({ id }) => `/tasks/${id}` },
      ...options,
    })
  const start = (origin: string, options: Partial<TaskApiGeneratorOptions>) =>
    at(origin, options).start({ prompt: 'A cat' }, stageContext())

  test('is what create and read keep, and reaches every later request', async () => {
    const server = await loopbackServer((sent, response) => {
      const done = { id: 't1', status: sent.url.startsWith('/poll') ? 'running' : 'done', region: 'eu' }
      response.end(JSON.stringify(done))
    })
    const seen: [string, TaskApiOperation][] = []
    const path = (name: string) => (operation: TaskApiOperation) => {
      seen.push([name, operation])
      return `/${name}/${operation.data?.region}`
    }
    const generator = at(server.origin, {
      create: ({ prompt }) => ({
        path: '/tasks',
        body: { prompt },
        data: { kind: 'a', region: 'us', deep: { n: [1, null] } },
      }),
      read: ({ text, phase }) => ({
        data: { region: text('region'), gone: undefined },
        ...(phase === 'create' && { status: 'queued' }),
      }),
      poll: { path: path('poll'), method: 'POST', body: ({ data }) => ({ kind: data?.kind }) },
      result: { path: path('result') },
      cancel: { path: path('cancel') },
    })
    const { operation } = await generator.start({ prompt: 'A cat' }, stageContext())
    expect(operation).toEqual({ id: 't1', data: { kind: 'a', region: 'eu', deep: { n: [1, null] } } })
    await generator.poll(operation, stageContext())
    await generator.cancel?.(operation, stageContext())
    expect(server.seen.map(({ url }) => url)).toEqual(['/tasks', '/poll/eu', '/poll/eu', '/cancel/eu'])
    expect(JSON.parse(String(server.seen[1]?.body))).toEqual({ kind: 'a' })
    expect(seen.every(([, given]) => given.data?.kind === 'a')).toBe(true)
  })

  test('is absent where nothing is kept', async () => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'queued' }))
    expect((await start(server.origin, {})).operation).toEqual({ id: 't1' })
    const options = { create: () => ({ path: '/tasks', body: {}, data: {} }) }
    expect((await start(server.origin, options)).operation).toEqual({ id: 't1' })
  })

  test('has no secret', async () => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'queued', echo: `Bearer ${KEY}` }))
    const { operation } = await start(server.origin, {
      create: () => ({ path: '/tasks', body: {}, data: { key: KEY, [KEY]: 1, list: [{ at: `x-${KEY}` }] } }),
      read: ({ text }) => ({ data: { echo: text('echo') } }),
    })
    expect(operation.id).toBe('t1')
    expect(JSON.stringify(operation)).not.toContain(KEY)
    const listed = await loopbackServer(json(200, { data: [{ id: 't1', prompt: 'A cat' }], has_more: false }))
    const generator = at(listed.origin, {
      create: () => ({ path: '/tasks', body: {}, data: { key: KEY } }),
      find: { path: () => '/tasks' },
    })
    const found = await generator.find?.({ prompt: 'A cat' }, { ...stageContext(), submittedAt: Date.now() })
    expect(found).toHaveLength(1)
    expect(JSON.stringify(found)).not.toContain(KEY)
  })

  test.each([['a text'], [[1]], [{ at: new Map() }], [{ text: 'x'.repeat(2_000) }], [null]])(
    'that cannot be kept is a mistake before anything is sent: %j',
    async (data) => {
      const server = await loopbackServer(json(200, { id: 't1' }))
      const error = await rejection(start(server.origin, { create: () => ({ path: '/a', data }) as never }))
      expect(error).toMatchObject({
        code: 'configuration-invalid',
        message: expect.stringMatching(/create\(\)\.data .*at most 2000 characters/),
      })
      expect(server.seen).toHaveLength(0)
      const unknown = await rejection(start(server.origin, { read: () => ({ data }) as never }))
      expect(unknown).toMatchObject({ code: 'submission-unknown' })
      expect((unknown as { cause: Error }).cause.message).toMatch(/read\(\)\.data cannot be kept/)
    },
  )

  test('that a person wrote has to be an object', async () => {
    const server = await loopbackServer(json(200, { id: 't1', status: 'running' }))
    const generator = at(server.origin, {})
    const error = await rejection(generator.poll({ id: 't1', data: 'text2video' } as never, stageContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'operation.data' }] })
    expect(server.seen).toHaveLength(0)
    expect(await generator.poll({ id: 't1', data: { kind: 'a' } }, stageContext())).toMatchObject({ state: 'running' })
  })
})
