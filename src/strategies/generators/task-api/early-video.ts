import type { Clock } from '../../../contracts/clock.js'
import type { TaskStatus } from '../../../contracts/generator.js'
import { UpstreamHttpError, UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { earlyVideo, type Remote } from './finished-job.js'
import { passing } from './job-verdict.js'
import type { TaskApiOperation } from './operation.js'
import { createPollStreaks, type StreakLimit } from './poll-streaks.js'

// The server has no polls.
const NO_ROUTE: ReadonlySet<number> = new Set([405, 501])
const GONE: ReadonlySet<number> = new Set([404, 410])
const AT_ONCE = { polls: 1, spanMs: 0 }
// A new job may not be known yet.
const ABSENCE_LIMIT = { polls: 3, spanMs: 60_000 }
// An answer without a job may be that of a gateway, which recovers.
const UNREAD_LIMIT = { polls: 5, spanMs: 300_000 }
// Past this many jobs the oldest is forgotten.
const MOST_KNOWN = 1_000

/** The videos at addresses that answers to submissions named without a state. */
export interface EarlyVideos {
  /**
   * The status of a poll, or the video that was named before, once failures of polls show that the server never had a job to poll: the
   * answer to the submission was then the result itself. Any other failure leaves open whether the job runs.
   */
  orVideo(operation: TaskApiOperation, clock: Clock, poll: () => Promise<TaskStatus>): Promise<TaskStatus>
}

/** Counts the failed polls of the jobs of one generator. */
export function createEarlyVideos(remote: Omit<Remote, 'clock'>): EarlyVideos {
  const failures = createPollStreaks()
  const known = new Set<string>()
  return {
    async orVideo({ id, videoUrl }, clock, poll) {
      try {
        const status = await poll()
        const [oldest] = known
        if (!known.has(id) && known.size >= MOST_KNOWN && oldest !== undefined) known.delete(oldest)
        known.add(id)
        return status
      } catch (error) {
        const limit = limitOf(error, known.has(id))
        if (limit === undefined) throw error
        const isProof = failures.add(id, clock.monotonic(), limit)
        const video = isProof ? earlyVideo({ ...remote, clock, id }, videoUrl) : undefined
        if (video !== undefined) return { state: 'completed', video }
        // The third of them would end the run.
        throw error instanceof UpstreamHttpError ? passing(error) : error
      }
    },
  }
}

function limitOf(failure: unknown, isKnown: boolean): StreakLimit | undefined {
  // The job is completed, and its poll names no video.
  if (failure instanceof UpstreamResponseError && !failure.isRetryable) return AT_ONCE
  // A job that was found and then vanished had no video yet.
  if (isKnown) return undefined
  if (failure instanceof UpstreamResponseError) return UNREAD_LIMIT
  if (!(failure instanceof UpstreamHttpError)) return undefined
  if (NO_ROUTE.has(failure.status)) return AT_ONCE
  return GONE.has(failure.status) ? ABSENCE_LIMIT : undefined
}
