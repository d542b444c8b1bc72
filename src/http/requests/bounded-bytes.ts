import { discard } from '../../upstream/body-text.js'
import { HttpRefusal } from '../http-refusal.js'

const FIRST_BYTES = 16_384

/**
 * Reads the body of a request whole, counting what really comes: `Content-Length` is not believed. One byte past the limit
 * ends the reading and cancels the stream. However small the chunks are, memory stays below three times the limit.
 *
 * @throws HttpRefusal 413 past the limit; 400 for a body that breaks off; 500 for one that was read before.
 * @throws signal.reason of the request when that is aborted; the stream is cancelled then too.
 */
export async function readBoundedBytes(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  request.signal.throwIfAborted()
  if (request.body === null && !request.bodyUsed) return new Uint8Array()
  if (request.body === null || request.bodyUsed || request.body.locked) throw readBefore()
  const reader = (request.body as ReadableStream<unknown>).getReader()
  // A waiting read settles at once when its stream is cancelled, even by a source that does not listen.
  const stop = () => discard(reader)
  request.signal.addEventListener('abort', stop, { once: true })
  try {
    return await readAll(request.signal, reader, maxBytes)
  } finally {
    request.signal.removeEventListener('abort', stop)
    stop()
  }
}

type Reader = ReadableStreamDefaultReader<unknown>

async function readAll(signal: AbortSignal, reader: Reader, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  // One buffer that grows: a list of chunks of one byte each would take a hundred times their length and more.
  let bytes = new Uint8Array(Math.min(FIRST_BYTES, maxBytes))
  let length = 0
  while (true) {
    const chunk = await nextChunk(signal, reader)
    if (chunk === undefined) return bytes.subarray(0, length)
    const end = length + chunk.byteLength
    if (end > maxBytes) throw tooLarge(maxBytes)
    if (end > bytes.byteLength) bytes = grown(bytes, Math.min(maxBytes, Math.max(end, 2 * bytes.byteLength)))
    bytes.set(chunk, length)
    length = end
  }
}

async function nextChunk(signal: AbortSignal, reader: Reader): Promise<Uint8Array | undefined> {
  let result: { readonly done: boolean; readonly value?: unknown }
  try {
    result = await reader.read()
  } catch (cause) {
    // A client that goes away aborts the signal and breaks the body, in either order.
    signal.throwIfAborted()
    throw unreadable('it broke off before its end', cause)
  }
  signal.throwIfAborted()
  if (result.done) return undefined
  if (result.value instanceof Uint8Array) return result.value
  throw unreadable('it is no stream of bytes')
}

function grown(bytes: Uint8Array<ArrayBuffer>, capacity: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(capacity)
  larger.set(bytes)
  return larger
}

function tooLarge(maxBytes: number): HttpRefusal {
  return new HttpRefusal({
    status: 413,
    code: 'request_too_large',
    message: `Could not take the body: it has more than ${maxBytes.toLocaleString('en')} bytes`,
  })
}

function unreadable(problem: string, cause?: unknown): HttpRefusal {
  const message = `Could not read the body: ${problem}`
  return new HttpRefusal({ status: 400, code: 'invalid_body', message }, { cause })
}

function readBefore(): HttpRefusal {
  return new HttpRefusal({
    status: 500,
    code: 'body_already_read',
    message: 'Could not read the body: something in front of this handler has read it already',
  })
}
