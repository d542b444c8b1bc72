import type { Clock } from '../../contracts/clock.js'
import { discard } from '../../upstream/body-text.js'
import { HttpRefusal } from '../http-refusal.js'
import type { Incoming } from '../incoming.js'
import type { BodyShare } from './body-budget.js'

/** The limits of one body. */
export interface BodyLimits {
  readonly maxBytes: number
  /** Its share in the budget of all bodies; without one only its own size is limited. */
  readonly share?: BodyShare | undefined
  /** The time for the whole body; unlimited if absent. */
  readonly time?: { readonly limitMs: number; readonly clock: Clock } | undefined
}

// Nothing reads it; the default reason would be an error with a stack for every body.
const DONE = 'done'
const FIRST_BYTES = 16_384
// Other bodies are read or cut off within seconds.
const RETRY_AFTER_SECONDS = 5

/**
 * Reads the whole body of a request and counts the bytes that arrive: `Content-Length` is not trusted. One byte past
 * the limit, or the end of the time, ends the reading and cancels the stream. Memory stays below three times the
 * limit, however small the chunks are.
 *
 * @throws HttpRefusal 413 past the limit; 408 for a body that did not arrive in time; 503 if all bodies together are
 * too large; 400 for a body that breaks off; 500 for one that was read before.
 * @throws signal.reason of the request when it is aborted; the stream is then cancelled too.
 */
export async function readBoundedBytes(request: Incoming, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  request.signal.throwIfAborted()
  const arrived = request.takeArrived?.()
  if (arrived !== undefined) return withinLimits(arrived, limits)
  if (request.body === null && !request.bodyUsed) return new Uint8Array()
  if (request.body === null || request.bodyUsed || request.body.locked) throw readBefore()
  const reader = (request.body as ReadableStream<unknown>).getReader()
  // A waiting read settles at once when its stream is cancelled, even if the source ignores the cancel.
  const stop = () => discard(reader)
  request.signal.addEventListener('abort', stop, { once: true })
  const done = new AbortController()
  let isLate = false
  const { time } = limits
  time?.clock.sleep(time.limitMs, { signal: done.signal }).then(
    () => {
      isLate = true
      stop()
    },
    () => undefined, // The body arrived in time, or its sender disconnected.
  )
  const check = () => {
    request.signal.throwIfAborted()
    if (isLate) throw tooLate(time?.limitMs ?? 0)
  }
  try {
    return await readAll(reader, limits, check)
  } finally {
    request.signal.removeEventListener('abort', stop)
    done.abort(DONE)
    stop()
  }
}

function withinLimits(bytes: Uint8Array<ArrayBuffer>, { maxBytes, share }: BodyLimits): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes)
  if (share?.take(bytes.byteLength) === false) throw overloaded()
  return bytes
}

type Reader = ReadableStreamDefaultReader<unknown>

async function readAll(
  reader: Reader,
  { maxBytes, share }: BodyLimits,
  check: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  // One growing buffer: a list of chunks of one byte each would take over a hundred times their length.
  let bytes = new Uint8Array(Math.min(FIRST_BYTES, maxBytes))
  let length = 0
  while (true) {
    const chunk = await nextChunk(reader, check)
    if (chunk === undefined) return bytes.subarray(0, length)
    const end = length + chunk.byteLength
    if (end > maxBytes) throw tooLarge(maxBytes)
    if (share?.take(chunk.byteLength) === false) throw overloaded()
    if (end > bytes.byteLength) bytes = grown(bytes, Math.min(maxBytes, Math.max(end, 2 * bytes.byteLength)))
    bytes.set(chunk, length)
    length = end
  }
}

async function nextChunk(reader: Reader, check: () => void): Promise<Uint8Array | undefined> {
  let result: { readonly done: boolean; readonly value?: unknown }
  try {
    result = await reader.read()
  } catch (cause) {
    // A client that disconnects aborts the signal and breaks the body, in either order.
    check()
    throw unreadable('it broke off before its end', cause)
  }
  check()
  if (result.done) return undefined
  if (result.value instanceof Uint8Array) return result.value
  throw unreadable('it is not a stream of bytes')
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

function tooLate(limitMs: number): HttpRefusal {
  const message = `Could not read the body: it did not arrive within ${limitMs.toLocaleString('en')} ms`
  return new HttpRefusal({ status: 408, code: 'request_timeout', message })
}

function overloaded(): HttpRefusal {
  return new HttpRefusal({
    status: 503,
    code: 'overloaded',
    message: 'Could not take the body: too many bodies arrive at this moment; send it again',
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
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
