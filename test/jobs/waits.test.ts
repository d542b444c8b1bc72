import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunStore, SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'

const RUNNING = { state: 'running' } as const
// No sweep repairs what the queue loses.
const NO_SWEEP = 3_600_000

interface Cost {
  writes: number
  reads: number
  reschedules: number
}

/** A store that counts its operations for each run. */
function counted(store: RunStore): { readonly store: RunStore; readonly costs: ReadonlyMap<string, Cost> } {
  const costs = new Map<string, Cost>()
  const count = (id: string, kind: keyof Cost) => {
    const cost = costs.get(id) ?? { writes: 0, reads: 0, reschedules: 0 }
    cost[kind] += 1
    costs.set(id, cost)
  }
  return {
    costs,
    store: {
      ...store,
      create: (id, state) => {
        count(id, 'writes')
        return store.create(id, state)
      },
      save: (id, version, state) => {
        count(id, 'writes')
        return store.save(id, version, state)
      },
      load: (id) => {
        count(id, 'reads')
        return store.load(id)
      },
      reschedule: (id, ...more) => {
        count(id, 'reschedules')
        return store.reschedule(id, ...more)
      },
    },
  }
}

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
    async () => {
      const { store: raw, at, queue } = await server.site('cheap')
      const { store, costs } = counted(raw)
      const generator = fakeTaskGenerator({ polls: Array.from({ length: 5 }, () => RUNNING) })
      const runs = Number(process.env.WAITING_RUNS ?? 100)
      let waitMs = 600_000
      // The schedule of this pipeline alone; the polls come when the runs are woken.
      const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => waitMs })
      await using worker = createWorker(pipeline, { ...at, concurrency: 10, sweepMs: NO_SWEEP })
      await using runner = createQueueRunner(new SoraPipeline({ generator, store: raw }), at)
      await worker.ready
      const ids = Array.from({ length: runs }, (_, index) => `cheap-${index}`)
      for (const id of ids) void runner.run({ prompt: 'A cat' }, { id }).result
      await eventually(async () => expect(await queue.getDelayedCount()).toBe(runs))
      expect(generator.startCount).toBe(runs)
      expect(await queue.getActiveCount()).toBe(0)

      waitMs = 100
      await Promise.all(ids.map((id) => runner.wake(id)))
      await eventually(async () => expect(await queue.getJobCountByTypes('wait', 'active', 'delayed')).toBe(0))
      expect(generator.pollCount).toBe(runs * 6)
      const all = [...costs.values()]
      expect(all).toHaveLength(runs)
      const most = (cost: keyof Cost) => Math.max(...all.map((each) => each[cost]))
      console.info(
        `${kind}: ${runs} runs, writes ${most('writes')}, reads ${most('reads')}, reschedules ${most('reschedules')}`,
      )
      // One write more is that of the runner, which creates the run.
      expect(most('writes') + 1).toBeLessThanOrEqual(12)
      expect(most('reschedules')).toBeLessThanOrEqual(6)
      // One for each poll, and one for the submission.
      expect(most('reads')).toBeLessThanOrEqual(8)
    },
    300_000,
  )
})
