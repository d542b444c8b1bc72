import type { StoredRun } from './run-store.js'

/** How long the id of a forgotten run still returns its outcome, and its claims are kept, in milliseconds. */
export const RETAINED_MS = 86_400_000

// Fields that answer a later request under the id: the outcome, and the identity of the run.
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

/** What a store keeps of a forgotten run while its id may be used again: id, status, URL and error, no prompt. */
export function retainedRun(state: StoredRun): StoredRun {
  const kept: Record<string, unknown> = {}
  for (const field of RETAINED) if (state[field] !== undefined) kept[field] = state[field]
  const empty = { step: 'finish', request: { prompt: '' }, attempts: [], warnings: [], isRetained: true }
  return { ...(kept as StoredRun), ...empty }
}

/** Whether a run that a store forgets at `now` leaves what {@link retainedRun} returns. */
export function isRetainedAt({ isCallerId, endedAt }: StoredRun, now: number): boolean {
  return isCallerId === true && (endedAt ?? 0) > now - RETAINED_MS
}
