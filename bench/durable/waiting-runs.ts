import { setTimeout as sleep } from 'node:timers/promises'
import { SoraPipeline, type TaskGenerator } from 'sora-pipeline'
import { countedSince, openCountedStore, type StoreName, type WriteCounts } from './counted-store.ts'
import { measureLoad, type ProcessLoad } from './process-load.ts'

const BATCH = 250
const ACCEPTED_WITHIN_MS = 60_000

/** Runs that wait at once, and for how long what they write is counted. */
export interface WaitingWorkload {
  readonly runs: number
  readonly windowMs: number
}

export interface WaitingRuns extends ProcessLoad {
  /** From the first run to the instant at which all jobs had been polled once. */
  readonly acceptedMs: number
  /** Length of the window in which the rest was counted. */
  readonly windowMs: number
  readonly polls: number
  readonly writes: WriteCounts
}

/**
 * The cost of runs that only wait: their jobs are polled by the default schedule, report no progress and do not end within the
 * measurement. The runs are not ended, so the process must be ended.
 */
export async function measureWaitingRuns(
  storeName: StoreName,
  directory: string,
  { runs, windowMs: countedMs }: WaitingWorkload,
): Promise<WaitingRuns> {
  const { store, counts } = openCountedStore(storeName, directory)
  const polled = new Set<string>()
  let starts = 0
  let polls = 0
  const generator: TaskGenerator<{ id: string }> = {
    name: 'in-process',
    start: async ({ prompt: id }) => {
      starts += 1
      return { operation: { id } }
    },
    poll: async ({ id }) => {
      polls += 1
      polled.add(id)
      return { state: 'running' }
    },
  }
  const pipeline = new SoraPipeline({ generator, store })

  const startedAt = performance.now()
  const until = async (isReached: () => boolean) => {
    while (!isReached()) {
      if (performance.now() - startedAt > ACCEPTED_WITHIN_MS) {
        throw new Error(
          `Could not start ${runs} runs within ${ACCEPTED_WITHIN_MS} ms: ${starts} submitted, ${polled.size} polled`,
        )
      }
      await sleep(10)
    }
  }
  for (let first = 0; first < runs; first += BATCH) {
    const end = Math.min(runs, first + BATCH)
    for (let run = first; run < end; run += 1) pipeline.run({ prompt: `job ${run}` })
    await until(() => starts === end)
  }
  // A job is polled after its acceptance was saved, so all steps of all runs are behind.
  await until(() => polled.size === runs)
  const acceptedMs = performance.now() - startedAt

  const before = { ...counts }
  const pollsBefore = polls
  const windowStartedAt = performance.now()
  const endLoad = measureLoad()
  await sleep(countedMs)
  const windowMs = performance.now() - windowStartedAt
  return { ...endLoad(), acceptedMs, windowMs, polls: polls - pollsBefore, writes: countedSince(before, counts) }
}
