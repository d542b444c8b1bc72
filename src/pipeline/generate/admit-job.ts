import type { Admission, GeneratorRoutes } from '../../calling/generator-routes.js'
import { withDeadline } from '../../timing/deadline.js'
import { type RunSession, remainingMs } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { placed, type Submission } from '../state/submission.js'
import { tooLate } from './generate-failure.js'

/**
 * Waits for admission of a job to the generator of a submission, which may choose the generator, and keeps the admission in the
 * session until {@link releaseJob}. A job that may already be running never waits.
 * @throws StageTimeoutError when the stage's deadline passes first.
 */
export async function admitJob(
  session: RunSession,
  job: { readonly routes: GeneratorRoutes; readonly submission: Submission; readonly work: StageWork },
): Promise<void> {
  const { routes, submission, work } = job
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
    const admission = await session.waits.until(session.signal, (ended) =>
      withDeadline({ ...limit, signal: ended }, (signal) => {
        pending = routes.admit(submission.cursor, { ...contextOf(session, work, signal), isRunning })
        return pending
      }),
    )
    session.admission = admission
    const { generator } = routes.at(admission.cursor)
    session.journal.note({ submission: placed(submission, admission.cursor, generator) })
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
  delete session.admission
}
