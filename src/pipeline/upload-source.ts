import { toErrorJson } from '../contracts/errors.js'
import type { VideoSource } from '../contracts/source.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { videoOf } from './generated-video.js'
import { type RunSession, warn } from './run-session.js'

/**
 * What an uploader copies: the resolved video, or when its URL cannot be opened the generated one. Once one of them was opened
 * it stays that one, because the bytes of the two may differ.
 */
export async function uploadSource(session: RunSession): Promise<VideoSource> {
  const { sourceOfUrl } = session.config
  const { resolved } = session.state
  const { source, url, expiresAt } = await videoOf(session)
  const generated = source ?? sourceOfUrl(url as string, { expiresAt })
  if (resolved === undefined || resolved.url === generated.url) return generated
  const { mediaType, byteLength } = resolved
  const facts = { mediaType, byteLength, expiresAt: resolved.expiresAt }
  return firstThatOpens(session, { source: sourceOfUrl(resolved.url, facts), byteLength }, generated)
}

function firstThatOpens(
  session: RunSession,
  { source: first, byteLength }: { readonly source: VideoSource; readonly byteLength: number | undefined },
  second: VideoSource,
): VideoSource {
  let opened: VideoSource | undefined
  return {
    url: first.url,
    isPublic: first.isPublic,
    get mediaType() {
      return (opened ?? first).mediaType
    },
    get byteLength() {
      return (opened ?? first).byteLength
    },
    get expiresAt() {
      return (opened ?? first).expiresAt
    },
    async open(options) {
      if (opened) return opened.open(options)
      try {
        const stream = await first.open(options)
        if (byteLength !== undefined && first.byteLength !== undefined && first.byteLength !== byteLength) {
          await stream.cancel()
          // The resolver has seen the file: one of another length is another one.
          const found = `${first.byteLength} bytes, where the resolver saw ${byteLength}`
          throw new UpstreamResponseError(`Could not open the resolved video, it is another file now: ${found}`)
        }
        opened = first
        return stream
      } catch (error) {
        options?.signal?.throwIfAborted()
        const { message } = toErrorJson(error)
        warn(
          session,
          { code: 'source-replaced', message: `The generated video is uploaded instead: ${message}` },
          'upload',
        )
        const stream = await second.open(options)
        opened = second
        return stream
      }
    },
  }
}
