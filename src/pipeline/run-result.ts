import type { GeneratedVideo } from '../contracts/generator.js'
import type { PipelineResult } from '../contracts/result.js'
import { NoUsableUrlError } from '../contracts/run-errors.js'
import { videoForResult } from './generated-video.js'
import type { RunSession } from './run-session.js'

/**
 * What a run came to: the uploaded copy, else the resolved URL, else the generator's own.
 * @throws NoUsableUrlError when the video is only behind a key.
 */
export function resultOf(session: RunSession, endedAt: number): PipelineResult {
  const { state } = session
  const video = videoForResult(session)
  const { publication, resolved, uploaded, attempts, warnings, isDegraded } = state
  return {
    runId: state.id,
    ...bestUrl(session, video),
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

function bestUrl(session: RunSession, video: GeneratedVideo): Pick<PipelineResult, 'url' | 'servedBy'> {
  const { uploaded, resolved, submission } = session.state
  if (uploaded) return { url: uploaded.url, servedBy: 'uploader' }
  if (resolved) return { url: resolved.url, servedBy: 'resolver' }
  if (video.url !== undefined) return { url: video.url, servedBy: 'generator' }
  const { source } = video
  if (source.isPublic && source.url !== undefined) return { url: source.url, servedBy: 'generator' }
  throw new NoUsableUrlError(
    `Could not give a URL, the video is only behind a key and nothing uploaded it: ${video.id}`,
    { source, handle: submission?.handle },
  )
}
