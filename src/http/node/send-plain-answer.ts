import type { PlainAnswer } from '../plain-answer.js'
import type { NodeResponse } from './node-messages.js'
import { isClosed } from './once-closed.js'
import { leaveSource, sendSse } from './send-sse.js'

/**
 * Writes an answer of a route as `sendNodeResponse` writes its `Response`, but without one. Resolves when a text is
 * passed on, or a stream has ended.
 */
export async function sendPlainAnswer(response: NodeResponse, answer: PlainAnswer): Promise<void> {
  const { body } = answer
  const source = typeof body === 'object' && body !== null ? body : undefined
  const isHead = response.req.method === 'HEAD'
  if (source !== undefined && !isHead && !isClosed(response)) {
    return sendSse(response, source, () => writeHead(response, answer))
  }
  leaveSource(source)
  if (isClosed(response)) return
  writeHead(response, answer)
  if (typeof body === 'string' && !isHead) response.end(body)
  else response.end()
}

function writeHead(response: NodeResponse, { status, headers }: PlainAnswer): void {
  response.statusCode = status
  // In the order of a `Headers` object.
  for (const name of Object.keys(headers).sort()) response.setHeader(name, headers[name] ?? '')
}
