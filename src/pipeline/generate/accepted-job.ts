import { RunStateError } from '../../contracts/run-errors.js'
import { goOnAfterRace } from '../journal/lost-race.js'
import { type StatePatch, saveState } from '../journal/run-journal.js'
import { isFenced } from '../journal/store-calls.js'
import type { RunSession } from '../run-session.js'
import type { Submission } from '../state/run-state.js'

const TRIES = 5

/**
 * Saves what is known of an accepted job, also when another process saved in between: who has sent the submission is the only one that
 * knows for sure, and a job that was paid for must not be lost to a lost race.
 * @throws FencedError when what the other process saved stands.
 * @throws RunStateError with the handle of the job when the store does not let it be saved.
 */
export async function recordAccepted(session: RunSession, submission: Submission, patch: StatePatch): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      return await saveState(session, { status: 'running', submission, ...patch })
    } catch (error) {
      if (!isFenced(error)) throw error
      if (!(await goOnAfterRace(session))) throw error
    }
  }
  const { handle } = submission
  throw new RunStateError(`Could not save an accepted job, other processes keep saving: ${session.id}`, { handle })
}
