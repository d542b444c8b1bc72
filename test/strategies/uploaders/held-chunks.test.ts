import fc from 'fast-check'
import { expect, test } from 'vitest'
import { heldChunks } from '../../../src/strategies/uploaders/held-chunks.js'

const bytesFrom = (start: number, length: number) => Uint8Array.from({ length }, (_, index) => (start + index) % 251)

test('holds what it is given, whatever the sizes of chunks and parts', () => {
  const step = fc.oneof(
    fc.record({ add: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 4_000, max: 5_000 })) }),
    fc.record({ moveBy: fc.integer({ min: -10, max: 6_000 }) }),
    fc.record({ most: fc.integer({ min: 0, max: 9_000 }) }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000 }), fc.array(step, { maxLength: 60 }), (offset, steps) => {
      const held = heldChunks(offset)
      let start = offset
      let end = offset
      for (const one of steps) {
        if ('add' in one) {
          held.add(bytesFrom(end, one.add))
          end += one.add
        } else if ('moveBy' in one) {
          const wanted = start + one.moveBy
          const isInside = wanted >= start && wanted <= end
          expect(held.moveTo(wanted)).toBe(isInside)
          if (isInside) start = wanted
        } else {
          const { chunks, byteLength } = held.first(one.most)
          const expected = bytesFrom(start, Math.min(one.most, end - start))
          expect([byteLength, Buffer.concat(chunks).equals(expected)]).toEqual([expected.length, true])
        }
        expect([held.length, held.end]).toEqual([end - start, end])
      }
    }),
  )
})

test('a part that was given stays as it is while more comes and the earlier bytes are dropped', () => {
  const held = heldChunks(0)
  for (let at = 0; at < 100; at += 10) held.add(bytesFrom(at, 10))
  const { chunks } = held.first(70)
  held.add(bytesFrom(100, 10))
  held.moveTo(70)
  held.add(bytesFrom(110, 10))
  expect(Buffer.concat(chunks).equals(bytesFrom(0, 70))).toBe(true)
  expect(Buffer.concat(held.first(1_000).chunks).equals(bytesFrom(70, 50))).toBe(true)
})

test('byte after byte costs no more pieces than its bytes fill', () => {
  const held = heldChunks(0)
  for (let at = 0; at < 200_000; at += 1) held.add(bytesFrom(at, 1))
  expect(held.first(200_000).chunks.length).toBe(Math.ceil(200_000 / 65_536))
})

test('large chunks are not copied', () => {
  const held = heldChunks(0)
  const chunk = bytesFrom(0, 10_000)
  held.add(chunk)
  expect(held.first(4_000).chunks[0]?.buffer).toBe(chunk.buffer)
})
