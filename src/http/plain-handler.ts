import type { Incoming } from './incoming.js'
import type { FetchHandler } from './node/fetch-handler.js'
import type { Answer } from './plain-answer.js'

/** What a handler of this library does, without the types of the Fetch standard. */
export interface PlainHandler {
  answer(request: Incoming): Promise<Answer>
  /** Whether it passes the request to a function of the user, who expects a `Request`. */
  readonly needsRequest: boolean
  /** The `onError` that the handler was created with. */
  readonly onError: ((error: unknown) => void) | undefined
}

const handlers = new WeakMap<FetchHandler, PlainHandler>()

/** Notes what is behind a handler, and returns the handler. */
export function withPlainHandler<T extends FetchHandler>(handler: T, plain: PlainHandler): T {
  handlers.set(handler, plain)
  return handler
}

/** What is behind a handler of this library; `undefined` for any other. */
export function plainHandlerOf(handler: FetchHandler): PlainHandler | undefined {
  return handlers.get(handler)
}
