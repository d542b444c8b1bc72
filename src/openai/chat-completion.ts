import type { ChatCompletionUsage } from './chat-completion-usage.js'

/**
 * The whole answer as one object, with its keys in this order:
 * `{"id":"chatcmpl-1","object":"chat.completion","created":1234567890,"model":"sora-1.0","choices":[…]}`.
 */
export interface ChatCompletion {
  readonly id: string
  readonly object: 'chat.completion'
  /** Unix seconds. */
  readonly created: number
  readonly model: string
  /** One choice. */
  readonly choices: ChatCompletionChoice[]
  /** Only when usage was asked for. */
  readonly usage?: ChatCompletionUsage
}

/** The only choice of a completion. */
export interface ChatCompletionChoice {
  readonly index: 0
  readonly message: { readonly role: 'assistant'; readonly content: string }
  readonly finish_reason: 'stop'
}
