import { type Admission, admitNow, type GeneratorRoutes } from '../../calling/generator-routes.js'
import { withDeadline } from '../../timing/deadline.js'
import { type RunSession, remainingMs } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { placed, type Submission } from '../state/submission.js'
import { tooLate } from './generate-failure.js'

interface Applicant {
  readonly routes: GeneratorRoutes
  readonly submission: Submission
  readonly work: StageWork
}

/**
 * Waits for admission of a job to the generator of a submission, which may choose the generator, and keeps the admission in the
 * session until {@link releaseJob}. A job that may already be running never waits.
 * @throws StageTimeoutError when the stage's deadline passes first.
 */
export async function admitJob(session: RunSession, job: Applicant): Promise<void> {
  const { routes, submission } = job
  session.waits.throwIfLeaving()
  session.signal.throwIfAborted()
  const admission = admitNow(routes, submission.cursor) ?? (await waitForAdmission(session, job))
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
    error: () => tooLate(generator, deadlines.generateMs),
  }
  let pending: Promise<Admission> | undefined
  try {
    return await session.waits.until(session.signal, (ended) =>
      withDeadline({ ...limit, signal: ended }, (own) => {
        pending = routes.admit(submission.cursor, { ...contextOf(session, work, own), isRunning })
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

/** Releases the admission of a session, if it has one. */
export function releaseJob(session: RunSession): void {
  session.admission?.release()
  session.admission = undefined
}
