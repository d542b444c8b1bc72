import { type RunSession, warn } from '../run-session.js'
import { bestCandidate, isUsable } from '../state/candidates.js'
import { renewVideo } from './generated-video.js'

/**
 * Before a run completes with a URL that has expired or could not be opened, polls the generator for a fresh one. Without a
 * usable URL the run is degraded, with a warning.
 */
export async function secureUrl(session: RunSession): Promise<void> {
  if (!isDoubtful(session)) return
  await renewVideo(session)
  if (!isDoubtful(session)) return
  session.journal.note({ isDegraded: true })
  const message = 'Every URL of the video has expired or could not be opened; the result has the best of them'
  warn(session, { code: 'url-doubtful', message })
}

function isDoubtful({ state, config }: RunSession): boolean {
  const now = config.clock.now()
  const best = bestCandidate(state, now)
  return best !== undefined && !isUsable(best, now)
}
