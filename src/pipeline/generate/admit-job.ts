import { type Admission, admitNow, type GeneratorRoutes } from '../../calling/generator-routes.js'
import { withDeadline } from '../../timing/deadline.js'
import { type RunSession, remainingMs, warn } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { placed, type Submission } from '../state/submission.js'
import { tooLate, tooLateToSubmit } from './generate-failure.js'

interface Applicant {
  readonly routes: GeneratorRoutes
  readonly submission: Submission
  readonly work: StageWork
}

/**
 * Waits for admission of a job to the generator of a submission, which may choose the generator, and keeps the admission in the
 * session until {@link releaseJob} or {@link leaveJob}. A job that may already be running never waits. A run that is not resident
 * does not wait for a place that others hold: it is due again later, in any process.
 * @throws StageTimeoutError when the stage's deadline passes first. RunStateError when a shared store is down.
 */
export async function admitJob(session: RunSession, job: Applicant): Promise<void> {
  const { routes, submission } = job
  session.waits.throwIfLeaving()
  session.signal.throwIfAborted()
  const admission = admitNow(routes, submission.cursor) ?? (await waitForAdmission(session, job))
  if (admission.laterMs !== undefined) {
    await admission.release()
    return admitLater(session, job, admission.laterMs)
  }
  session.admission = admission
  const { generator } = routes.at(admission.cursor)
  session.journal.note({ submission: placed(submission, admission.cursor, generator) })
}

async function waitForAdmission(session: RunSession, { routes, submission, work }: Applicant): Promise<Admission> {
  const { clock, deadlines } = session.config
  const { generator } = routes.at(submission.cursor)
  const isRunning = submission.state !== 'ready'
  const limit = {
    clock,
    timeoutMs: isRunning ? Number.POSITIVE_INFINITY : remainingMs(session, deadlines.generateMs),
    error: () => tooLateToSubmit(generator, deadlines.generateMs),
  }
  let pending: Promise<Admission> | undefined
  try {
    return await session.waits.until(session.signal, (ended) =>
      withDeadline({ ...limit, signal: ended }, (own) => {
        const { isResident } = session
        const context = { ...contextOf(session, work, own), isRunning, isResident }
        // The admission lasts longer than this step.
        pending = routes.admit(submission.cursor, { ...context, warn: (said) => warn(session, said, 'generate') })
        return pending
      }),
    )
  } catch (error) {
    // An admission that comes too late is released for others.
    pending?.then(
      ({ release }) => release(),
      () => undefined, // The error that ended the wait is reported.
    )
    throw error
  }
}

async function admitLater(session: RunSession, { routes, submission }: Applicant, laterMs: number): Promise<void> {
  const { clock, deadlines } = session.config
  const leftMs = remainingMs(session, deadlines.generateMs)
  const late = submission.state === 'ready' ? tooLateToSubmit : tooLate
  if (leftMs <= 0) throw late(routes.at(submission.cursor).generator, deadlines.generateMs)
  session.journal.note({ wakeAt: clock.now() + Math.min(laterMs, leftMs) })
  await session.journal.reschedule()
}

/** The job has ended: releases the admission of a session, if it has one. */
export function releaseJob(session: RunSession): void {
  void session.admission?.release()
  session.admission = undefined
}

/** This process no longer works on the run. The place of a job that may continue is left to the next process. */
export async function leaveJob(session: RunSession): Promise<void> {
  const { admission, state, time } = session
  session.admission = undefined
  const { status, step, submission } = state
  const isOpen = status === 'running' && step === 'generate' && submission !== undefined && submission.state !== 'ready'
  await admission?.release(isOpen ? Math.max(0, time.waitMs) : undefined)
}
