import type { VideoSource } from '../../contracts/source.js'
import { mediaTypeOf, SIGNATURE_BYTES } from '../../upstream/media-type.js'

/** The media type that a source declares, else that of its first bytes, else `video/mp4`: fit for a header. */
export function mediaTypeFor({ mediaType }: VideoSource, chunks: readonly Uint8Array[]): string {
  // It goes into a header, so only what looks like a type is taken over.
  const declared = /^\s*([\w.+-]+\/[\w.+-]+)/.exec(mediaType ?? '')?.[1]
  return declared?.toLowerCase() ?? mediaTypeOf(Buffer.concat(chunks, SIGNATURE_BYTES)) ?? 'video/mp4'
}
