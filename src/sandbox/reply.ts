import type { JsonValue } from '../contracts/json.js'

/** The answer to a request. */
export type Answer = Reply | StreamedReply

/** A complete answer. `Content-Length` is added from its body. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ReplyBody
}

/** An answer whose parts are sent as they are produced, without `Content-Length`. */
export interface StreamedReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Each part is one whole event. The iterator is ended by `return` when the client disconnects. */
  readonly events: AsyncIterable<string>
}

/** Bytes that can be read from any offset, so that ranges and broken answers need no copy. */
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

/** A text answer of any media type. */
export function textReply(status: number, text: string, mediaType = 'text/plain; charset=utf-8'): Reply {
  return { status, headers: { 'content-type': mediaType }, body: bytesBody(new TextEncoder().encode(text)) }
}

/** An answer without a body. */
export function emptyReply(status: number, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, body: bytesBody(new Uint8Array()) }
}

/** An answer of server-sent events. */
export function eventsReply(events: AsyncIterable<string>): StreamedReply {
  return { status: 200, headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }, events }
}

/** A body of bytes in memory. */
export function bytesBody(bytes: Uint8Array): ReplyBody {
  return { byteLength: bytes.byteLength, read: (start, end) => [bytes.subarray(start, end)] }
}

/** A part of a body, as a body. */
export function sliceBody(body: ReplyBody, from: number, to: number): ReplyBody {
  return { byteLength: to - from, read: (start, end) => body.read(from + start, from + end) }
}

/** The whole content of an answer in parts. */
export async function wholeReply(answer: Answer): Promise<Reply> {
  if (!('events' in answer)) return answer
  const { status, headers, events } = answer
  const parts: string[] = []
  for await (const event of events) parts.push(event)
  return { status, headers, body: bytesBody(new TextEncoder().encode(parts.join(''))) }
}

/** The bytes of an answer, in its parts. */
export async function* bytesOf(answer: Answer): AsyncGenerator<Uint8Array, void, undefined> {
  if ('events' in answer) {
    for await (const event of answer.events) yield new TextEncoder().encode(event)
  } else yield* answer.body.read(0, answer.body.byteLength)
}
