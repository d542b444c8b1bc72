import { expect, vi } from 'vitest'
import { type RunStore, SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import type { QueueServer } from './queue-server.js'

// No sweep repairs what the queue loses.
export const NO_SWEEP = 3_600_000

const BATCH = 100

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

/**
 * Lets runs wait for their jobs, then wakes them for six polls each. They hold no place in a worker, and cost few state writes, and one
 * read and one reschedule for each poll.
 */
export async function expectCheapWait(server: QueueServer, runs: number): Promise<void> {
  const { store: raw, at, queue } = await server.site('cheap')
  const { store, costs } = counted(raw)
  const generator = fakeTaskGenerator({ polls: Array.from({ length: 5 }, () => ({ state: 'running' as const })) })
  let waitMs = 600_000
  const within = (assertion: () => Promise<void>) =>
    vi.waitFor(assertion, { timeout: 60_000 + runs * 400, interval: 100 })
  // The schedule of this pipeline alone; the polls come when the runs are woken.
  const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => waitMs })
  await using worker = createWorker(pipeline, { ...at, concurrency: 10, sweepMs: NO_SWEEP })
  await using runner = createQueueRunner(new SoraPipeline({ generator, store: raw }), at)
  await Promise.all([worker.ready, runner.ready])
  const ids = Array.from({ length: runs }, (_, index) => `cheap-${index}`)
  const jobs = () => queue.getJobCountByTypes('wait', 'active', 'delayed')
  // All of them at once would take longer than the time limit of the store.
  for (let first = 0; first < runs; first += BATCH) {
    const batch = ids.slice(first, first + BATCH)
    for (const id of batch) void runner.run({ prompt: 'A cat' }, { id }).result
    await within(async () => expect(await jobs()).toBe(first + batch.length))
  }
  await within(async () => expect(await queue.getDelayedCount()).toBe(runs))
  expect(generator.startCount).toBe(runs)
  expect(await queue.getActiveCount()).toBe(0)

  waitMs = 100
  for (let first = 0; first < runs; first += BATCH)
    await Promise.all(ids.slice(first, first + BATCH).map((id) => runner.wake(id)))
  await within(async () => expect(await jobs()).toBe(0))
  expect(generator.pollCount).toBe(runs * 6)
  const all = [...costs.values()]
  expect(all).toHaveLength(runs)
  const most = (cost: keyof Cost) => Math.max(...all.map((each) => each[cost]))
  console.info(`${runs} runs: writes ${most('writes')}, reads ${most('reads')}, reschedules ${most('reschedules')}`)
  // One write more is that of the runner, which creates the run.
  expect(most('writes') + 1).toBeLessThanOrEqual(12)
  expect(most('reschedules')).toBeLessThanOrEqual(6)
  // One for each poll, and one for the submission.
  expect(most('reads')).toBeLessThanOrEqual(8)
}
