import { setTimeout as sleep } from 'node:timers/promises'
import { paceSchedule, SoraPipeline, type TaskGenerator } from 'sora-pipeline'
import { countedSince, openCountedStore, type StoreName, type WriteCounts } from './counted-store.ts'
import { measureLoad, type ProcessLoad } from './process-load.ts'

/** Jobs at once, all started within a second, of the given durations. */
export interface LagWorkload {
  readonly jobs: number
  readonly shortestMs: number
  readonly longestMs: number
}

const START_WITHIN_MS = 1000
const WARM_UP_JOBS = 50

export interface DetectionLag extends ProcessLoad {
  /** From the end of each job to its result, in milliseconds. */
  readonly lags: readonly number[]
  readonly polls: number
  readonly writes: WriteCounts
}

/** How late the end of a job is noticed when many run at once, and what the store has to do for them. */
export async function measureDetectionLag(
  storeName: StoreName,
  directory: string,
  workload: LagWorkload,
): Promise<DetectionLag> {
  const { store, counts } = openCountedStore(storeName, directory)
  const upstream = createUpstream()
  const pipeline = new SoraPipeline({
    generator: upstream.generator,
    store,
    // The default schedule at a tenfold time scale.
    pollSchedule: paceSchedule({ firstMs: 300, floorMs: 70, ceilMs: 1000, blindMs: 500 }),
    deadlines: { generateMs: 600_000, totalMs: 1_200_000 },
  })
  const lagOf = async (id: string, durationMs: number) => {
    upstream.durations.set(id, durationMs)
    await pipeline.generate({ prompt: id })
    return performance.now() - upstream.endOf(id)
  }

  await Promise.all(
    Array.from({ length: Math.min(WARM_UP_JOBS, workload.jobs) }, (_, job) => lagOf(`warm-up ${job}`, 500)),
  )

  const durations = createDurations(20_260_101, workload)
  const before = { ...counts }
  const pollsBefore = upstream.pollCount()
  const endLoad = measureLoad()
  const lags = await Promise.all(
    Array.from({ length: workload.jobs }, async (_, job) => {
      const durationMs = durations()
      await sleep((job * START_WITHIN_MS) / workload.jobs)
      return lagOf(`job ${job}`, durationMs)
    }),
  )
  return { ...endLoad(), lags, polls: upstream.pollCount() - pollsBefore, writes: countedSince(before, counts) }
}

/** Jobs in this process: their progress is linear, in whole percent, and an answer takes no time. */
function createUpstream() {
  const durations = new Map<string, number>()
  const starts = new Map<string, number>()
  const durationOf = (id: string) => durations.get(id) ?? Number.NaN
  const startOf = (id: string) => starts.get(id) ?? Number.NaN
  let polls = 0
  const generator: TaskGenerator<{ id: string }> = {
    name: 'in-process',
    start: async ({ prompt: id }) => {
      starts.set(id, performance.now())
      return { operation: { id } }
    },
    poll: async ({ id }) => {
      polls += 1
      const ratio = (performance.now() - startOf(id)) / durationOf(id)
      if (ratio < 1) return { state: 'running', ratio: Math.floor(ratio * 100) / 100 }
      return { state: 'completed', video: { id, url: 'https://cdn.example/a.mp4' } }
    },
  }
  return { generator, durations, endOf: (id: string) => startOf(id) + durationOf(id), pollCount: () => polls }
}

/** Log-uniform, the same in every run. */
function createDurations(seed: number, { shortestMs, longestMs }: LagWorkload): () => number {
  let state = seed
  return () => {
    // A linear congruential generator with the constants of Numerical Recipes.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return shortestMs * (longestMs / shortestMs) ** (state / 2 ** 32)
  }
}
