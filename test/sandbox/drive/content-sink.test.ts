import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contentSink } from '../../../src/sandbox/drive/content-sink.js'

it('hashes all of it, and keeps what is short enough', () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 })
  const byte = fc.nat({ max: 160 })
  fc.assert(
    fc.property(parts, byte, byte, byte, (chunks, keepBytes, first, second) => {
      const sink = contentSink(keepBytes)
      const whole = Buffer.concat(chunks)
      for (const chunk of chunks) {
        sink.write(chunk)
        // A copy was taken.
        chunk.fill(0)
      }
      const { byteLength, md5, body } = sink.finish()
      expect([byteLength, md5]).toEqual([whole.length, createHash('md5').update(whole).digest('hex')])
      expect(body === undefined).toBe(whole.length > keepBytes)
      const [start, end] = [Math.min(first, second), Math.max(first, second)]
      const read = Buffer.concat(Array.from((body?.read(start, end) ?? []) as Iterable<Uint8Array>))
      if (body !== undefined) expect(read).toEqual(whole.subarray(start, end))
    }),
  )
})

it('keeps nothing of what will be too long', () => {
  const sink = contentSink(10)
  sink.expect(11)
  sink.write(new Uint8Array(3))
  expect(sink.finish()).not.toHaveProperty('body')
})
