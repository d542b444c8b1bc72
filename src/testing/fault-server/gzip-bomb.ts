import { gzipSync } from 'node:zlib'
import { checkArgument } from '../../contracts/check-argument.js'
import { whole } from '../../contracts/option-rules.js'

/** A gzip body that decodes to that many blanks and has about a thousandth of their length; send it with `content-encoding: gzip`. */
export function gzipBomb(decodedBytes: number): Uint8Array {
  checkArgument('gzipBomb', 'decodedBytes', decodedBytes, whole(0))
  return gzipSync(Buffer.alloc(decodedBytes, ' '))
}
