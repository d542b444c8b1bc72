import type { Clock } from '../contracts/clock.js'
import type { ChatCompletionChunk, ChatCompletionChunkDelta } from './chat-completion-chunk.js'

/** Decides when a stream of chunks needs a heartbeat, and creates it. It has no timer. */
export interface SseHeartbeat {
  /** Milliseconds until the next beat; 0 or less when it is due, `Infinity` without another beat. */
  dueInMs(): number
  /** Called after a chunk was sent: the next beat is due one interval later. */
  chunkSent(chunk: ChatCompletionChunk): void
  /** Takes the beat that is due, a chunk with an empty delta. */
  beat(): ChatCompletionChunk | undefined
  /** A chunk in the form of those before it; `undefined` before the first of an unknown form, and after the answer. */
  chunkWith(delta: ChatCompletionChunkDelta): ChatCompletionChunk | undefined
}

/** The interval of the beats, in milliseconds (`Infinity` for none), and the form of the chunks before the first chunk. */
export interface SseHeartbeatOptions {
  readonly everyMs: number
  readonly form: ChatCompletionChunk | undefined
  readonly clock: Clock
}

/**
 * Measures the silence of a stream of chunks. A beat is a chunk and not a comment, because some readers stop at a comment or lose
 * the frame after it. It copies the chunk before it. No beat follows the answer, which is the last chunk that a reader waits for.
 */
export function sseHeartbeat({ everyMs, form, clock }: SseHeartbeatOptions): SseHeartbeat {
  let sentAt = clock.monotonic()
  let openChunk = form
  const chunkWith = (delta: ChatCompletionChunkDelta) =>
    openChunk && { ...openChunk, choices: [{ index: 0 as const, delta, finish_reason: null }] }
  return {
    dueInMs: () => (openChunk === undefined ? Number.POSITIVE_INFINITY : sentAt + everyMs - clock.monotonic()),
    chunkSent(chunk) {
      sentAt = clock.monotonic()
      openChunk = chunk.choices[0]?.finish_reason === null ? chunk : undefined
    },
    beat() {
      sentAt = clock.monotonic()
      return chunkWith({})
    },
    chunkWith,
  }
}
