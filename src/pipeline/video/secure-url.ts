import { type RunSession, warn } from '../run-session.js'
import { bestCandidate, isUsable } from '../state/candidates.js'
import { renewVideo } from './generated-video.js'

/**
 * Before a run completes with a URL that has expired or could not be opened, asks the generator for the video again. When that
 * brings none that nothing speaks against, the run is degraded and a warning says so.
 */
export async function secureUrl(session: RunSession): Promise<void> {
  if (!isDoubtful(session)) return
  await renewVideo(session)
  if (!isDoubtful(session)) return
  session.journal.note({ isDegraded: true })
  const message = 'Every URL of the video has expired or could not be opened; the best of them is given'
  warn(session, { code: 'url-doubtful', message })
}

function isDoubtful({ state, config }: RunSession): boolean {
  const now = config.clock.now()
  const best = bestCandidate(state, now)
  return best !== undefined && !isUsable(best, now)
}
