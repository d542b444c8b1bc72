import { describeValue } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import type { PipelineConfig } from '../pipeline-config.js'
import type { RunState } from '../state/run-state.js'
import { answerOf, loadRun } from './store-calls.js'
import { waitMsAt } from './time-left.js'

const PAGE = 1000
// Passes over the store: runs may change their position meanwhile.
const MOST_PASSES = 3
// By how much a wall clock may have been set back, and how many runs are checked for that.
const STEP_MS = 3_660_000
const PROBE = 10

/**
 * Ids of the runs of a store that have not ended, without those that are `live` here, the most overdue first, at most `limit`.
 * @throws InvalidRequestError when the limit is invalid. RunStateError when the store is down.
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
    let pages = 0
    for (let after: string | undefined; found.size < limit; ) {
      const from = after
      const page = await answerOf(
        () => store.due(Number.MAX_SAFE_INTEGER, PAGE, { after: from }),
        'Could not search for unfinished runs, the store is down',
      )
      for (const id of page) if (found.size < limit && !live.has(id)) found.add(id)
      after = page.at(-1)
      pages += 1
      if (page.length < PAGE) break
    }
    // A single page has no gaps, and neither has a pass that finds nothing new.
    if (found.size === known || pages < 2 || found.size >= limit) break
  }
  return [...found]
}

/**
 * Ids of runs that are due and that no live worker holds, the most overdue first, at most `limit`.
 * @throws InvalidRequestError when the limit is wrong. RunStateError when the store is down.
 */
export async function dueRuns({ store, clock }: PipelineConfig, limit: number): Promise<readonly string[]> {
  checkLimit(limit)
  const now = clock.now()
  const due = (before: number, most: number, after?: string) =>
    answerOf(
      () => store.due(before, most, { isFree: true, ...(after !== undefined && { after }) }),
      'Could not search for runs that are due, the store is down',
    )
  const found = [...(await due(now, limit))]
  // If the wall clock was set back since they were saved, runs may be due that seem to wait for up to an hour.
  for (let after = found.at(-1); found.length < limit; ) {
    const page = await due(now + STEP_MS, PROBE, after)
    const states = await Promise.all(page.map((id) => stateOf(store, id)))
    const stepped = page.filter((_, index) => isAhead(states[index], now))
    found.push(...stepped.slice(0, limit - found.length))
    after = page.at(-1)
    if (stepped.length < PROBE) break
  }
  return found
}

// A run that cannot be read is not known to be due.
async function stateOf(store: RunStore, id: string): Promise<RunState | undefined> {
  return (await loadRun(store, id).catch(() => undefined))?.state
}

// Saved by a clock that was ahead of this one.
function isAhead(state: RunState | undefined, now: number): boolean {
  return state !== undefined && state.wakeAt > now && waitMsAt(state, now) === 0
}

function checkLimit(limit: unknown): void {
  if (Number.isSafeInteger(limit) && (limit as number) >= 1) return
  throw new InvalidRequestError([{ field: 'limit', value: describeValue(limit), fix: 'give a whole number from 1' }])
}
