import { anAsyncIterable, checkArgument } from '../contracts/check-argument.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import type { PipelineEvent } from '../contracts/events.js'
import { aFunction, number, rule, withMethods } from '../contracts/option-rules.js'
import { systemClock } from '../timing/system-clock.js'
import { EventFrames } from './event-frames.js'
import { sseStream } from './sse-source.js'

/** Options of {@link toEventStream}. */
export interface EventStreamOptions {
  /**
   * Id of the last event that the client has, as `EventSource` sends it in the header `Last-Event-ID`: the stream starts after it.
   * Any text that is not an id of these events starts the stream from the first one.
   * @defaultValue none: the stream starts from the first event
   */
  readonly lastEventId?: string | undefined
  /**
   * Silence after which a comment is sent, in milliseconds from 0, because proxies cut silent connections. `0` and `Infinity`
   * send none after the first comment, which opens the stream.
   * @defaultValue `15_000` (15 s)
   */
  readonly heartbeatMs?: number | undefined
  /**
   * Called once when the reader cancels before the end. The stream never stops a run: abort the run here if it is not worth its
   * cost without a reader.
   * @defaultValue none: the run continues
   */
  readonly onCancel?: ((reason: unknown) => void) | undefined
  /** Clock of the heartbeats. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

const A_RUN = anAsyncIterable('give a run, such as that of pipeline.run(request), or its events')
const RULES: OptionRules<EventStreamOptions> = {
  lastEventId: rule((value) => typeof value === 'string', 'give the text of the header Last-Event-ID'),
  heartbeatMs: number((value) => value >= 0, 'give milliseconds from 0, or Infinity for no heartbeat'),
  onCancel: aFunction,
  clock: withMethods('now', 'monotonic', 'sleep'),
}

/**
 * Writes the typed events of a run as server-sent events, as `GET /v1/videos/{id}/events` of the handler does: `event` is the type,
 * `data` the event as JSON on one line, and `id` identifies the event. The stream is pulled, never reads ahead of its reader, and
 * ends after the last event, whose id ends in `-end`. Answer 204 to a client that returns with such an id: that stops
 * `EventSource`.
 *
 * A client that reconnects gets the events that it missed: from the same process, and also after a restart and from another process
 * if the store keeps events. With a store without an event log, another process gives all of its own events, whose `sequence`
 * starts at the next multiple of 1,000,000: nothing is lost, and no id is used twice. When this process can no longer work on the run, such as before a deploy, the stream ends without a last event: the client
 * reconnects, and is answered with `pipeline.resume(id)`.
 *
 * @throws ConfigurationError when an option is invalid, or `run` cannot be iterated.
 *
 * @example
 * ```ts
 * import { type SoraPipeline, toEventStream } from 'sora-pipeline'
 *
 * export function events(pipeline: SoraPipeline, id: string, request: Request): Response {
 *   const lastEventId = request.headers.get('last-event-id') ?? ''
 *   if (lastEventId.endsWith('-end')) return new Response(null, { status: 204 })
 *   const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }
 *   return new Response(toEventStream(pipeline.resume(id), { lastEventId }), { headers })
 * }
 * ```
 */
export function toEventStream(
  run: AsyncIterable<PipelineEvent>,
  options: EventStreamOptions = {},
): ReadableStream<Uint8Array> {
  checkOptions('toEventStream', options, RULES)
  checkArgument('toEventStream', 'run', run, A_RUN)
  const { lastEventId = '', onCancel, clock = systemClock } = options
  return sseStream(
    new EventFrames({
      events: run[Symbol.asyncIterator](),
      lastId: lastEventId,
      // A heartbeat after 0 ms would never stop, so 0 means none.
      heartbeatMs: (options.heartbeatMs ?? 15_000) || Number.POSITIVE_INFINITY,
      clock,
      isRunning: async () => true,
      onCancel,
    }),
  )
}
