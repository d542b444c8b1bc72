import type { ClientRequest } from 'node:http'
import type { OutgoingBytes, OutgoingStream } from '../outgoing-request.js'

const PIECE_BYTES = 262_144

/**
 * Writes a stream to a request, its chunks uncopied, each one after the connection took the one before. A source that
 * fails, or that has another length than it announced, destroys the request with its error. When the request closes
 * first, such as after an early answer or an abort, the source is closed.
 */
export async function writeStream(request: ClientRequest, { chunks, byteLength }: OutgoingStream): Promise<void> {
  const source = chunks[Symbol.asyncIterator]()
  let resume = () => {}
  let isOver = false
  request
    .on('drain', () => resume())
    .once('close', () => {
      isOver = true
      resume()
      // It may wait for its next chunk: what it does afterwards concerns no one.
      source.return?.().catch(() => undefined)
    })
  let length = 0
  try {
    while (true) {
      const { done, value } = await source.next()
      if (isOver) return
      if (done) break
      length += value.byteLength
      if (byteLength !== undefined && length > byteLength) throw wrongLength(byteLength)
      if (!request.write(value)) await new Promise<void>((drained) => (resume = drained))
    }
    if (byteLength !== undefined && length < byteLength) throw wrongLength(byteLength)
    request.end()
  } catch (error) {
    request.destroy(error as Error)
  }
}

/** Bytes as a stream, so that a TLS connection copies one piece of them and not the whole. */
export function piecesOf(bytes: OutgoingBytes): OutgoingStream {
  async function* pieces() {
    for (const chunk of [bytes].flat()) {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
    }
  }
  return { chunks: pieces(), byteLength: [bytes].flat().reduce((sum, { length }) => sum + length, 0) }
}

function wrongLength(byteLength: number): Error {
  return new Error(`Could not send the stream: its length is not ${byteLength} bytes, as announced`)
}
