import { streamOf } from './chunks.js'
import type { VideoStart } from './video-start.js'

/** The body of a video, and how to read it. */
export interface VideoStreamOptions {
  readonly start: Extract<VideoStart, { kind: 'video' }>
  /** Bytes to drop first, for a server that ignores ranges. */
  readonly skip: number
  /** Closes the connection. */
  readonly transfer: AbortController
  /** Called when the stream is over. */
  readonly release: () => void
}

/**
 * The bytes of a video, starting with those that were already read. Reads only on demand, so a slow reader slows the
 * sender down. Errors as the body does, and with the caller's reason after an abort.
 */
export function videoStream({ start, skip, transfer, release }: VideoStreamOptions): ReadableStream<Uint8Array> {
  const { rest } = start
  const pending = [...start.head]
  let toSkip = skip

  function end(reason?: unknown): void {
    release()
    rest.cancel()
    transfer.abort(reason)
  }

  return streamOf({
    async next() {
      try {
        while (true) {
          transfer.signal.throwIfAborted()
          const chunk = pending.shift() ?? (await rest.next())
          if (chunk === undefined) {
            end()
            return undefined
          }
          const wanted = chunk.subarray(Math.min(toSkip, chunk.byteLength))
          toSkip -= chunk.byteLength - wanted.byteLength
          if (wanted.byteLength > 0) return wanted
        }
      } catch (error) {
        end(error)
        throw error
      }
    },
    cancel: end,
  })
}
