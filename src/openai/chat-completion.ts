import type { ChatCompletionUsage } from './chat-completion-usage.js'

/**
 * The whole answer as one object, with its keys in this order:
 * `{"id":"chatcmpl-1","object":"chat.completion","created":1234567890,"model":"sora-1.0","choices":[…]}`.
 */
export interface ChatCompletion {
  /** Id of the completion. */
  readonly id: string
  /** Kind of the object. */
  readonly object: 'chat.completion'
  /** When it was made, in Unix seconds. */
  readonly created: number
  /** The model that the answer names. */
  readonly model: string
  /** One choice. */
  readonly choices: ChatCompletionChoice[]
  /** Only when usage was asked for. */
  readonly usage?: ChatCompletionUsage
}

/** The only choice of a completion. */
export interface ChatCompletionChoice {
  /** Always 0. */
  readonly index: 0
  /** The answer. */
  readonly message: { readonly role: 'assistant'; readonly content: string }
  /** Why the answer ends. */
  readonly finish_reason: 'stop'
}
