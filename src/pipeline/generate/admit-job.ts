import type { Admission, GeneratorRoutes } from '../../calling/generator-routes.js'
import { withDeadline } from '../../timing/deadline.js'
import { type RunSession, remainingMs } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { placed, type Submission } from '../state/submission.js'
import { tooLate } from './generate-failure.js'

/**
 * Waits for leave to have a job at the generator of a submission, which may choose the generator, and keeps it in the session until
 * {@link releaseJob}. A job that may run already never waits.
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
  let asked: Promise<Admission> | undefined
  try {
    const admission = await session.waits.until(session.signal, (ended) =>
      withDeadline({ ...limit, signal: ended }, (signal) => {
        asked = routes.admit(submission.cursor, { ...contextOf(session, work, signal), isRunning })
        return asked
      }),
    )
    session.admission = admission
    const { generator } = routes.at(admission.cursor)
    session.journal.note({ submission: placed(submission, admission.cursor, generator) })
  } catch (error) {
    // Leave that comes too late must not be kept from others.
    asked?.then(
      ({ release }) => release(),
      () => undefined, // The error that ended the wait reports it.
    )
    throw error
  }
}

/** Gives back the leave that a session has, if it has one. */
export function releaseJob(session: RunSession): void {
  session.admission?.release()
  delete session.admission
}
