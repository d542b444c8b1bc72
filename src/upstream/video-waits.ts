import { isSoraPipelineError } from '../contracts/errors.js'
import { isRetryableStatus } from '../contracts/upstream-errors.js'
import { announcesVideo } from './not-ready.js'

/**
 * Why a video could not be opened: its server is busy or cannot be reached, the file is missing (which may be so for
 * a moment after the end of a job), or the server announces that it will come; anything else is final.
 */
export type OpeningTrouble = 'busy' | 'missing' | 'pending' | 'final'

// Statuses between the end of a job and the moment in which its file can be read.
const MISSING: ReadonlySet<number> = new Set([400, 404, 409, 423])
const PENDING: ReadonlySet<number> = new Set([202, 204, 425])
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 16_000]
const NOT_READY_WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000]
// On another server than that of the job a file is more often gone than late, and the job's own may have it.
const FOREIGN_WAITS = 5
const STEADY_MS = 16_000
const LONGEST_MS = 60_000
const LONGEST_PENDING_MS = 300_000

/** The trouble that an answer without a video shows, by its status and its text, if that was read. */
export function troubleOf(
  status: number,
  { text, retryAfterMs }: { readonly text: string; readonly retryAfterMs: number | undefined },
): OpeningTrouble {
  if (PENDING.has(status)) return 'pending'
  if (MISSING.has(status)) return retryAfterMs !== undefined || announcesVideo(text) ? 'pending' : 'missing'
  return isRetryableStatus(status) ? 'busy' : 'final'
}

/** The trouble behind an error without an answer. */
export function troubleIn(error: unknown): OpeningTrouble {
  return isSoraPipelineError(error) && error.isRetryable ? 'busy' : 'final'
}

/** An attempt to open a video that gave none. */
export interface OpeningFailure {
  readonly error: unknown
  readonly trouble: OpeningTrouble
  /** Whether the file is on the server of the job. */
  readonly isOwn: boolean
  readonly retryAfterMs: number | undefined
}

/** A failure, and what went before it. */
export interface FailedOpening extends OpeningFailure {
  /** How many attempts failed before, and how long ago the first began. */
  readonly attempt: number
  readonly elapsedMs: number
}

/** The wait before the next attempt, in milliseconds; `undefined` if there is none. */
export function waitBefore(failed: FailedOpening): number | undefined {
  const { trouble, isOwn, elapsedMs, retryAfterMs = 0 } = failed
  const ownMs = waitFor(failed)
  if (ownMs === undefined) return undefined
  const waitMs = Math.max(ownMs, retryAfterMs)
  const longestMs = trouble === 'pending' && isOwn ? LONGEST_PENDING_MS : LONGEST_MS
  return elapsedMs + waitMs > longestMs ? undefined : waitMs
}

function waitFor({ trouble, attempt, isOwn }: FailedOpening): number | undefined {
  switch (trouble) {
    case 'busy':
      return WAITS_MS[attempt]
    case 'missing':
      return isOwn || attempt < FOREIGN_WAITS ? NOT_READY_WAITS_MS[attempt] : undefined
    case 'pending':
      return NOT_READY_WAITS_MS[attempt] ?? STEADY_MS
    case 'final':
      return undefined
  }
}
