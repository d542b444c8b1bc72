import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.js'
import { type Answer, bytesOf, type Reply, sliceBody, wholeReply } from './reply.js'
import { firstOf, inPieces, withByteOrderMark, withCrlf } from './reshape-bytes.js'
import type { Refusal } from './route.js'
import { substituteReply } from './substitute-reply.js'

/** How one request is answered. */
export interface Delivery {
  readonly response: ServerResponse
  /** Handles the request; not called if a fault comes first. */
  readonly handle: () => Promise<Answer>
  /** Reads the rest of the request; called if a fault comes first. */
  readonly discard: () => Promise<void>
  readonly fault: Fault | undefined
  readonly refuse: Refusal | undefined
  /** Aborted when the client disconnects or the server closes. */
  readonly signal: AbortSignal
  /** Called before the headers are sent. */
  readonly onStatus: (status: number) => void
}

/** Answers a request, or fails according to its fault. Resolves when nothing more will be sent. */
export async function deliver(delivery: Delivery): Promise<void> {
  const { response, handle, discard, fault, refuse, signal } = delivery
  const substitute = fault === undefined ? undefined : substituteReply(fault, refuse)
  if (substitute !== undefined) {
    await discard()
    return send(delivery, substitute)
  }
  switch (fault?.kind) {
    case 'slow': {
      const answer = await handle()
      await delay(fault.delayMs, undefined, { signal })
      return send(delivery, answer)
    }
    case 'hang':
      await (fault.when === 'after-handling' ? handle() : discard())
      return
    case 'hang-body':
      return beginHalf(delivery, await wholeReply(await handle()))
    case 'reset':
      if (fault.when === 'after-handling') await handle()
      else if (fault.when === 'in-body') await beginHalf(delivery, await wholeReply(await handle()))
      else await discard()
      response.socket?.resetAndDestroy()
      return
    case 'cut-upload':
      await handle()
      response.socket?.resetAndDestroy()
      return
    case 'truncated-json': {
      const reply = await wholeReply(await handle())
      return send(delivery, { ...reply, body: sliceBody(reply.body, 0, halfOf(reply)) })
    }
    case 'wrong-length': {
      const reply = await wholeReply(await handle())
      const promised = String(reply.body.byteLength + fault.extraBytes)
      // Without `close` the connection would stay open, and the client would wait for the rest.
      const headers = { ...reply.headers, 'content-length': promised, connection: 'close' }
      return send(delivery, { ...reply, headers })
    }
    case 'sse-cut': {
      const answer = await handle()
      const isSent = await stream(delivery, answer, firstOf(bytesOf(answer), fault.afterEvents))
      if (fault.how !== 'end') response.socket?.resetAndDestroy()
      else if (isSent) response.end()
      return
    }
    case 'crlf':
      return sendReshaped(delivery, await handle(), crlfBytesOf)
    case 'bom':
      return sendReshaped(delivery, await handle(), (answer) => withByteOrderMark(bytesOf(answer)))
    case 'split':
      return sendReshaped(delivery, await handle(), (answer) => inPieces(crlfBytesOf(answer), fault.bytes))
    default:
      return send(delivery, await handle())
  }
}

async function send(delivery: Delivery, answer: Answer): Promise<void> {
  const isSent =
    'events' in answer
      ? await stream(delivery, answer, bytesOf(answer))
      : await begin(delivery, answer, answer.body.byteLength)
  // On Node 22.12 a connection may be broken before it is closed, and the end would make the answer a finished one.
  if (isSent) delivery.response.end()
}

async function sendReshaped(
  delivery: Delivery,
  answer: Answer,
  reshape: (answer: Answer) => AsyncIterable<Uint8Array>,
): Promise<void> {
  if (await stream(delivery, answer, reshape(answer))) delivery.response.end()
}

// Only events have line ends: the same byte in a video is data.
function crlfBytesOf(answer: Answer): AsyncIterable<Uint8Array> {
  return 'events' in answer ? withCrlf(bytesOf(answer)) : bytesOf(answer)
}

async function beginHalf(delivery: Delivery, reply: Reply): Promise<void> {
  await begin(delivery, reply, halfOf(reply))
}

// Sends the headers and that many bytes of the body; the answer stays open. Like all below, resolves to false when the client is gone.
async function begin(delivery: Delivery, { status, headers, body }: Reply, byteLength: number): Promise<boolean> {
  const lengthHeaders = status === 204 ? headers : { 'content-length': String(body.byteLength), ...headers }
  return writeAll(delivery, { status, headers: lengthHeaders }, body.read(0, byteLength))
}

// Sends the headers, without a length, and the chunks as they come; the answer stays open.
function stream(delivery: Delivery, { status, headers }: Answer, chunks: AsyncIterable<Uint8Array>): Promise<boolean> {
  return writeAll(delivery, { status, headers }, chunks)
}

async function writeAll(
  { response, onStatus }: Delivery,
  { status, headers }: Pick<Reply, 'status' | 'headers'>,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<boolean> {
  if (response.destroyed) return false
  onStatus(status)
  response.writeHead(status, headers)
  response.flushHeaders()
  if (response.req.method === 'HEAD') return true
  for await (const chunk of chunks) {
    if (!(await write(response, chunk))) return false
  }
  return true
}

// Waits until the bytes have left the process, so that a following reset does not overtake them. Resolves to false if
// the client has disconnected.
function write(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    response.write(chunk, (error) => resolve(error === null || error === undefined))
  })
}

function halfOf(reply: Reply): number {
  return Math.floor(reply.body.byteLength / 2)
}
