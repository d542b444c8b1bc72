import { createPostgresBackend, QueueEvents } from 'bullmq'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { eventually } from '../support/eventually.js'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'

describe.each(SERVERS)('the search for overdue runs, with a queue on %s', (kind, isSkipped) => {
  let server: QueueServer

  beforeAll(async () => {
    if (!isSkipped) server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)('adds no job again that waits for a place, and adds each that is gone', async () => {
    const { store, at, queue } = await server.site('sweeps')
    const gate = Promise.withResolvers<void>()
    const started: string[] = []
    const generator = {
      name: 'slow',
      async generate({ prompt }: { readonly prompt: string }) {
        started.push(prompt)
        await gate.promise
        return { id: prompt, url: `https://cdn.example/${prompt}.mp4` }
      },
    }
    const options = { generator, store }
    const again: string[] = []
    const { queueName, ...place } = at
    const events =
      kind === 'Redis'
        ? new QueueEvents(String(queueName), place as never)
        : new QueueEvents(String(queueName), place as never, createPostgresBackend as never)
    events.on('duplicated', ({ jobId }) => again.push(jobId))
    await events.waitUntilReady()
    await using runner = createQueueRunner(new SoraPipeline(options), at)
    const results = ['one', 'two', 'three'].map((prompt) => runner.run({ prompt }, { id: prompt }).result)
    await eventually(async () => expect(await queue.getJobCountByTypes('wait')).toBe(3))
    const dueAt = Date.now() + 3000
    const worker = createWorker(new SoraPipeline(options), { ...at, concurrency: 1, sweepMs: 100 })
    await worker.ready
    await eventually(() => expect(started).toHaveLength(1))
    // Overdue by more than the grace of a search, for several searches.
    await eventually(() => expect(Date.now()).toBeGreaterThan(dueAt))
    expect(again).toEqual([])
    const [waiting] = await queue.getJobs(['wait'])
    await waiting?.remove()
    gate.resolve()
    expect((await Promise.all(results)).map(({ runId }) => runId)).toEqual(['one', 'two', 'three'])
    expect(again).toEqual([])
    await worker.close()
    await events.close()
  })
})
