import type { JsonValue } from '../contracts/json.js'

/** An answer before it is put on the wire. `Content-Length` is added from its body. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReplyBody
}

/** Bytes that can be read from any place, so that ranges and broken answers need no copy. */
export interface ReplyBody {
  readonly byteLength: number
  /** The bytes from `start` up to, but not including, `end`. */
  read(start: number, end: number): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
}

/** An answer in JSON. */
export function jsonReply(status: number, value: JsonValue, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = bytesBody(new TextEncoder().encode(JSON.stringify(value)))
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}

/** An answer in text of any kind. */
export function textReply(status: number, text: string, mediaType = 'text/plain; charset=utf-8'): Reply {
  return { status, headers: { 'content-type': mediaType }, body: bytesBody(new TextEncoder().encode(text)) }
}

/** A body of bytes in memory. */
export function bytesBody(bytes: Uint8Array): ReplyBody {
  return { byteLength: bytes.byteLength, read: (start, end) => [bytes.subarray(start, end)] }
}

/** A part of a body, as a body. */
export function sliceBody(body: ReplyBody, from: number, to: number): ReplyBody {
  return { byteLength: to - from, read: (start, end) => body.read(from + start, from + end) }
}
