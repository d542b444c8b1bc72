import { createHash } from 'node:crypto'
import type { ReplyBody } from '../reply.js'

/** Takes the bytes of a file as they come. */
export interface ContentSink {
  readonly byteLength: number
  /** Tells how long the file will be, so that nothing is kept of one that is too long. */
  expect(byteLength: number): void
  /** Takes a copy; the chunk may be used again. */
  write(chunk: Uint8Array): void
  /** What was written; nothing more can be. */
  finish(): StoredContent
}

/** The bytes of a file, or what is known of them. */
export interface StoredContent {
  readonly byteLength: number
  /** In lower-case hex. */
  readonly md5: string
  /** Absent for a file that was too long to be kept. */
  readonly body?: ReplyBody
}

/** @param keepBytes - Up to this length the bytes are kept; of a longer file only its length and its hash. */
export function contentSink(keepBytes: number): ContentSink {
  const hash = createHash('md5')
  let kept: Uint8Array[] = []
  let byteLength = 0
  let longest = 0
  return {
    get byteLength() {
      return byteLength
    },
    expect(told) {
      longest = Math.max(longest, told)
    },
    write(chunk) {
      hash.update(chunk)
      byteLength += chunk.length
      longest = Math.max(longest, byteLength)
      if (longest <= keepBytes) kept.push(chunk.slice())
      else kept = []
    },
    finish() {
      const md5 = hash.digest('hex')
      return longest <= keepBytes ? { byteLength, md5, body: chunkedBody(kept, byteLength) } : { byteLength, md5 }
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
