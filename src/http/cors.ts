import type { HandlerOptions } from './handler-options.js'
import type { Incoming } from './incoming.js'
import { PlainAnswer } from './plain-answer.js'
import { RUN_ID_HEADER } from './run-error.js'

const EXPOSED = [
  'content-disposition',
  'content-range',
  'openai-poll-after-ms',
  'retry-after',
  'x-ignored-parameters',
  RUN_ID_HEADER,
].join(', ')

/** The headers that let a page of an allowed origin read an answer; empty for any other origin. */
export function corsHeaders(request: Incoming, cors: HandlerOptions['cors']): Readonly<Record<string, string>> {
  const origin = request.headers.get('origin')
  if (cors === undefined || origin === null) return {}
  if (cors === '*') return { 'access-control-allow-origin': '*', 'access-control-expose-headers': EXPOSED }
  const vary = { vary: 'origin' }
  if (!cors.includes(origin)) return vary
  return { ...vary, 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED }
}

/** The answer to a preflight request; `undefined` for other requests and for origins that are not allowed. */
export function preflight(request: Incoming, cors: HandlerOptions['cors']): PlainAnswer | undefined {
  if (request.method !== 'OPTIONS' || !request.headers.has('access-control-request-method')) return undefined
  const allowed = corsHeaders(request, cors)
  if (!('access-control-allow-origin' in allowed)) return undefined
  const requested = request.headers.get('access-control-request-headers')
  return new PlainAnswer(204, {
    ...allowed,
    'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
    // Clients send additional headers, such as x-stainless-…; a key is still required.
    'access-control-allow-headers': requested ?? 'authorization, content-type, idempotency-key, last-event-id',
    'access-control-max-age': '86400',
  })
}
