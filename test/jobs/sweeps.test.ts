import { Queue } from 'bullmq'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
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
    const overdue: (readonly string[])[] = []
    const watched: typeof store = {
      ...store,
      async due(...asked) {
        const ids = await store.due(...asked)
        if (ids.length > 0) overdue.push(ids)
        return ids
      },
    }
    await using runner = createQueueRunner(new SoraPipeline({ generator, store }), at)
    const prompts = ['one', 'two', 'three']
    const results = prompts.map((prompt) => runner.run({ prompt }, { id: prompt }).result)
    await eventually(async () => expect(await queue.getJobCountByTypes('wait')).toBe(3))

    const added = vi.spyOn(Queue.prototype, 'addBulk')
    onTestFinished(() => added.mockRestore())
    const worker = createWorker(new SoraPipeline({ generator, store: watched }), {
      ...at,
      concurrency: 1,
      sweepMs: 100,
    })
    await worker.ready
    await eventually(() => expect(started).toHaveLength(1))
    await eventually(() => expect(overdue.length).toBeGreaterThanOrEqual(3))
    expect(added).not.toHaveBeenCalled()

    const [waiting] = await queue.getJobs(['wait'])
    await waiting?.remove()
    await eventually(() => expect(added).toHaveBeenCalled())
    expect(added.mock.calls.flat(2).map(({ data }) => data)).toEqual([waiting?.data])
    gate.resolve()
    expect((await Promise.all(results)).map(({ runId }) => runId)).toEqual(prompts)
    await worker.close()
  })
})
