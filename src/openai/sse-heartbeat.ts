import type { Clock } from '../contracts/clock.js'
import type { ChatCompletionChunk } from './chat-completion-chunk.js'

/** When a stream of chunks owes its reader a sign of life, and which. It keeps no timer. */
export interface SseHeartbeat {
  /** Milliseconds until the next beat; 0 or less when it is due, `Infinity` when none will be. */
  dueInMs(): number
  /** A chunk was sent, so the next beat starts to count anew. */
  chunkSent(chunk: ChatCompletionChunk): void
  /** Takes the beat that is due: a chunk with an empty delta, or `undefined` for a comment. */
  beat(): ChatCompletionChunk | undefined
}

/** How often to beat, in milliseconds; `Infinity` for never. */
export interface SseHeartbeatOptions {
  readonly commentMs: number
  readonly chunkMs: number
  readonly clock: Clock
}

/**
 * Counts the silence of a stream: a comment is due after `commentMs` in which nothing was sent, a chunk after `chunkMs`
 * without one. A chunk copies the one before it, so none comes ahead of the first, nor after the answer, which is the last.
 */
export function sseHeartbeat({ commentMs, chunkMs, clock }: SseHeartbeatOptions): SseHeartbeat {
  let sentAt = clock.monotonic()
  let chunkSentAt = sentAt
  let openChunk: ChatCompletionChunk | undefined
  const chunkDueAt = () => (openChunk === undefined ? Number.POSITIVE_INFINITY : chunkSentAt + chunkMs)
  return {
    dueInMs: () => Math.min(sentAt + commentMs, chunkDueAt()) - clock.monotonic(),
    chunkSent(chunk) {
      sentAt = clock.monotonic()
      chunkSentAt = sentAt
      openChunk = chunk.choices[0]?.finish_reason === null ? chunk : undefined
    },
    beat() {
      sentAt = clock.monotonic()
      if (openChunk === undefined || sentAt < chunkDueAt()) return undefined
      chunkSentAt = sentAt
      return { ...openChunk, choices: [{ index: 0, delta: {}, finish_reason: null }] }
    },
  }
}
