import { gzipSync } from 'node:zlib'

/** A small body, about a thousandth of that many blanks, which it decodes to; send it with `content-encoding: gzip`. */
export function gzipBomb(decodedBytes: number): Uint8Array {
  return gzipSync(Buffer.alloc(decodedBytes, ' '))
}
