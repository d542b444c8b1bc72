import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'
import { expectCheapWait, NO_SWEEP } from './waiting-cost.js'

const RUNNING = { state: 'running' } as const

describe.each(SERVERS)('runs that wait in a queue on %s', (kind, isSkipped) => {
  let server: QueueServer

  beforeAll(async () => {
    if (!isSkipped) server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)(
    'are all woken, 340 times, by two workers, and none is finalised by mistake',
    async () => {
      const { store, at, queue } = await server.site('delays')
      const generator = fakeTaskGenerator({ polls: [RUNNING, RUNNING, RUNNING] })
      const runs = 85
      const options = { generator, store, pollSchedule: () => 300 + Math.random() * 1200 }
      await using runner = createQueueRunner(new SoraPipeline(options), at)
      const workers = [1, 2].map(() =>
        createWorker(new SoraPipeline(options), { ...at, sweepMs: NO_SWEEP, lockMs: 3000 }),
      )
      await Promise.all(workers.map(({ ready }) => ready))
      const results = Array.from(
        { length: runs },
        (_, index) => runner.run({ prompt: 'A cat' }, { id: `delay-${index}` }).result,
      )
      expect(new Set((await Promise.all(results)).map(({ runId }) => runId)).size).toBe(runs)
      expect(generator.startCount).toBe(runs)
      // Each run waited for each of its four polls.
      expect(generator.pollCount).toBe(runs * 4)
      await eventually(async () => expect(await queue.getJobCountByTypes('wait', 'active', 'delayed')).toBe(0))
      await Promise.all(workers.map((worker) => worker.close()))
    },
    120_000,
  )

  it.skipIf(isSkipped)(
    'hold no place in a worker, cost few state writes, and one read and one reschedule per poll',
    () => expectCheapWait(server, 100),
    120_000,
  )
})
