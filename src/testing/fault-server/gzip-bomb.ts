import { gzipSync } from 'node:zlib'

/** A gzip body that decodes to that many blanks and has about a thousandth of their length; send it with `content-encoding: gzip`. */
export function gzipBomb(decodedBytes: number): Uint8Array {
  return gzipSync(Buffer.alloc(decodedBytes, ' '))
}
