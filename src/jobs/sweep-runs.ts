import type { PipelineConfig } from '../pipeline/pipeline-config.js'
import type { RunQueue } from './run-queue.js'

// A run that is due may have its job on the way to a worker.
const GRACE_MS = 2_000
const PAGE = 500
const MOST_PAGES = 20

/**
 * Adds jobs of runs that are overdue in the store and have none in the queue: the queue was emptied, a process died between the
 * store and the queue, or a job ended before its run. Resolves to the number of overdue runs. Rejects when store or queue is down.
 */
export async function sweepRuns({ store, clock }: PipelineConfig, queue: RunQueue): Promise<number> {
  const before = clock.now() - GRACE_MS
  let found = 0
  for (let page = 1, after: string | undefined; page <= MOST_PAGES; page += 1) {
    const ids = await store.due(before, PAGE, { isFree: true, ...(after !== undefined && { after }) })
    await queue.addMissing(ids)
    found += ids.length
    after = ids.at(-1)
    if (ids.length < PAGE) break
  }
  return found
}
