import { checkOptions, throwProblems } from '../../contracts/check-options.js'
import { describeValue, toErrorJson } from '../../contracts/errors.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import { aFunction } from '../../contracts/option-rules.js'
import { errorAnswer } from '../error-answer.js'
import { HttpRefusal } from '../http-refusal.js'
import { PlainAnswer } from '../plain-answer.js'
import { plainHandlerOf } from '../plain-handler.js'
import type { FetchHandler } from './fetch-handler.js'
import { NodeIncoming } from './node-incoming.js'
import type { NodeRequest, NodeResponse } from './node-messages.js'
import { Closing, isClosed } from './once-closed.js'
import { sendNodeResponse } from './send-node-response.js'
import { sendPlainAnswer } from './send-plain-answer.js'
import type { SseEnd } from './send-sse.js'

/** Options of {@link toNodeListener}. */
export interface NodeListenerOptions {
  /**
   * Called with an error that the handler threw, or that the body of its answer failed with, after the client was
   * answered or cut off. An abort because the client disconnected is not reported.
   * @defaultValue the `onError` of `createHandler`; without it a warning of the process, which Node prints
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/**
 * Converts a Fetch handler to a listener of `node:http`, `node:https` and `node:http2`. It is also middleware of
 * Express and Connect, under any prefix (the handler sees the whole path), and accepts the raw messages of Fastify.
 *
 * - The body is streamed, and read only when the handler reads it. After a body parser it is taken from
 * `request.body` or `request.rawBody`; JSON is serialised again, so its spacing is lost.
 * - `request.signal` is aborted when the client disconnects before it has the whole answer, and never after that.
 * - An error of the handler is answered with status 500 and OpenAI's error object, without its text. TRACE, which a
 * Fetch request cannot represent, is answered with 405, and any other such request with 400.
 *
 * With Fastify, remove its parsers from the routes, or pass `Object.assign(request.raw, { body: request.body })`, and
 * call `reply.hijack()` first.
 *
 * @throws ConfigurationError when the handler is not a function or an option cannot work. The listener throws it when
 * it is called with a `Request`, as by `Bun.serve` and `Deno.serve`, which take the handler itself.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { toNodeListener } from 'sora-pipeline/http'
 *
 * export const server = createServer(toNodeListener(async (request) => Response.json(await request.json())))
 * ```
 */
export function toNodeListener(
  handler: FetchHandler,
  options: NodeListenerOptions = {},
): (request: NodeRequest, response: NodeResponse) => void {
  checkOptions<NodeListenerOptions>('toNodeListener', options, { onError: aFunction })
  throwProblems('toNodeListener', aFunction.problems('handler', handler))
  const plain = plainHandlerOf(handler)
  const { onError = plain?.onError ?? warn } = options

  const report = (error: unknown, hasLeft: boolean) => {
    if (!hasLeft || toErrorJson(error).code !== 'aborted') onError(error)
  }
  // Every stream has this function, because one of its own would keep its request in memory.
  const onStreamEnd: SseEnd = (response, failure) => {
    if (failure === undefined) return
    const { error, hasLeft } = failure
    if (!response.headersSent) {
      // That of the status which was refused.
      response.statusMessage = ''
      sendPlainAnswer(response, errorAnswer(undefined), onStreamEnd)
    }
    report(error, hasLeft)
  }

  async function serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    // The client has disconnected before anything was started, so nothing is started.
    if (isClosed(response)) return
    const incoming = new NodeIncoming(request)
    const closing = new Closing(response, incoming)
    const isPlain = plain?.needsRequest === false && incoming.isPlain
    try {
      if (!isPlain) incoming.toRequest()
    } catch (error) {
      sendPlainAnswer(response, errorAnswer(refusalOf(request, error)), onStreamEnd)
      if (error instanceof ConfigurationError) onError(error)
      return
    }
    try {
      const received = isPlain ? incoming : incoming.toRequest()
      const answer = plain ? await plain.answer(received) : await handler(received as Request)
      if (!(answer instanceof PlainAnswer)) return await sendNodeResponse(response, answer)
      if (isPlain && answer.isStream) {
        // Nothing reads the request any more: an open stream does without it.
        closing.stop()
        incoming.discardBody()
      }
      sendPlainAnswer(response, answer, onStreamEnd)
    } catch (error) {
      if (!incoming.hasLeft && !response.headersSent) sendPlainAnswer(response, errorAnswer(undefined), onStreamEnd)
      report(error, incoming.hasLeft)
    }
  }

  return (request, response) => {
    if (typeof Object(response).setHeader !== 'function') throw noNodeResponse()
    serve(request, response).catch(onError)
  }
}

// Thrown at once, so that Bun and Deno show it and answer 500.
function noNodeResponse(): ConfigurationError {
  const fix =
    'pass the handler itself to servers with Fetch types, such as Bun.serve({ fetch: handler }) and Deno.serve(handler)'
  return new ConfigurationError('toNodeListener', [{ field: 'response', value: 'not a response of Node', fix }])
}

function refusalOf({ method }: NodeRequest, error: unknown): HttpRefusal {
  if (error instanceof ConfigurationError) {
    return new HttpRefusal({ status: 500, code: 'configuration_error', message: error.message }, { cause: error })
  }
  // The methods that the Fetch standard forbids.
  if (/^(?:CONNECT|TRACE|TRACK)$/i.test(method ?? '')) {
    const message = `Could not take a request with this method: ${method}`
    const headers = { allow: 'GET, HEAD, POST, DELETE, OPTIONS' }
    return new HttpRefusal({ status: 405, code: 'method_not_allowed', message, headers })
  }
  const message = 'Could not read the request: its method or headers are not valid HTTP'
  return new HttpRefusal({ status: 400, code: 'invalid_value', message }, { cause: error })
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)))
}
