import type { Clock } from '../../contracts/clock.js'
import type { OpenOptions, VideoSource } from '../../contracts/source.js'
import type { AllowPrivateAddresses } from '../../upstream/download/allowed-destinations.js'
import { remoteVideo } from '../../upstream/remote-video.js'

/** Opens a public URL from a byte on. Sends no credential. */
export type OpenUrl = (url: string, options: OpenOptions) => Promise<ReadableStream<Uint8Array>>

/** Makes a source of a public URL and of what is known of it. */
export type SourceOfUrl = (
  url: string,
  facts: Pick<VideoSource, 'mediaType' | 'byteLength' | 'expiresAt'>,
) => VideoSource

const HEADERS_TIMEOUT_MS = 30_000

/**
 * How a pipeline opens public URLs: with the caller's function, or through the guarded downloader, which refuses pages, never
 * takes a short body for the whole, and never adds the bytes of one file to those of another. What was said of the length before
 * is then left aside for what the server says with the bytes.
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
