import type { TaskStatus } from '../../contracts/generator.js'
import { contextOf, jobRemainingMs, type RunSession } from '../run-session.js'
import { type AcceptedSubmission, missesOf } from '../state/submission.js'
import { completeJob, recordAccepted, upstreamOf } from './accepted-job.js'
import { attemptFailed, jobTooLate } from './generate-failure.js'
import { type GenerateStep, tryNext } from './next-generator.js'
import { pollJob, readPollAfterMs } from './poll-job.js'

/**
 * Polls an accepted job once, and follows what that says.
 * @throws StageTimeoutError when its time is over. What the stage ends with when the job failed.
 */
export async function pollStep(session: RunSession, step: GenerateStep, job: AcceptedSubmission): Promise<void> {
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { clock, deadlines } = session.config
  const limitMs = jobRemainingMs(session, { route: step.route, submission: job })
  session.upstream = upstreamOf('running', job, generator)
  const durationMs = () => clock.now() - job.handle.startedAt
  if (limitMs <= 0) {
    const late = { generator, misses: job.misses, timeoutMs: Math.min(timeoutMs, deadlines.generateMs) }
    const error = jobTooLate(session, late)
    attemptFailed(session, generator, { error, durationMs: durationMs() })
    throw error
  }
  const { status, job: read, roundTripMs } = await pollJob(session, { generator, job, work: step.work, limitMs })
  await followJob(session, step, read, status, { durationMs: durationMs(), roundTripMs, isNews: false })
}

/** What an answer of the upstream means for the run, whether it came with the submission or from a poll. */
export async function followJob(
  session: RunSession,
  step: GenerateStep,
  job: AcceptedSubmission,
  status: TaskStatus & { readonly pollAfterMs?: number | undefined },
  took: { readonly durationMs: number; readonly roundTripMs: number; readonly isNews: boolean },
): Promise<void> {
  const { work } = step
  const { generator } = step.route
  const { clock, pollSchedule } = session.config
  if (status.state === 'completed')
    return completeJob(session, { generator, job, video: status.video, durationMs: took.durationMs })
  if (status.state === 'failed') {
    session.upstream = upstreamOf('failed', job, generator)
    session.journal.note({ submission: job })
    return tryNext(session, step, job, { error: status.error, durationMs: took.durationMs })
  }
  const { ratio, phase = status.state } = status
  const pollAfterMs = readPollAfterMs(session, work, status.pollAfterMs)
  if (job.misses === 0) contextOf(session, work, session.signal).report({ ratio, phase })
  const gapMs = Math.max(pollSchedule({ readings: job.readings, roundTripMs: took.roundTripMs }), pollAfterMs)
  const leftMs = Math.min(gapMs, jobRemainingMs(session, { route: step.route, submission: job }))
  const wakeAt = clock.now() + Math.max(0, leftMs)
  const { journal } = session
  // While the store is down, what is new is saved once it is back.
  const isStoreNews = journal.hasNews && journal.isHeld && !journal.isResting
  // Misses in a row are counted over processes, where each takes one step.
  const isMissNews = !session.isResident && job.misses !== missesOf(journal.saved)
  const isNews = took.isNews || isStoreNews || isMissNews
  if (isNews) return recordAccepted(session, job, { wakeAt })
  // A poll that only moved progress changes nothing that another process could not learn by a poll of its own.
  journal.note({ submission: job, wakeAt })
  if (!session.isResident) await journal.reschedule()
}
