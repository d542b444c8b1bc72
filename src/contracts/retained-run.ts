import type { StoredRun } from './run-store.js'

/** How long a forgotten run is still answered for, and its claims are kept, in milliseconds. */
export const RETAINED_MS = 86_400_000

// What answers the id of a run again: what it came to, and what tells it from another run.
const RETAINED: readonly string[] = [
  'v',
  'id',
  'status',
  'wakeAt',
  'startedAt',
  'endedAt',
  'owner',
  'removedAt',
  'isCallerId',
  'fingerprint',
  'epoch',
  'error',
  'isAborted',
  'isRefused',
  'upstream',
  'isDegraded',
  'video',
  'candidates',
]

/** What stays of a run that a store forgets while its id may be given again: id, status, URL and error, no prompt. */
export function retainedRun(state: StoredRun): StoredRun {
  const kept = Object.entries(state).filter(([field]) => RETAINED.includes(field))
  const empty = { step: 'finish', request: { prompt: '' }, attempts: [], warnings: [], isRetained: true }
  return { ...(Object.fromEntries(kept) as StoredRun), ...empty }
}

/** Whether a run that a store forgets at `now` leaves what {@link retainedRun} gives. */
export function isRetainedAt({ isCallerId, endedAt }: StoredRun, now: number): boolean {
  return isCallerId === true && (endedAt ?? 0) > now - RETAINED_MS
}
