import type { ChatCompletionUsage } from './chat-completion-usage.js'

/**
 * The whole answer as one object, with the keys in this order:
 * `{"id":"chatcmpl-1","object":"chat.completion","created":1234567890,"model":"sora-1.0","choices":[…]}`.
 */
export interface ChatCompletion {
  /** Id of the completion. */
  readonly id: string
  /** Type of the object. */
  readonly object: 'chat.completion'
  /** When it was created, in Unix seconds. */
  readonly created: number
  /** Name of the model. */
  readonly model: string
  /** One choice. */
  readonly choices: ChatCompletionChoice[]
  /** Only with `usage: 'include'`. */
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
