import { gzipSync } from 'node:zlib'

/** A body of few bytes, about a thousandth, that decodes to that many blanks; send it with `content-encoding: gzip`. */
export function gzipBomb(decodedBytes: number): Uint8Array {
  return gzipSync(Buffer.alloc(decodedBytes, ' '))
}
