import { discard } from './body-text.js'

/** Bytes that are read chunk by chunk: one read at a time, and nothing before the first. */
export interface Chunks {
  /** The next chunk; `undefined` at the end. Rejects when the bytes break off. */
  next(): Promise<Uint8Array | undefined>
  /** Ends the reading and closes what is behind it, also in the middle of a read. Idempotent. */
  cancel(reason?: unknown): void
}

// Streams of this library that were not read yet.
const untouched = new WeakMap<ReadableStream<Uint8Array>, Chunks>()

/** A web stream over chunks, for readers outside. It reads only on demand. */
export function streamOf(chunks: Chunks): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        untouched.delete(stream)
        const chunk = await chunks.next()
        if (chunk === undefined) controller.close()
        else controller.enqueue(chunk)
      },
      cancel: (reason) => chunks.cancel(reason),
    },
    { highWaterMark: 0 },
  )
  untouched.set(stream, chunks)
  return stream
}

/**
 * The chunks of a stream, which is locked from then on. A stream that {@link streamOf} made is left out of the way:
 * the promises of a web stream cost more than the bytes.
 */
export function chunksOf(stream: ReadableStream<Uint8Array>): Chunks {
  const reader = stream.getReader()
  const own = untouched.get(stream)
  untouched.delete(stream)
  if (own !== undefined) return own
  return {
    async next() {
      const { value } = await reader.read()
      // A copy: chunks are kept while the next ones are read, and a foreign source may fill the same memory again.
      return value && new Uint8Array(value)
    },
    cancel: () => discard(reader),
  }
}
