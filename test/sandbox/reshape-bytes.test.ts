import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { firstBytes, firstOf, inPieces, withByteOrderMark, withCrlf } from '../../src/sandbox/reshape-bytes.js'

const chunks = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 6 })

const stream = (parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> => ReadableStream.from(parts)

const collect = async (parts: AsyncIterable<Uint8Array>) => {
  const all: Buffer[] = []
  for await (const part of parts) all.push(Buffer.from(part))
  return all
}

describe('reshaped bytes', () => {
  it('keep everything but their line ends and their mark', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 5 }), async (parts, size) => {
        const whole = Buffer.concat(parts)
        const crlf = Buffer.concat(await collect(withCrlf(stream(parts))))
        expect(crlf.toString('latin1')).toBe(whole.toString('latin1').replaceAll('\n', '\r\n'))
        const marked = Buffer.concat(await collect(withByteOrderMark(stream(parts))))
        expect(marked).toEqual(Buffer.concat([Buffer.from('\uFEFF'), whole]))
        const pieces = await collect(inPieces(stream(parts), size))
        expect(Buffer.concat(pieces)).toEqual(whole)
        expect(pieces.every(({ length }) => length > 0 && length <= size)).toBe(true)
      }),
    )
  })

  it('end where they are cut, and read no more', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 0, max: 40 }), async (parts, limit) => {
        const bytes = Buffer.concat(await collect(firstBytes(stream(parts), limit)))
        expect(bytes).toEqual(Buffer.concat(parts).subarray(0, limit))
        expect(await collect(firstOf(stream(parts), limit))).toEqual(parts.slice(0, limit).map(Buffer.from))
      }),
    )
    let asked = 0
    const endless = (async function* () {
      for (;;) {
        asked += 1
        yield new Uint8Array(2)
      }
    })()
    await collect(firstBytes(endless, 5))
    expect(asked).toBe(3)
  })
})
