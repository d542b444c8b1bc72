import type { Generator } from '../../contracts/generator.js'
import type { RunSession } from '../run-session.js'
import type { UnknownSubmission } from '../state/submission.js'
import { isKeyed } from './submission-support.js'

// Default of the generator's `settleMs`: how long a submission may take to appear in a list after its connection broke.
const SETTLE_MS = 30_000
// A job that is found is proof at once. Most servers list a job within seconds.
const EARLY_MS = [2000, 10_000, 30_000]
const AGAIN_MS = 2000
const LONGEST_WAIT_MS = 60_000

/** How long an accepted job may take to appear in the list of a generator. */
export function settleMsOf(generator: Generator): number {
  return ('start' in generator ? generator.submission?.settleMs : undefined) ?? SETTLE_MS
}

/**
 * The first inquiry about a submission whose outcome has just become unknown; `wakeAt` in epoch milliseconds. Nothing was sent
 * later than now: a process whose lease has ended no longer sends.
 */
export function firstInquiry(
  session: RunSession,
  generator: Generator,
  submission: UnknownSubmission,
): { readonly submission: UnknownSubmission; readonly wakeAt: number } {
  const now = session.config.clock.now()
  const { inquiries } = submission
  if (isKeyed(generator, submission)) {
    const waitMs = inquiries === 0 ? 0 : Math.min(LONGEST_WAIT_MS, AGAIN_MS * 2 ** inquiries)
    return { submission, wakeAt: now + waitMs }
  }
  const settled = { ...submission, settlesAt: session.time.now() + settleMsOf(generator) }
  return { submission: settled, wakeAt: nextLookupAt(session, generator, settled) }
}

/** Whether an accepted job is certain to be listed by now, so that a lookup without it proves that there is none. */
export function isSettled({ time }: RunSession, { settlesAt = 0 }: UnknownSubmission): boolean {
  return time.now() >= settlesAt
}

/** When to look up a submission that has not settled, in epoch milliseconds: up to three times early, and when it has settled. */
export function nextLookupAt(
  { config, time }: RunSession,
  generator: Generator,
  { settlesAt = 0 }: UnknownSubmission,
): number {
  const now = time.now()
  const lostAt = settlesAt - settleMsOf(generator)
  const early = EARLY_MS.map((ms) => lostAt + ms).find((at) => at > now) ?? settlesAt
  return config.clock.now() + Math.max(0, Math.min(early, settlesAt) - now)
}
