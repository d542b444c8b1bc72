import type { RunSession } from '../run-session.js'
import { inBackground, PATIENTLY } from './in-background.js'
import { dropMedia } from './retention.js'

/**
 * Leaves a run: saves pending changes, such as the end of the run, in the background, and releases a run that has not ended.
 * Otherwise the store would name this worker for as long as it beats for its other runs.
 */
export function leaveRun(session: RunSession): void {
  const { journal, config } = session
  if (!journal.isToBeLeft) return
  const leave = async () => {
    await journal.saveUnsaved(false)
    if (session.state.status === 'completed' || session.state.status === 'failed') await dropMedia(session)
  }
  inBackground(config, leave, PATIENTLY)
}
