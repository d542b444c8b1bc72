import type { ChatCompletionUsage } from './chat-completion-usage.js'

/**
 * One object of a streamed answer, with the keys in this order:
 * `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1234567890,"model":"sora-1.0","choices":[…]}`.
 *
 * Assignable to the `ChatCompletionChunk` of the official `openai` package.
 */
export interface ChatCompletionChunk {
  /** Id of the completion, the same in every chunk. */
  readonly id: string
  /** Type of the object. */
  readonly object: 'chat.completion.chunk'
  /** When the completion was created, in Unix seconds. */
  readonly created: number
  /** Name of the model. */
  readonly model: string
  /** One choice; empty in the chunk with the usage. Mutable, like the official type. */
  readonly choices: ChatCompletionChunkChoice[]
  /** Only with `usage: 'include'`: `null` except in the last chunk. */
  readonly usage?: ChatCompletionUsage | null
}

/** A sequence of chunks. Each reader starts at the first. */
export interface ChatCompletionChunks extends AsyncIterable<ChatCompletionChunk> {
  /** A chunk with an empty delta, in the form of the others: the heartbeat of `toSse` before the first chunk. */
  readonly emptyChunk: ChatCompletionChunk
}

/** The only choice of a chunk. */
export interface ChatCompletionChunkChoice {
  /** Always 0. */
  readonly index: 0
  /** The part that the chunk adds. */
  readonly delta: ChatCompletionChunkDelta
  /** `stop` in the chunk with the answer, `null` before. */
  readonly finish_reason: 'stop' | null
}

/** The part that a chunk adds; empty in a heartbeat. */
export interface ChatCompletionChunkDelta {
  /** Only in a first chunk that announces the assistant. */
  readonly role?: 'assistant'
  /** Text of the answer, and of the progress with `progress: 'content'`. */
  readonly content?: string
  /** Progress, in the field that chat clients show separately from the answer. */
  readonly reasoning_content?: string
}
