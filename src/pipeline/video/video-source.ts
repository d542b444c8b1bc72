import type { GeneratedVideo } from '../../contracts/generator.js'
import type { VideoSource } from '../../contracts/source.js'
import type { RunSession } from '../run-session.js'
import { firstThatOpens, type Place, renewedPlace } from './first-that-opens.js'
import { videoOf } from './generated-video.js'

/**
 * The source for an uploader: the resolved video, else the generated one if that cannot be opened, else a fresh URL of the
 * generator if that has expired.
 */
export async function uploadSource(session: RunSession): Promise<VideoSource> {
  const { source, url, expiresAt } = await videoOf(session)
  const generated = source ?? session.config.sourceOfUrl(url as string, { expiresAt })
  const own: readonly Place[] = [
    { find: async () => generated, isOwn: true, instead: 'The generated video is uploaded instead' },
    renewedPlace(session),
  ]
  const mirrored = resolvedSource(session)
  if (mirrored === undefined || mirrored.url === generated.url) return firstThatOpens(session, generated, own)
  const { byteLength } = session.state.resolved ?? {}
  return firstThatOpens(session, mirrored, [{ find: async () => mirrored, isOwn: false, byteLength }, ...own])
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
  const generated = async () => {
    const { source, url, expiresAt } = await videoOf(session)
    return source ?? session.config.sourceOfUrl(url as string, { expiresAt })
  }
  return firstThatOpens(session, { isPublic: false }, [
    ...(mirrored ? [{ find: async () => mirrored, isOwn: false }] : []),
    ...(video ? [{ find: generated, isOwn: true }] : []),
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

function resolvedSource({ config, state: { resolved } }: RunSession): VideoSource | undefined {
  if (resolved === undefined) return undefined
  const { url, mediaType, byteLength, expiresAt } = resolved
  return config.sourceOfUrl(url, { mediaType, byteLength, expiresAt })
}
