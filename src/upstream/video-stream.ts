import { discard } from './body-text.js'
import { withTimeLimit } from './time-limit.js'
import type { VideoStart } from './video-start.js'

/** A body that turned out to be a video, and what is expected of it. */
export interface VideoStreamOptions {
  readonly start: Extract<VideoStart, { kind: 'video' }>
  /** Bytes to drop first, for a peer that ignores ranges. */
  readonly skip: number
  /** Bytes that the body announced, with those that are skipped. */
  readonly expected: number | undefined
  /** Ends the connection. */
  readonly transfer: AbortController
  /** Longest silence in milliseconds. */
  readonly stallMs: number
  /** Called once, when the stream is over. */
  readonly release: () => void
  readonly short: (received: number) => Error
  readonly silent: () => Error
  readonly broken: (error: unknown) => unknown
}

/**
 * The bytes of a video as they come: reads only when somebody asks, so a slow reader holds the sender back. Errors when the
 * body is shorter than announced, when nothing comes for too long, and with the caller's reason after an abort.
 */
export function videoStream(options: VideoStreamOptions): ReadableStream<Uint8Array> {
  const { start, expected, transfer, stallMs, release } = options
  const { reader } = start
  const pending = [...start.head]
  let toSkip = options.skip
  let received = 0

  async function next(): Promise<Uint8Array | undefined> {
    const buffered = pending.shift()
    if (buffered !== undefined) return buffered
    const limit = { timeoutMs: stallMs, signal: transfer.signal, error: options.silent }
    const { done, value } = await withTimeLimit(limit, () => reader.read())
    return done ? undefined : value
  }

  function end(reason?: unknown): void {
    release()
    discard(reader)
    transfer.abort(reason)
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          while (true) {
            transfer.signal.throwIfAborted()
            const chunk = await next()
            if (chunk === undefined) {
              if (expected !== undefined && received < expected) throw options.short(received)
              end()
              return controller.close()
            }
            received += chunk.byteLength
            const wanted = chunk.subarray(Math.min(toSkip, chunk.byteLength))
            toSkip -= chunk.byteLength - wanted.byteLength
            if (wanted.byteLength > 0) return controller.enqueue(wanted)
          }
        } catch (error) {
          const failure = options.broken(error)
          end(failure)
          throw failure
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  )
}
