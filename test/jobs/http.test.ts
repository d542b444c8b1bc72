import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createHandler } from '../../src/http/index.js'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker, type QueueRunner } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'

const VIDEO_URL = 'https://cdn.example/video.mp4'

describe.each(SERVERS)('handlers over a queue on %s', (kind, isSkipped) => {
  let server: QueueServer

  beforeAll(async () => {
    if (!isSkipped) server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)(
    'create a video on one machine, show its events and its state on another, and repeat nothing',
    async () => {
      const { store, at } = await server.site('doors')
      const generator = fakeTaskGenerator({
        polls: [{ state: 'running', ratio: 0.5 }],
        video: { id: 'v', url: VIDEO_URL },
      })
      const options = { generator, store, pollSchedule: () => 100 }
      const doors = [1, 2].map(() => createQueueRunner(new SoraPipeline(options), at))
      const [first, second] = doors.map((runner) => createHandler(runner, { public: true })) as [Ask, Ask]
      await using worker = createWorker(new SoraPipeline(options), at)
      await worker.ready
      const create = (ask: Ask) => ask(post('/v1/videos', { prompt: 'A cat' }, { 'idempotency-key': 'once' }))
      const { id } = (await (await create(first)).json()) as { id: string }
      const events = await (await second(new Request(`http://door/v1/videos/${id}/events`))).text()
      expect(events).toMatch(/event: run-started[\s\S]*event: stage-progressed[\s\S]*event: run-completed/)
      expect(await (await create(second)).json()).toMatchObject({ id })
      const video = await second(new Request(`http://door/v1/videos/${id}`))
      expect(await video.json()).toMatchObject({ id, status: 'completed' })
      expect(generator.startCount).toBe(1)
      await Promise.all(doors.map((runner) => runner.close()))
    },
  )

  it.skipIf(isSkipped)('pay once for a chat whose runner closes, and whose client asks the other machine', async () => {
    const { store, at } = await server.site('closes')
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const options = { generator, store, pollSchedule: () => 100 }
    const [here, there] = [1, 2].map(() => createQueueRunner(new SoraPipeline(options), at)) as [
      QueueRunner,
      QueueRunner,
    ]
    const [first, second] = [here, there].map((runner) => createHandler(runner, { public: true })) as [Ask, Ask]
    await using worker = createWorker(new SoraPipeline(options), at)
    await worker.ready
    const chat = (ask: Ask, prompt: string, more: object = {}) =>
      ask(post('/v1/chat/completions', { model: 'm', messages: [{ role: 'user', content: prompt }], ...more }))
    const waiting = ['A cat', 'A dog'].map((prompt) => chat(first, prompt))
    const streamed = await chat(first, 'A bird', { stream: true })
    await expect.poll(() => generator.startCount, { timeout: 20_000 }).toBe(3)
    await here.close()
    for (const [index, prompt] of ['A cat', 'A dog'].entries()) {
      const answer = (await waiting[index]) as Response
      const { headers } = answer
      expect([answer.status, headers.get('x-should-retry'), headers.get('retry-after')]).toEqual([503, 'false', null])
      const id = headers.get('x-run-id')
      expect(await answer.json()).toMatchObject({
        error: { code: 'run_continues', message: expect.stringContaining(`the workers: ${id}. The run is saved`) },
      })
      const again = await chat(second, prompt, { stream: true })
      expect(again.headers.get('x-run-id')).toBe(id)
      await again.body?.cancel()
    }
    expect(await streamed.text()).toContain(`the workers: ${streamed.headers.get('x-run-id')}. The run is saved`)
    expect(generator.startCount).toBe(3)
    await there.close()
  })

  it.skipIf(isSkipped)('answer a submission within the time although every worker is busy', async () => {
    const { store, at } = await server.site('busy')
    const generator = fakeTaskGenerator({ video: { id: 'v', url: VIDEO_URL } })
    const options = { generator, store, pollSchedule: () => 50 }
    await using runner = createQueueRunner(new SoraPipeline(options), at)
    const handler = createHandler(runner, { public: true, acceptTimeoutMs: 300 })
    const answer = await handler(post('/v1/videos', { prompt: 'A cat' }))
    expect(answer.status).toBe(200)
    const { id } = (await answer.json()) as { id: string }
    const video = () => handler(new Request(`http://door/v1/videos/${id}`)).then((one) => one.json())
    expect(await video()).toMatchObject({ id, status: 'queued' })
    await using worker = createWorker(new SoraPipeline(options), at)
    await worker.ready
    await expect.poll(video, { timeout: 20_000 }).toMatchObject({ status: 'completed' })
    expect(generator.startCount).toBe(1)
  })

  it.skipIf(isSkipped)('stream a chat whose run is in a worker, to its URL', async () => {
    const { store, at } = await server.site('chat')
    const generator = fakeTaskGenerator({ video: { id: 'v', url: VIDEO_URL } })
    const options = { generator, store, pollSchedule: () => 50 }
    await using runner = createQueueRunner(new SoraPipeline(options), at)
    await using worker = createWorker(new SoraPipeline(options), at)
    await worker.ready
    const handler = createHandler(runner, { public: true })
    const body = { model: 'sora-1.0', stream: true, messages: [{ role: 'user', content: 'A cat' }] }
    const answer = await handler(post('/v1/chat/completions', body))
    const text = await answer.text()
    expect(text).toContain(VIDEO_URL)
    expect(text).toContain('data: [DONE]')
  })
})

type Ask = (request: Request) => Promise<Response>

function post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Request {
  return new Request(`http://door${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}
