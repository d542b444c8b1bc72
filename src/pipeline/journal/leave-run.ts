import type { RunSession } from '../run-session.js'
import { inBackground, PATIENTLY } from './in-background.js'
import { dropMedia } from './retention.js'

/**
 * This process leaves a run: what it could not save, such as the end of the run, is saved in the background, and a run that is not
 * over is let go of. Otherwise the store would name this worker for it as long as that beats for its other runs.
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
