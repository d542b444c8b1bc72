import type { ChatCompletionUsage } from './chat-completion-usage.js'

/**
 * One object of a streamed answer, with its keys in this order:
 * `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1234567890,"model":"sora-1.0","choices":[…]}`.
 *
 * Assignable to the `ChatCompletionChunk` of the official `openai` package.
 */
export interface ChatCompletionChunk {
  /** Id of the completion, the same in every chunk. */
  readonly id: string
  /** Kind of the object. */
  readonly object: 'chat.completion.chunk'
  /** When the completion was made, in Unix seconds. */
  readonly created: number
  /** The model that the answer names. */
  readonly model: string
  /** One choice; none in the chunk that carries the usage. Mutable, because the official type is. */
  readonly choices: ChatCompletionChunkChoice[]
  /** Only when usage was asked for: `null` but in the last chunk. */
  readonly usage?: ChatCompletionUsage | null
}

/** Chunks that come one after the other, each reading from the first. */
export interface ChatCompletionChunks extends AsyncIterable<ChatCompletionChunk> {
  /** A chunk with an empty delta, in the form of the others: `toSse` keeps a stream alive with it before the first came. */
  readonly emptyChunk: ChatCompletionChunk
}

/** The only choice of a chunk. */
export interface ChatCompletionChunkChoice {
  /** Always 0. */
  readonly index: 0
  /** What the chunk adds. */
  readonly delta: ChatCompletionChunkDelta
  /** `stop` in the chunk that carries the answer, `null` before it. */
  readonly finish_reason: 'stop' | null
}

/** What a chunk adds; nothing in a heartbeat. */
export interface ChatCompletionChunkDelta {
  /** Only in a first chunk that announces the assistant. */
  readonly role?: 'assistant'
  /** Text of the answer, and of the progress where that is part of it. */
  readonly content?: string
  /** Progress, in the field that chat clients show apart from the answer. */
  readonly reasoning_content?: string
}
