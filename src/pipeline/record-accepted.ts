import { RunStateError } from '../contracts/run-errors.js'
import { type RunSession, warn } from './run-session.js'
import type { Submission } from './run-state.js'
import { isFenced, reloadState, type StatePatch, saveState } from './save-state.js'
import { stopJob } from './stop-upstream.js'

const TRIES = 5

/**
 * Saves what is known of an accepted job, also when another process saved in between: who has sent the submission is the only one that
 * knows for sure, and a job that was paid for must not be lost to a lost race. The job of a run that was aborted meanwhile is stopped.
 * @throws FencedError when the run went on with another job, which is told as a warning.
 * @throws RunStateError with the handle of the job when the store does not let it be saved.
 */
export async function recordAccepted(session: RunSession, submission: Submission, patch: StatePatch): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      return await saveState(session, { status: 'running', submission, ...patch })
    } catch (error) {
      if (!isFenced(error)) throw error
      await reload(session, submission)
      const { status, submission: present } = session.state
      const isOpen = status === 'running' || status === 'needs-review'
      const isSame = present?.number === submission.number
      if (isOpen && isSame && present.state !== 'accepted') continue
      const isKnown = JSON.stringify(present?.handle?.operation) === JSON.stringify(submission.handle?.operation)
      if (isKnown) throw error
      if (isSame && session.state.isAborted && submission.handle) {
        // Nobody else can stop the job, nor tell of it later.
        session.upstream = await stopJob(session, submission.handle)
        await saveState(session, { submission, ...patch })
      } else {
        const message = `A second job was accepted, look for it at ${submission.handle?.generator}: ${JSON.stringify(submission.handle?.operation)}`
        warn(session, { code: 'duplicate-submission', message }, 'generate')
      }
      throw error
    }
  }
  throw unsaved(session, submission, 'other processes keep saving')
}

async function reload(session: RunSession, submission: Submission): Promise<void> {
  try {
    await reloadState(session)
  } catch (cause) {
    session.callerSignal.throwIfAborted()
    throw unsaved(session, submission, 'the run cannot be read', cause)
  }
}

function unsaved({ id }: RunSession, { handle }: Submission, why: string, cause?: unknown): RunStateError {
  return new RunStateError(`Could not save an accepted job, ${why}: ${id}`, { handle, cause })
}
