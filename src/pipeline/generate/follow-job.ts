import type { TaskStatus } from '../../contracts/generator.js'
import type { PollHistory } from '../../contracts/poll-schedule.js'
import { pacedBy } from '../../timing/paced-polls.js'
import { jobRemainingMs, type RunSession } from '../run-session.js'
import { reportProgress, type StageWork, warnOfProgress } from '../stage-work.js'
import { type AcceptedSubmission, missesOf } from '../state/submission.js'
import { completeJob, recordAccepted, upstreamOf } from './accepted-job.js'
import { attemptFailed, jobTooLate } from './generate-failure.js'
import { learnDuration, usualDuration } from './job-duration.js'
import { type GenerateStep, tryNext } from './next-generator.js'
import { claimOwnJob, isClaimDue } from './own-job.js'
import { pollJob, readPollAfterMs } from './poll-job.js'
import { isListing, SweptJob } from './swept-job.js'

// Long enough for a response; the deadline of the job has passed already.
const LAST_POLL_MS = 5000
const LONGEST_BACK_OFF_MS = 60_000

/**
 * Polls an accepted job once and acts on the result. After its deadline a job is polled a last time: it is paid, and may have
 * ended while no process ran, or during a wait that the upstream requested.
 * @throws StageTimeoutError when its deadline has passed and it still runs; the error of the stage when the job failed.
 */
export async function pollStep(session: RunSession, step: GenerateStep, job: AcceptedSubmission): Promise<void> {
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const leftMs = jobRemainingMs(session, { route: step.route, submission: job })
  const isLast = leftMs <= 0
  session.upstream = upstreamOf('running', job, generator)
  const poll = { generator, job, work: step.work, limitMs: isLast ? LAST_POLL_MS : leftMs, isLast }
  const { status, job: read, roundTripMs, slowdown } = await pollJob(session, poll)
  const durationMs = session.time.now() - job.handle.startedAt
  if (isLast && status.state !== 'completed' && status.state !== 'failed') {
    const { generateMs, totalMs } = session.config.deadlines
    const isOver = session.time.leftMs(session.state.deadlineAt) <= 0
    const error = jobTooLate(session, generator, Math.min(timeoutMs, generateMs, isOver ? totalMs : generateMs))
    attemptFailed(session, generator, { error, durationMs })
    throw error
  }
  await followJob(session, step, read, status, { durationMs, roundTripMs, slowdown, isNews: false })
}

/** Applies a status of the upstream, from the submission or from a poll, to the run. */
export async function followJob(
  session: RunSession,
  step: GenerateStep,
  job: AcceptedSubmission,
  status: TaskStatus & { readonly pollAfterMs?: number | undefined },
  took: {
    readonly durationMs: number
    readonly roundTripMs: number
    readonly isNews: boolean
    /** Factor that delays the next poll against the schedule, up to a minute; 1 by default. */
    readonly slowdown?: number | undefined
  },
): Promise<void> {
  const { work } = step
  const { generator } = step.route
  const { clock } = session.config
  if (status.state === 'completed') {
    if (!took.isNews) learnDuration(session, generator, job, took.durationMs)
    return completeJob(session, { generator, job, video: status.video, durationMs: took.durationMs })
  }
  if (status.state === 'failed') {
    session.upstream = upstreamOf('failed', job, generator)
    session.journal.note({ submission: job })
    return tryNext(session, step, job, { error: status.error, durationMs: took.durationMs })
  }
  const { ratio, phase = status.state } = status
  const pollAfterMs = readPollAfterMs(session, work, status.pollAfterMs)
  if (job.misses === 0) reportProgress(session, work, { ratio, phase })
  const history = {
    readings: job.readings,
    roundTripMs: took.roundTripMs,
    // A schedule needs it only while nothing moves.
    get usual() {
      return usualDuration(session, generator)
    },
  }
  const scheduledMs = scheduledMsOf(session, work, history)
  const slowedMs = Math.min(scheduledMs * (took.slowdown ?? 1), LONGEST_BACK_OFF_MS)
  // Neither the schedule nor a hint goes past the deadline, when the job is polled a last time.
  const gapMs = Math.max(scheduledMs, slowedMs, pollAfterMs)
  const remainingMs = jobRemainingMs(session, { route: step.route, submission: job })
  const leftMs = Math.min(gapMs, remainingMs)
  session.swept = isListing(generator) ? (session.swept ?? new SweptJob()) : undefined
  session.swept?.plan(leftMs, remainingMs)
  const wakeAt = clock.now() + Math.max(0, leftMs)
  const { journal } = session
  const own = isClaimDue(session, job) ? await claimOwnJob(session, job) : job
  // While the store is down, changes are saved once it is back.
  const isStoreNews = journal.hasNews && journal.isHeld && !journal.isResting
  // Misses in a row are counted across processes, because each may take only one step.
  const isMissNews = !session.isResident && job.misses !== missesOf(journal.saved)
  const isNews = took.isNews || isStoreNews || isMissNews || own.isUnclaimed !== job.isUnclaimed
  if (isNews) return recordAccepted(session, own, { wakeAt })
  // Progress alone is not saved: another process gets it with its own poll.
  journal.note({ submission: job, wakeAt })
  if (!session.isResident) await journal.reschedule()
}

// A custom schedule that fails must not end a paid job.
function scheduledMsOf(session: RunSession, work: StageWork, history: PollHistory): number {
  let given: unknown
  try {
    given = session.config.pollSchedule(history)
    if (typeof given === 'number' && given >= 0) return given
  } catch (error) {
    given = String(error)
  }
  warnOfProgress(session, work, { field: 'pollSchedule', value: given, fix: 'give milliseconds from 0' })
  return pacedBy()(history)
}
