import { createParser } from 'eventsource-parser'
import type { Clock } from '../contracts/clock.js'
import { NetworkError, UpstreamResponseError } from '../contracts/upstream-errors.js'
import { abortable } from './abortable.js'
import { discard } from './body-text.js'
import { type FailedExchange, hostOf, networkFailure } from './network-failure.js'

/** One event of a stream. */
export interface SseEvent {
  /** `message` where the stream gives no name, as the standard has it. */
  readonly event: string
  /** Lines are joined by `\n`. Never absent: an event without data is none. */
  readonly data: string
  readonly id?: string | undefined
}

/** How to read a stream: what it is for, and when to give it up. */
export interface SseOptions extends FailedExchange {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Longest silence in milliseconds by the clock, between any two bytes: comments and heartbeats break it too. */
  readonly idleTimeoutMs: number
  /**
   * Most bytes of one event.
   * @defaultValue `1_000_000`
   */
  readonly maxEventBytes?: number | undefined
}

/**
 * The events of a `text/event-stream` body, each as soon as its blank line came. Any line end, a BOM and any cut between chunks
 * are fine; comments and unknown fields are passed over; an event that the end of the body cuts off is discarded. Whether the
 * stream may end where it ends is for the caller to say.
 *
 * The body is closed when the reading ends, in whatever way: at its end, by an error, by an abort, or by leaving the loop. An
 * abort rejects with `signal.reason` at once; the server sees the connection go, and does as it likes.
 *
 * @throws NetworkError when the connection breaks, or is silent for too long.
 * @throws UpstreamResponseError when an event is larger than `maxEventBytes`; not retryable.
 */
export async function* readSse(response: Response, options: SseOptions): AsyncGenerator<SseEvent, void, undefined> {
  const { signal, maxEventBytes = 1_000_000 } = options
  if (response.body === null) return
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  const ready: SseEvent[] = []
  let isTooLarge = false
  const parser = createParser({
    // It counts characters, of which there are never more than bytes.
    maxBufferSize: maxEventBytes,
    onEvent: ({ event = 'message', data, id }) => ready.push({ event, data, ...(id !== undefined && { id }) }),
    onError: ({ type }) => {
      isTooLarge ||= type === 'max-buffer-size-exceeded'
    },
  })
  try {
    while (true) {
      const { done, value } = await nextChunk(reader, options)
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      for (const event of ready.splice(0)) {
        signal.throwIfAborted()
        if (Buffer.byteLength(event.data) > maxEventBytes) throw tooLarge(options, maxEventBytes)
        yield event
      }
      if (isTooLarge) throw tooLarge(options, maxEventBytes)
    }
  } catch (error) {
    throw networkFailure(error, options, signal)
  } finally {
    discard(reader)
  }
}

async function nextChunk(reader: ReadableStreamDefaultReader<Uint8Array>, options: SseOptions) {
  const { clock, signal, idleTimeoutMs } = options
  const watch = new AbortController()
  const silence = clock.sleep(idleTimeoutMs, { signal: watch.signal }).then(() => {
    const url = options.mask(options.url)
    throw new NetworkError(`Could not ${options.what}: ${hostOf(url)} was silent for ${idleTimeoutMs} ms`, { url })
  })
  try {
    return await abortable(signal, Promise.race([reader.read(), silence]))
  } finally {
    watch.abort()
  }
}

function tooLarge({ what, url, mask }: FailedExchange, maxEventBytes: number): UpstreamResponseError {
  const message = `Could not ${what}: ${hostOf(url)} sent an event of more than ${maxEventBytes} bytes`
  return new UpstreamResponseError(message, { url: mask(url), isRetryable: false })
}
