import type { Clock } from '../../contracts/clock.js'
import type { OpenOptions, VideoSource } from '../../contracts/source.js'
import type { AllowPrivateAddresses } from '../../upstream/download/allowed-destinations.js'
import { remoteVideo } from '../../upstream/remote-video.js'

/** Opens a public URL from an offset. Sends no credentials. */
export type OpenUrl = (url: string, options: OpenOptions) => Promise<ReadableStream<Uint8Array>>

/** Creates a source from a public URL and facts about it. */
export type SourceOfUrl = (
  url: string,
  facts: Pick<VideoSource, 'mediaType' | 'byteLength' | 'expiresAt'>,
) => VideoSource

const HEADERS_TIMEOUT_MS = 30_000

/**
 * How a pipeline opens public URLs: with the caller's function, or through the guarded downloader. The downloader refuses pages,
 * never accepts a truncated body, and never mixes the bytes of two files. It uses the length that the server sends with the
 * bytes, not an earlier one.
 */
export function sourceOfUrl(options: {
  readonly openUrl: OpenUrl | undefined
  readonly allowPrivateAddresses: AllowPrivateAddresses | undefined
  readonly clock: Clock
}): SourceOfUrl {
  const { openUrl, allowPrivateAddresses, clock } = options
  if (openUrl) return (url, facts) => ({ ...facts, url, isPublic: true, open: (open = {}) => openUrl(url, open) })
  return (url, { mediaType, expiresAt }) =>
    remoteVideo({
      url,
      isPublic: true,
      clock,
      timeoutMs: HEADERS_TIMEOUT_MS,
      allowPrivateAddresses,
      mediaType,
      expiresAt,
    })
}
