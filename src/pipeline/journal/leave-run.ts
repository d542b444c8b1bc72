import type { RunSession } from '../run-session.js'
import { inBackground, PATIENTLY } from './in-background.js'
import { continueAfterRace } from './lost-race.js'
import { dropMedia } from './retention.js'
import { isFenced } from './store-calls.js'

/**
 * Leaves a run: saves pending changes, such as the end of the run, in the background, and releases a run that has not ended.
 * Otherwise the store would name this worker for as long as it beats for its other runs. Until its end is saved, reads of this
 * pipeline have it, and the promise that is returned is pending.
 */
export function leaveRun(session: RunSession): Promise<void> | undefined {
  const { id, journal, config, state } = session
  if (!journal.isToBeLeft) return undefined
  const isEnded = state.status !== 'running'
  if (isEnded) config.unsavedEnds.add(id, journal)
  const left = inBackground(config, () => leave(session), PATIENTLY).then(() => config.unsavedEnds.delete(id))
  return isEnded ? left : undefined
}

async function leave(session: RunSession): Promise<void> {
  const { journal } = session
  try {
    await journal.saveUnsaved(false)
  } catch (error) {
    // A process that found this one without beats may have given up the submission whose job this one knows.
    if (!isFenced(error) || session.state.status !== 'completed' || !(await continueAfterRace(session))) throw error
    await journal.saveUnsaved(false)
  }
  if (session.state.status === 'completed' || session.state.status === 'failed') await dropMedia(session)
}
