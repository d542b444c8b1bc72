import { describeValue, toErrorJson } from '../contracts/errors.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { type OpenAiErrorBody, toOpenAiError } from '../openai/to-openai-error.js'
import { clientGone } from './client-gone.js'
import type { FetchHandler } from './fetch-handler.js'
import { toFetchRequest } from './fetch-request.js'
import type { NodeRequest, NodeResponse } from './node-messages.js'
import { isClosed, onceClosed } from './once-closed.js'
import { sendNodeResponse } from './send-node-response.js'

/** How requests of Node are handed to a Fetch handler. */
export interface NodeListenerOptions {
  /**
   * The origin that clients know this server by, such as `https://api.example`, for `request.url`. Behind a proxy that ends TLS
   * nothing else tells it.
   * @defaultValue `https` on a TLS connection, else `http`, with the `Host` of the request; `localhost` where that is none
   */
  readonly origin?: string | undefined
  /**
   * Told what the handler threw or the body of its answer failed with, after the client was answered or cut off. What is
   * thrown once the client is gone is not told.
   * @defaultValue a warning of the process, which Node prints
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/**
 * Makes a listener of `node:http`, `node:https` and `node:http2` out of a Fetch handler. It is also middleware of Express and
 * Connect, under any prefix (the handler sees the whole path), and takes the raw messages of Fastify.
 *
 * - The body is streamed, and read only when the handler reads it. After a body parser it is what that left in `request.body`
 *   or `request.rawBody`; JSON is written anew, so its spacing is lost.
 * - `request.signal` is aborted when the client goes away before it has the whole answer, and never after that.
 * - What the handler throws is answered with status 500 and OpenAI's error object, without its text. TRACE, which no Fetch
 *   request can have, is answered with 405, and what else no Fetch request can hold with 400.
 *
 * With Fastify, take its parsers away from the routes, or give it `Object.assign(request.raw, { body: request.body })`, and
 * call `reply.hijack()` first.
 *
 * @throws ConfigurationError when `origin` is not an origin.
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
  const origin = options.origin === undefined ? undefined : checkedOrigin(options.origin)
  const onError = options.onError ?? warn

  async function serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    // Nobody waits for an answer any more and nothing was begun, so nothing is.
    if (isClosed(response)) return
    const gone = new AbortController()
    let received: Request | undefined
    onceClosed(response, (wasSent) => {
      // Looked up in the request, which has to live that long: a signal alone does not keep alive what aborts it.
      if (!wasSent && received?.signal.aborted !== true) gone.abort(clientGone())
      discardBody(received)
    })
    try {
      received = toFetchRequest(request, { signal: gone.signal, origin })
    } catch (error) {
      await sendNodeResponse(response, refusal(request, error))
      if (error instanceof ConfigurationError) onError(error)
      return
    }
    try {
      await sendNodeResponse(response, await handler(received))
    } catch (error) {
      if (!gone.signal.aborted && !response.headersSent) await sendNodeResponse(response, unexpectedError())
      if (!gone.signal.aborted || toErrorJson(error).code !== 'aborted') onError(error)
    }
  }

  return (request, response) => {
    serve(request, response).catch(onError)
  }
}

// What a handler leaves unread would block the connection. What it goes on to read has a reader.
function discardBody(request: Request | undefined): void {
  if (request?.body?.locked !== false) return
  // It only fails if the body has failed already.
  request.body.cancel().catch(() => undefined)
}

function refusal({ method }: NodeRequest, error: unknown): Response {
  if (error instanceof ConfigurationError) {
    return errorAnswer(500, { message: error.message, type: 'server_error', code: 'configuration_error' })
  }
  // The methods that the Fetch standard forbids.
  if (/^(?:CONNECT|TRACE|TRACK)$/i.test(method ?? '')) {
    const message = `Could not take a request with this method: ${method}`
    const fields = { message, type: 'invalid_request_error', code: 'method_not_allowed' }
    return errorAnswer(405, fields, { allow: 'GET, HEAD, POST, DELETE, OPTIONS' })
  }
  const message = 'Could not read the request: its method or headers are not valid HTTP'
  return errorAnswer(400, { message, type: 'invalid_request_error', code: 'invalid_value' })
}

function unexpectedError(): Response {
  const { status, body } = toOpenAiError(undefined)
  return errorAnswer(status, body.error)
}

function errorAnswer(
  status: number,
  { message, type, code }: Omit<OpenAiErrorBody, 'param'>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error: { message, type, param: null, code } }, { status, headers })
}

function checkedOrigin(origin: string): string {
  const isOrigin =
    URL.canParse(origin) && /^https?:$/.test(new URL(origin).protocol) && new URL(origin).origin === origin
  if (isOrigin) return origin
  const fix = 'give a scheme, a host and perhaps a port, such as https://api.example'
  throw new ConfigurationError('toNodeListener', [{ field: 'origin', value: describeValue(origin), fix }])
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)))
}
