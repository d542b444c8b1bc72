import { abortable } from '../upstream/abortable.js'
import { discard } from '../upstream/body-text.js'
import { HttpRefusal } from './http-refusal.js'

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
  // One buffer that grows: a list of chunks of one byte each would take a hundred times their length.
  let bytes = new Uint8Array(Math.min(FIRST_BYTES, maxBytes))
  let length = 0
  try {
    while (true) {
      const { done, value } = await nextChunk(request.signal, reader)
      if (done) return bytes.subarray(0, length)
      const end = length + value.byteLength
      if (end > maxBytes) throw tooLarge(maxBytes)
      if (end > bytes.byteLength) bytes = grown(bytes, length, Math.min(maxBytes, Math.max(end, 2 * bytes.byteLength)))
      bytes.set(value, length)
      length = end
    }
  } finally {
    discard(reader)
  }
}

type Chunk = { readonly done: true; readonly value?: undefined } | { readonly done: false; readonly value: Uint8Array }

async function nextChunk(signal: AbortSignal, reader: ReadableStreamDefaultReader<unknown>): Promise<Chunk> {
  let result: { readonly done: boolean; readonly value?: unknown }
  try {
    result = await abortable(signal, reader.read())
  } catch (cause) {
    // A client that goes away aborts the signal and breaks the body, in either order.
    signal.throwIfAborted()
    throw unreadable('it broke off before its end', cause)
  }
  if (result.done) return { done: true }
  if (result.value instanceof Uint8Array) return { done: false, value: result.value }
  throw unreadable('it is no stream of bytes')
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number, capacity: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(capacity)
  larger.set(bytes.subarray(0, length))
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
