import { checkArgument } from '../../contracts/check-argument.js'
import { rule } from '../../contracts/option-rules.js'
import { type SseSource, takeSource } from '../../openai/sse-source.js'
import { clientGone } from './client-gone.js'
import { cutResponse } from './cut-response.js'
import type { NodeResponse } from './node-messages.js'
import { Closing, isClosed } from './once-closed.js'
import { sendSse } from './send-sse.js'
import { writeBody } from './write-body.js'

const A_NODE_RESPONSE = rule(
  (value) => typeof Object(value).writeHead === 'function',
  'give the response of node:http, Express or Fastify',
)
const A_RESPONSE = rule((value) => typeof Object(value).headers?.forEach === 'function', 'give a Response')

/**
 * Writes a Fetch response to the response of `node:http`, Express or Fastify.
 *
 * - Status and headers are sent at once, even if the body is silent. Headers that are already set stay unless the
 * answer has them too, and each cookie keeps its own header.
 * - The body is read no faster than the client reads it. Chunks that are ready at the same time are written together,
 * and a body that is completely ready gets a `Content-Length`.
 * - HEAD, 204 and 304 send no body: it is cancelled.
 * - When the client disconnects, the body is cancelled in the same turn, without waiting for the cancel.
 *
 * Resolves when everything is passed to the operating system, when the client has disconnected, or at once when the
 * response was ended before. Rejects with the error of the body; the connection is cut first, so that the client does
 * not mistake a part for the whole.
 *
 * @throws TypeError when the answer is not a Response, or its body is in use or yields anything other than bytes.
 * @throws ConfigurationError when an argument is not a response.
 * @throws RangeError when the length of the body differs from its `Content-Length`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { sendNodeResponse } from 'sora-pipeline/http'
 *
 * export const server = createServer((request, response) => {
 *   sendNodeResponse(response, Response.json({ path: request.url })).catch((error: unknown) => server.emit('error', error))
 * })
 * ```
 */
export async function sendNodeResponse(response: NodeResponse, answer: Response): Promise<void> {
  checkArgument('sendNodeResponse', 'response', response, A_NODE_RESPONSE)
  checkArgument('sendNodeResponse', 'answer', answer, A_RESPONSE)
  if (!isClosed(response) && !hasNoBody(response, answer)) {
    const source = takeSource(answer.body)
    if (source !== undefined) return sendSource(response, source, answer)
  }
  const reader = readerOf(answer)
  const cancel = (reason: unknown) => {
    // Not awaited: a source may be in a step that never ends, or fail while it stops.
    reader?.cancel(reason).catch(() => undefined)
  }
  if (isClosed(response)) return cancel(clientGone())
  let isOpen = true
  const closed = Promise.withResolvers<void>()
  const onClosed = () => {
    isOpen = false
    // No effect on a body that was read to its end.
    cancel(clientGone())
    closed.resolve()
  }
  const closing = new Closing(response, { onClosed })
  try {
    writeHead(response, answer)
    if (reader === undefined || hasNoBody(response, answer)) {
      cancel(undefined)
      response.end()
    } else await writeBody(response, reader, closed.promise)
    await closed.promise
  } catch (error) {
    closing.stop()
    cancel(error)
    if (isOpen && response.headersSent) cutResponse(response)
    throw error
  }
}

function readerOf(answer: Response): ReadableStreamDefaultReader<Uint8Array> | undefined {
  return answer.body?.getReader()
}

function hasNoBody({ req }: NodeResponse, { status }: Response): boolean {
  return req.method === 'HEAD' || status === 204 || status === 304
}

// Node frames the body; the other headers describe one connection, which HTTP/2 refuses.
const OF_THE_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade'])

// A function of its own keeps the answer and its stream alive no longer than the head.
function sendSource(response: NodeResponse, source: SseSource, answer: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    sendSse(
      response,
      source,
      () => writeHead(response, answer),
      (_, failure) => (failure === undefined ? resolve() : reject(failure.error)),
    )
  })
}

function writeHead(response: NodeResponse, { status, statusText, headers }: Response): void {
  // Response.error() stands for an answer that never came.
  if (status < 200) throw new RangeError(`Could not send a response: its status is ${status}`)
  const isHttp2 = response.stream !== undefined
  response.statusCode = status
  if (statusText !== '' && !isHttp2) response.statusMessage = statusText
  for (const [name, value] of headers) {
    if (name === 'set-cookie') response.appendHeader(name, value)
    else if (name !== 'transfer-encoding' && !(isHttp2 && OF_THE_CONNECTION.has(name))) response.setHeader(name, value)
  }
}
