import type { GeneratedVideo } from '../contracts/generator.js'
import type { PipelineResult } from '../contracts/result.js'
import { NoUsableUrlError } from '../contracts/run-errors.js'
import type { VideoSource } from '../contracts/source.js'
import { bestCandidate } from './candidates.js'
import { videoForResult } from './generated-video.js'
import type { RunSession } from './run-session.js'

/**
 * What a run came to, with the best URL at the moment it ended: the uploaded copy, else the resolved URL, else the generator's own,
 * and one that nothing speaks against before one that has expired or could not be opened.
 * @throws NoUsableUrlError when the video is only behind a key.
 */
export function resultOf(session: RunSession, endedAt: number): PipelineResult {
  const { state } = session
  const video = videoForResult(session)
  const { publication, resolved, uploaded, attempts, warnings, isDegraded } = state
  return {
    runId: state.id,
    ...bestUrl(session, video, endedAt),
    video,
    ...(publication && { publication }),
    ...(resolved && { resolved }),
    ...(uploaded && { uploaded }),
    attempts,
    isDegraded,
    warnings,
    durationMs: endedAt - state.startedAt,
  }
}

function bestUrl(session: RunSession, video: GeneratedVideo, now: number): Pick<PipelineResult, 'url' | 'servedBy'> {
  const { submission } = session.state
  const best = bestCandidate(session.state, now)
  if (best) return { url: best.url, servedBy: best.servedBy }
  // There is a source at least: a generator without a public URL gave nothing else.
  const source = video.source as VideoSource
  throw new NoUsableUrlError(
    `Could not give a URL, the video is only behind a key and nothing uploaded it: ${video.id}`,
    { source, handle: submission?.handle },
  )
}
