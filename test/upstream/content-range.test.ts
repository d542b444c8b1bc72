import fc from 'fast-check'
import { expect, test } from 'vitest'
import { declaredLength, readContentRange } from '../../src/upstream/content-range.js'

test('reads what was written', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.option(fc.nat(), { nil: undefined }), (start, end, total) => {
      const expected = { start, ...(total !== undefined && { total }) }
      expect(readContentRange(`bytes ${start}-${end}/${total ?? '*'}`)).toEqual(expected)
    }),
  )
})

test.each([
  ['bytes */10', { total: 10 }],
  [null, undefined],
  ['items 0-1/2', undefined],
  ['bytes 0-/2', undefined],
])('reads %j', (value, expected) => {
  expect(readContentRange(value)).toEqual(expected)
})

test.each([
  [{ 'content-length': '12' }, 12],
  [{ 'content-length': '12', 'content-encoding': 'identity' }, 12],
  [{ 'content-length': '12', 'content-encoding': 'gzip' }, undefined],
  [{ 'content-length': 'many' }, undefined],
  [{}, undefined],
])('the length that %j declares', (headers, expected) => {
  expect(declaredLength(new Headers(headers as Record<string, string>))).toBe(expected)
})
