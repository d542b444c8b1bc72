import type { PlainAnswer } from '../plain-answer.js'
import type { NodeResponse } from './node-messages.js'
import { isClosed } from './once-closed.js'
import { leaveSource, type SseEnd, type SseHead, sendSse } from './send-sse.js'

/**
 * Writes an answer of a route as `sendNodeResponse` writes its `Response`, but without one. `onEnd` is called when a
 * stream has ended.
 */
export function sendPlainAnswer(response: NodeResponse, answer: PlainAnswer, onEnd: SseEnd): void {
  const { body } = answer
  const source = typeof body === 'object' && body !== null ? body : undefined
  const isHead = response.req.method === 'HEAD'
  if (source !== undefined && !isHead && !isClosed(response)) {
    sendSse(response, source, headOf(answer), onEnd)
    return
  }
  leaveSource(source)
  if (isClosed(response)) return
  setHead(response, answer)
  if (typeof body === 'string' && !isHead) response.end(body)
  else response.end()
}

function headOf({ status, headers }: PlainAnswer): SseHead {
  return (response, isWhole) => {
    if (isWhole) setHead(response, { status, headers })
    // Node keeps no copy of these headers for as long as the stream is open.
    else response.writeHead(status, Object.fromEntries(namesOf(headers).map((name) => [name, headers[name] ?? ''])))
  }
}

type Head = Pick<PlainAnswer, 'status' | 'headers'>

function setHead(response: NodeResponse, { status, headers }: Head): void {
  response.statusCode = status
  for (const name of namesOf(headers)) response.setHeader(name, headers[name] ?? '')
}

// In the order of a `Headers` object.
function namesOf(headers: Head['headers']): readonly string[] {
  return Object.keys(headers).sort()
}
