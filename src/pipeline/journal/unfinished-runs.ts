import { describeValue } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import type { PipelineConfig } from '../options.js'
import { answerOf } from './store-calls.js'

const PAGE = 1000
// Runs that change their place meanwhile are looked for again.
const MOST_PASSES = 3

/**
 * Ids of the runs of a store that have not ended, without those that are `live` here, the most overdue first, at most `limit`.
 * @throws InvalidRequestError when the limit is wrong. RunStateError when the store is down.
 */
export async function unfinishedRuns(
  { store }: PipelineConfig,
  limit: number,
  live: Pick<ReadonlyMap<string, unknown>, 'has'>,
): Promise<readonly string[]> {
  if (limit !== Number.POSITIVE_INFINITY) checkLimit(limit)
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

/**
 * Ids of runs that are due and that no live worker holds, the most overdue first, at most `limit`.
 * @throws InvalidRequestError when the limit is wrong. RunStateError when the store is down.
 */
export async function dueRuns({ store, clock }: PipelineConfig, limit: number): Promise<readonly string[]> {
  checkLimit(limit)
  const due = () => store.due(clock.now(), limit, { isFree: true })
  return answerOf(due, 'Could not look for runs that are due, the store is down')
}

function checkLimit(limit: unknown): void {
  if (Number.isSafeInteger(limit) && (limit as number) >= 1) return
  throw new InvalidRequestError([{ field: 'limit', value: describeValue(limit), fix: 'give a whole number from 1' }])
}
