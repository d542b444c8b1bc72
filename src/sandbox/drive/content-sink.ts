import { createHash } from 'node:crypto'
import type { ReplyBody } from '../reply.js'

/** Receives the bytes of a file. */
export interface ContentSink {
  readonly byteLength: number
  /** Announces the length of the file, so that nothing is kept of a file that is too long. */
  expect(byteLength: number): void
  /** Copies the chunk, so that it may be reused. */
  write(chunk: Uint8Array): void
  /** Returns the written content; nothing more can be written. */
  finish(): StoredContent
}

/** The bytes of a file, or only their length and hash. */
export interface StoredContent {
  readonly byteLength: number
  /** In lower-case hex. */
  readonly md5: string
  /** In lower-case hex. */
  readonly sha256: string
  /** Absent for a file that is too long to be kept. */
  readonly body?: ReplyBody
}

/** @param keepBytes - Up to this length the bytes are kept; of a longer file only its length and its hash. */
export function contentSink(keepBytes: number): ContentSink {
  const md5 = createHash('md5')
  const sha256 = createHash('sha256')
  let kept: Uint8Array[] = []
  let byteLength = 0
  let longest = 0
  return {
    get byteLength() {
      return byteLength
    },
    expect(announced) {
      longest = Math.max(longest, announced)
    },
    write(chunk) {
      md5.update(chunk)
      sha256.update(chunk)
      byteLength += chunk.length
      longest = Math.max(longest, byteLength)
      if (longest <= keepBytes) kept.push(chunk.slice())
      else kept = []
    },
    finish() {
      const digests = { md5: md5.digest('hex'), sha256: sha256.digest('hex') }
      return { byteLength, ...digests, ...(longest <= keepBytes && { body: chunkedBody(kept, byteLength) }) }
    },
  }
}

function chunkedBody(chunks: readonly Uint8Array[], byteLength: number): ReplyBody {
  return {
    byteLength,
    *read(start, end) {
      let at = 0
      for (const chunk of chunks) {
        const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at))
        if (part.length > 0) yield part
        at += chunk.length
      }
    },
  }
}
