import { createParser } from 'eventsource-parser'
import type { Clock } from '../contracts/clock.js'
import { NetworkError, UpstreamResponseError } from '../contracts/upstream-errors.js'
import { abortable } from './abortable.js'
import type { Answer } from './answer.js'
import { discard } from './body-text.js'
import { type FailedExchange, hostOf, networkFailure } from './network-failure.js'

/** One event of a stream. */
export interface SseEvent {
  /** `message` if the stream gives no name, as in the standard. */
  readonly event: string
  /** Lines are joined by `\n`. Always present: the standard drops an event without data. */
  readonly data: string
  readonly id?: string | undefined
}

/** The purpose of a stream and its limits. */
export interface SseOptions extends FailedExchange {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Longest silence by the clock, in milliseconds, between any two bytes; comments and heartbeats count as bytes. */
  readonly idleTimeoutMs: number
  /**
   * Maximum bytes of one event.
   * @defaultValue `1_000_000`
   */
  readonly maxEventBytes?: number | undefined
  /**
   * Whether the data of a last event that lacks its blank line is complete, so that the event counts.
   * @defaultValue no such event counts, as in the standard
   */
  readonly isComplete?: ((data: string) => boolean) | undefined
}

/**
 * The events of a `text/event-stream` body, each as soon as its blank line arrives. Any line end, a BOM and any split
 * into chunks are supported. Comments and unknown fields are ignored; an event that the end of the body cuts off is
 * discarded, unless `isComplete` accepts it. The caller decides whether the stream is complete.
 *
 * The body is closed when the reading ends: at its end, by an error, by an abort, or by leaving the loop. An abort
 * rejects with `signal.reason` at once; the server sees the connection close.
 *
 * @throws NetworkError when the connection breaks, or is silent for too long.
 * @throws UpstreamResponseError when an event is larger than `maxEventBytes`; not retryable.
 */
export async function* readSse(
  response: Pick<Answer, 'body'>,
  options: SseOptions,
): AsyncGenerator<SseEvent, void, undefined> {
  const { signal, maxEventBytes = 1_000_000, isComplete } = options
  if (response.body === null) return
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  const ready: SseEvent[] = []
  let isTooLarge = false
  let broken: { readonly error: unknown } | undefined
  const parser = createParser({
    // It counts characters, which are never more than bytes.
    maxBufferSize: maxEventBytes,
    onEvent: ({ event = 'message', data, id }) => ready.push({ event, data, ...(id !== undefined && { id }) }),
    onError: ({ type }) => {
      isTooLarge ||= type === 'max-buffer-size-exceeded'
    },
  })
  try {
    while (true) {
      const { done, value } = await nextChunk(reader, options).catch((error: unknown) => {
        signal.throwIfAborted()
        broken = { error }
        return { done: true, value: undefined }
      })
      if (broken && isComplete === undefined) throw broken.error
      if (done && isComplete === undefined) return
      parser.feed(done ? `${decoder.decode()}\n\n` : decoder.decode(value, { stream: true }))
      for (const event of ready.splice(0)) {
        if (done && isComplete?.(event.data) !== true) continue
        signal.throwIfAborted()
        if (Buffer.byteLength(event.data) > maxEventBytes) throw tooLarge(options, maxEventBytes)
        yield event
      }
      if (isTooLarge) throw tooLarge(options, maxEventBytes)
      if (broken) throw broken.error
      if (done) return
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
