import type { GeneratedVideo } from '../../contracts/generator.js'
import type { VideoSource } from '../../contracts/source.js'
import type { HasSignal } from '../../timing/lazy-signal.js'
import type { RunSession } from '../run-session.js'
import { firstThatOpens, type Place, renewedPlace } from './first-that-opens.js'
import { videoOf } from './generated-video.js'

/**
 * The source for an uploader: the resolved video, else the generated one if that cannot be opened, else a fresh URL of the
 * generator if that has expired.
 * @param stage - The limit of the upload.
 */
export async function uploadSource(session: RunSession, stage: HasSignal): Promise<VideoSource> {
  const own = (find: Place['find']): readonly Place[] => [
    { find, isOwn: true, instead: 'The generated video is uploaded instead' },
    renewedPlace(session),
  ]
  const mirrored = resolvedSource(session)
  const knownUrl = session.video?.source?.url ?? session.video?.url ?? session.state.video?.url
  if (mirrored === undefined || mirrored.url === knownUrl) {
    const generated = await generatedSource(session, stage)
    return firstThatOpens(
      session,
      generated,
      own(async () => generated),
    )
  }
  // A poll for the generated video is made only if the mirror cannot be opened.
  const others = own(() => generatedSource(session, stage))
  const { byteLength } = session.state.resolved ?? {}
  return firstThatOpens(session, mirrored, [{ find: async () => mirrored, isOwn: false, byteLength }, ...others])
}

/**
 * The source of the video of an ended run, for a server: the resolved video, the generated one, the copy, or a fresh URL of the
 * generator. Each is tried when those before it could not be opened. A copy behind a viewer page, such as that of Google Drive,
 * is skipped in the same way.
 */
export function servedSource(session: RunSession): VideoSource {
  const { uploaded, video } = session.state
  const mirrored = resolvedSource(session)
  const copied = uploaded && session.config.sourceOfUrl(uploaded.url, { expiresAt: uploaded.expiresAt })
  return firstThatOpens(session, { isPublic: false }, [
    ...(mirrored ? [{ find: async () => mirrored, isOwn: false }] : []),
    ...(video ? [{ find: () => generatedSource(session), isOwn: true }] : []),
    ...(copied ? [{ find: async () => copied, isOwn: false }] : []),
    renewedPlace(session),
  ])
}

/** The generated video for a result: after a restart its source is fetched when it is first opened. */
export function videoForResult(session: RunSession): GeneratedVideo {
  if (session.video) return session.video
  const { url, ...facts } = session.state.video ?? { id: session.id }
  return url === undefined ? { ...facts, source: servedSource(session) } : { ...facts, url }
}

async function generatedSource(session: RunSession, stage?: HasSignal): Promise<VideoSource> {
  const { source, url, expiresAt } = await videoOf(session, stage)
  return source ?? session.config.sourceOfUrl(url as string, { expiresAt })
}

function resolvedSource({ config, state: { resolved } }: RunSession): VideoSource | undefined {
  if (resolved === undefined) return undefined
  const { url, mediaType, byteLength, expiresAt } = resolved
  return config.sourceOfUrl(url, { mediaType, byteLength, expiresAt })
}
