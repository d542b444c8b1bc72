import type { Clock } from '../contracts/clock.js'
import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import { systemClock } from '../timing/system-clock.js'
import type { ChatCompletionChunk } from './chat-completion-chunk.js'
import { sseHeartbeat } from './sse-heartbeat.js'
import { toOpenAiError } from './to-openai-error.js'

/** How a stream is kept alive and what happens when its reader leaves. */
export interface SseOptions {
  /**
   * After how many milliseconds in which nothing was sent a comment is sent, which every client ignores: proxies cut silent
   * connections, some after 50 s. 0 and `Infinity` send none.
   * @defaultValue 15,000
   */
  readonly heartbeatMs?: number | undefined
  /**
   * After how many milliseconds without a chunk a chunk with an empty delta is sent, because some gateways drop comments. It
   * needs the id and the model of a chunk before it, so none is sent ahead of the first chunk, nor after the answer. 0 and
   * `Infinity` send none.
   * @defaultValue 60,000
   */
  readonly heartbeatChunkMs?: number | undefined
  /**
   * Whether a comment is sent at once, so that the client and every proxy see that the stream is open.
   * @defaultValue `none`
   */
  readonly opening?: 'none' | 'comment' | undefined
  /** Put into an error frame as `run_id`, so that the run can be looked up. */
  readonly runId?: string | undefined
  /**
   * Called once when the reader cancels before the end, first of all. The stream itself never stops a run: abort it here if
   * it is not worth its cost without a reader.
   */
  readonly onCancel?: ((reason: unknown) => void) | undefined
  readonly clock?: Clock | undefined
}

type Arrival = { readonly step: IteratorResult<ChatCompletionChunk, unknown> } | { readonly error: unknown }

const KEEP_ALIVE = ': keep-alive\n\n'
const DONE = 'data: [DONE]\n\n'

/**
 * Writes chunks as server-sent events, each as `data: {…}` and a blank line, and `data: [DONE]` at the end. What the chunks
 * throw becomes one last frame such as `data: {"error":{"message":"…","type":"server_error","param":null,"code":"timeout"}}`
 * before it, so the stream itself never fails. JSON has no raw line end, so no text can break out of its frame.
 *
 * The stream is pulled: nothing is read ahead of its reader, at most one frame waits, and a heartbeat is only sent to a reader
 * that waits for it. A cancel settles at once, also while the chunks are silent: they are told to stop without waiting for
 * them, and no timer stays behind. What the run does then is up to `onCancel`.
 *
 * @throws ConfigurationError when an option cannot work.
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
  chunks: AsyncIterable<ChatCompletionChunk>,
  options: SseOptions = {},
): ReadableStream<Uint8Array> {
  const { runId, onCancel, clock = systemClock, opening = 'none' } = options
  checkOptions(options)
  // A heartbeat after 0 ms would never stop beating, so 0 is taken for none.
  const commentMs = (options.heartbeatMs ?? 15_000) || Number.POSITIVE_INFINITY
  const chunkMs = (options.heartbeatChunkMs ?? 60_000) || Number.POSITIVE_INFINITY
  const heartbeat = sseHeartbeat({ commentMs, chunkMs, clock })
  const encoder = new TextEncoder()
  const end = new AbortController()

  let iterator: AsyncIterator<ChatCompletionChunk> | undefined
  let isAsked = false
  let arrival: Arrival | undefined
  let isArmed = false
  let isOpen = opening === 'none'
  let wake: () => void = () => undefined

  // One request is out at a time, and stays out over any number of heartbeats.
  const ask = () => {
    if (isAsked) return
    isAsked = true
    next().then(
      (step) => {
        arrival = { step }
        wake()
      },
      (error: unknown) => {
        arrival = { error }
        wake()
      },
    )
  }
  const next = async () => {
    iterator ??= chunks[Symbol.asyncIterator]()
    return iterator.next()
  }

  // One timer for the whole stream: it is left running when something is sent, and looks at the time again when it rings.
  const arm = () => {
    const dueInMs = heartbeat.dueInMs()
    if (isArmed || dueInMs === Number.POSITIVE_INFINITY) return
    isArmed = true
    // The first chunk can bring the next beat forward, but never nearer than its own interval.
    clock.sleep(Math.min(dueInMs, chunkMs), { signal: end.signal }).then(
      () => {
        isArmed = false
        wake()
      },
      () => undefined, // The stream ended and took its timer with it.
    )
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const send = (text: string) => controller.enqueue(encoder.encode(text))
        if (!isOpen) {
          isOpen = true
          return send(heartbeatFrame(undefined))
        }
        ask()
        while (arrival === undefined) {
          arm()
          await new Promise<void>((resolve) => {
            wake = resolve
          })
          if (end.signal.aborted) return
          if (arrival === undefined && heartbeat.dueInMs() <= 0) return send(heartbeatFrame(heartbeat.beat()))
        }
        if ('step' in arrival && arrival.step.done !== true) {
          const chunk = arrival.step.value
          try {
            send(frame(chunk))
            heartbeat.chunkSent(chunk)
            isAsked = false
            arrival = undefined
            return
          } catch (error) {
            // Chunks of the caller's own making that are no JSON end like chunks that throw.
            stopReading(iterator)
            arrival = { error }
          }
        }
        end.abort()
        if ('error' in arrival) send(errorFrame(arrival.error, runId))
        send(DONE)
        controller.close()
      },
      cancel(reason) {
        end.abort()
        wake()
        try {
          onCancel?.(reason)
        } finally {
          stopReading(iterator)
        }
      },
    },
    { highWaterMark: 0 },
  )
}

function frame(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

function heartbeatFrame(chunk: ChatCompletionChunk | undefined): string {
  return chunk === undefined ? KEEP_ALIVE : frame(chunk)
}

function errorFrame(error: unknown, runId: string | undefined): string {
  const { body } = toOpenAiError(error)
  return frame({ error: { ...body.error, ...(runId !== undefined && { run_id: runId }) } })
}

// An async generator answers only after the step that it is in, which may never come; nobody is left to hear of its failure.
function stopReading(iterator: AsyncIterator<unknown> | undefined): void {
  const stop = async () => iterator?.return?.()
  stop().catch(() => undefined)
}

function checkOptions(options: SseOptions): void {
  const problems = (['heartbeatMs', 'heartbeatChunkMs'] as const).flatMap((field): InputProblem[] => {
    const ms: unknown = options[field]
    if (ms === undefined || (typeof ms === 'number' && ms >= 0)) return []
    return [{ field, value: describeValue(ms), fix: 'give milliseconds from 0, or Infinity for no heartbeat' }]
  })
  const { opening } = options
  if (opening !== undefined && opening !== 'none' && opening !== 'comment') {
    problems.push({ field: 'opening', value: describeValue(opening), fix: 'give none or comment' })
  }
  if (problems.length > 0) throw new ConfigurationError('toSse', problems)
}
