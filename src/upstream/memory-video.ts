import type { VideoSource } from '../contracts/source.js'
import { mediaTypeOf } from './media-type.js'

const CHUNK_BYTES = 65_536

/**
 * A source for a video that came inside an answer, as base64 or bytes. It has no address, so it is not public, and it lives as
 * long as this process.
 */
export function memoryVideo(bytes: Uint8Array, mediaType?: string): VideoSource {
  return {
    isPublic: false,
    mediaType: mediaType ?? mediaTypeOf(bytes) ?? 'video/mp4',
    byteLength: bytes.byteLength,
    async open({ offset = 0, signal } = {}) {
      signal?.throwIfAborted()
      let position = offset
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (signal?.aborted) return controller.error(signal.reason)
            const chunk = bytes.subarray(position, position + CHUNK_BYTES)
            position += chunk.byteLength
            // A copy: whoever transfers a chunk must not take the video with it.
            if (chunk.byteLength > 0) controller.enqueue(chunk.slice())
            else controller.close()
          },
        },
        { highWaterMark: 0 },
      )
    },
  }
}
