import type { PipelineConfig } from '../options.js'
import { answerOf } from './store-calls.js'

const PAGE = 1000
// Runs that change their place meanwhile are looked for again.
const MOST_PASSES = 3

/**
 * Ids of the runs of a store that have not ended, without those that are `live` here, the most overdue first, at most `limit`.
 * @throws RunStateError when the store is down.
 */
export async function unfinishedRuns(
  { store }: PipelineConfig,
  limit: number,
  live: Pick<ReadonlyMap<string, unknown>, 'has'>,
): Promise<readonly string[]> {
  const found = new Set<string>()
  for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
    const known = found.size
    for (let after: string | undefined; found.size < limit; ) {
      const from = after
      const page = await answerOf(
        () => store.due(Number.MAX_SAFE_INTEGER, PAGE, { after: from }),
        'Could not look for unfinished runs, the store is down',
      )
      for (const id of page) if (found.size < limit && !live.has(id)) found.add(id)
      after = page.at(-1)
      if (page.length < PAGE) break
    }
    // One page has no gaps, and a pass that finds nothing new had none.
    if (found.size === known || found.size < PAGE || found.size >= limit) break
  }
  return [...found]
}
