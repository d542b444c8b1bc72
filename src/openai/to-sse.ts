import { anAsyncIterable, checkArgument } from '../contracts/check-argument.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { aFunction, choice, number, text, withMethods } from '../contracts/option-rules.js'
import { systemClock } from '../timing/system-clock.js'
import type { ChatCompletionChunk, ChatCompletionChunks } from './chat-completion-chunk.js'
import { ChunkSource } from './chunk-source.js'
import { sseStream } from './sse-source.js'

/** Options of {@link toSse}. */
export interface SseOptions {
  /**
   * Silence after which a heartbeat is sent, in milliseconds from 0: a chunk with an empty delta, which adds nothing to the
   * answer. Proxies cut silent connections, some after 50 s. Comment lines are never sent, because some readers stop at one. No
   * heartbeat is sent after the answer, or before the first chunk if the chunks are not those of `toChatCompletionChunks`. `0`
   * and `Infinity` send none.
   * @defaultValue `15_000` (15 s)
   */
  readonly heartbeatMs?: number | undefined
  /**
   * Whether to send a failure also as a chunk before its error frame, with a short sentence as `delta.content`, such as `❌ Could
   * not start the video: 429. Wait and send the request again`, because some gateways drop frames without `choices`. Like a
   * heartbeat it needs the form of the chunks.
   * @defaultValue `omit`
   */
  readonly errorContent?: 'include' | 'omit' | undefined
  /** Id of the run, which an error frame contains as `run_id`. @defaultValue none */
  readonly runId?: string | undefined
  /**
   * Called once when the reader cancels before the end. The stream never stops a run: abort the run here if it is not worth its
   * cost without a reader.
   * @defaultValue none: the run continues
   */
  readonly onCancel?: ((reason: unknown) => void) | undefined
  /** Clock of the heartbeats. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

const RULES: OptionRules<SseOptions> = {
  heartbeatMs: number((value) => value >= 0, 'give milliseconds from 0, or Infinity for no heartbeat'),
  errorContent: choice('include', 'omit'),
  runId: text(),
  onCancel: aFunction,
  clock: withMethods('now', 'monotonic', 'sleep'),
}

const CHUNKS = anAsyncIterable('give chunks, such as toChatCompletionChunks(run)')

/**
 * Writes chunks as server-sent events, each as `data: {…}` and a blank line, and `data: [DONE]` at the end. An error of the
 * chunks becomes one frame before that, such as `data:
 * {"error":{"message":"…","type":"server_error","param":null,"code":"timeout"}}`, so the stream itself never fails. JSON has no
 * raw line end, so no text can break out of its frame.
 *
 * The stream is pulled: it never reads ahead of its reader, at most one frame is buffered, and a heartbeat is only sent to a
 * reader that waits for a frame. Only heartbeats may precede the first chunk. A cancel settles at once, also while the chunks are
 * silent: their iterator is closed without waiting for it, and no timer remains. `onCancel` decides what happens to the run.
 *
 * @throws ConfigurationError when an option is invalid, or `chunks` cannot be iterated.
 *
 * @example
 * ```ts
 * import { SoraPipeline, toChatCompletionChunks, toSse } from 'sora-pipeline'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * const run = pipeline.run({ prompt: 'A cat playing piano' })
 * const response = new Response(toSse(toChatCompletionChunks(run)), { headers: { 'content-type': 'text/event-stream' } })
 * console.log(await response.text())
 * ```
 */
export function toSse(
  chunks: AsyncIterable<ChatCompletionChunk> | ChatCompletionChunks,
  options: SseOptions = {},
): ReadableStream<Uint8Array> {
  checkOptions('toSse', options, RULES)
  checkArgument('toSse', 'chunks', chunks, CHUNKS)
  const { runId, onCancel, clock = systemClock, errorContent = 'omit' } = options
  // A heartbeat after 0 ms would never stop, so 0 means none.
  const heartbeatMs = (options.heartbeatMs ?? 15_000) || Number.POSITIVE_INFINITY
  return sseStream(new ChunkSource(chunks, { runId, onCancel, clock, errorContent, heartbeatMs }))
}
