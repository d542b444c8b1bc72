import type { NodeRequest } from './node-messages.js'
import { requestBody } from './request-body.js'
import { type RequestUrlParts, requestUrl } from './request-url.js'

// They describe a body that a parser has already decoded and read.
const ABOUT_THE_BYTES = ['content-length', 'transfer-encoding', 'content-encoding']

/**
 * Converts a Node request to a Fetch request.
 *
 * @throws ConfigurationError when the body was read before and not kept.
 * @throws TypeError when a Fetch request cannot represent the client's request.
 */
export function toFetchRequest(request: NodeRequest, signal: AbortSignal): Request {
  const { method = 'GET' } = request
  const headers = fetchHeaders(request)
  const address = requestUrl(nodeAddress(request))
  const body = requestBody(request, headers)
  if (body === undefined) return new Request(address, { method, headers, signal })
  if (body.isRebuilt) {
    for (const name of ABOUT_THE_BYTES) headers.delete(name)
    if (body.content instanceof Uint8Array) headers.set('content-length', String(body.content.byteLength))
  }
  return new Request(address, { method, headers, signal, body: body.content, duplex: 'half' })
}

/** The parts of the URL of a Node request. */
export function nodeAddress({ headers, socket, originalUrl, url = '/' }: NodeRequest): RequestUrlParts {
  const host = headers[':authority'] ?? headers.host
  return {
    isSecure: socket.encrypted === true,
    host: typeof host === 'string' ? host : undefined,
    target: typeof originalUrl === 'string' ? originalUrl : url,
  }
}

/** The headers of a Node request. */
export function fetchHeaders({ headers: received }: NodeRequest): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(received)) {
    // HTTP/2 keeps its method and path in the headers.
    if (value === undefined || name.startsWith(':')) continue
    if (typeof value === 'string') headers.append(name, value)
    else for (const item of value) headers.append(name, item)
  }
  return headers
}
