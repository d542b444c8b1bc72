import { setImmediate as nextTurn } from 'node:timers/promises'

const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf)

/** Replaces every line end with CR LF. */
export async function* withCrlf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    yield Uint8Array.from([...chunk].flatMap((byte) => (byte === LINE_FEED ? [0x0d, LINE_FEED] : [byte])))
  }
}

/** Adds a byte order mark at the start. */
export async function* withByteOrderMark(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield BYTE_ORDER_MARK
  yield* chunks
}

/** Cuts every chunk into pieces of that many bytes; the last piece of each may be shorter. */
export async function* inPieces(
  chunks: AsyncIterable<Uint8Array>,
  byteLength: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += byteLength) {
      yield chunk.subarray(at, at + byteLength)
      // Without a pause, a client in this process would read many pieces at once.
      await nextTurn()
    }
  }
}

/** The first chunks; the rest is not read. */
export async function* firstOf(
  chunks: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (count <= 0) return
  let taken = 0
  for await (const chunk of chunks) {
    yield chunk
    taken += 1
    if (taken >= count) return
  }
}

/** The first bytes of a body; the rest is not read. */
export async function* firstBytes(
  chunks: AsyncIterable<Uint8Array>,
  byteLength: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = byteLength
  if (left <= 0) return
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) return
  }
}
