import type { Readable } from 'node:stream'
import { nodePart } from './node-part.js'

// Before Node 22.15 it has no zstd.
type Zlib = Omit<typeof import('node:zlib'), 'createZstdDecompress'> &
  Partial<Pick<typeof import('node:zlib'), 'createZstdDecompress'>>
type Decode = (body: Readable) => Readable

// Each costs memory; a server adds one, and a proxy perhaps another.
const MOST_LAYERS = 4
const ZLIB_METHOD = 8

/** The body of an answer without the encodings that its header names; unchanged if one of them is unknown. */
export function decodedBody(body: Readable, contentEncoding: string | null): Readable {
  const names = (contentEncoding ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  const layers = names.filter((name) => name !== '' && name !== 'identity').map(decoderOf)
  if (layers.length > MOST_LAYERS || layers.includes(undefined)) return body
  // The encoding that was applied last is named last.
  return layers.reduceRight((inner, decode) => decode?.(inner) ?? inner, body)
}

function decoderOf(name: string): Decode | undefined {
  const zlib: Zlib = nodePart('node:zlib')
  const { createZstdDecompress } = zlib
  switch (name) {
    case 'gzip':
    case 'x-gzip':
      return (body) => piped(body, zlib.createGunzip())
    case 'deflate':
      return (body) => nodePart('node:stream').Readable.from(inflated(body), { objectMode: false })
    case 'br':
      return (body) => piped(body, zlib.createBrotliDecompress())
    case 'zstd':
      return createZstdDecompress && ((body) => piped(body, createZstdDecompress()))
    default:
      return undefined
  }
}

function piped(body: Readable, decoder: NodeJS.ReadWriteStream): Readable {
  return nodePart('node:stream').pipeline(body, decoder, ignore) as unknown as Readable
}

// Some servers leave out the zlib header, which the standard asks for. Its first byte names the method.
async function* inflated(body: Readable): AsyncGenerator<Uint8Array> {
  const zlib = nodePart('node:zlib')
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
  const first = await chunks.next()
  if (first.done) return
  const isZlib = ((first.value[0] ?? 0) & 15) === ZLIB_METHOD
  const whole = nodePart('node:stream').Readable.from(startingWith(first.value, chunks), { objectMode: false })
  yield* piped(whole, isZlib ? zlib.createInflate() : zlib.createInflateRaw())
}

async function* startingWith(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield* { [Symbol.asyncIterator]: () => rest }
}

function ignore(): void {}
