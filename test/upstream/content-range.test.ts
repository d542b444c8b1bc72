import fc from 'fast-check'
import { expect, test } from 'vitest'
import { declaredLength, isEncoded, readContentRange } from '../../src/upstream/content-range.js'

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
  ['bytes 0-1', undefined],
  ['bytes -1/2', undefined],
  ['kilobytes 0-1/2', undefined],
  ['bytes0-1/2', undefined],
  ['bytes 0-1/2 and more', undefined],
  ['bytes 0-1/*2', undefined],
  ['bytes 1234567890123456-1/2', undefined],
  ['bytes 0-1234567890123456/2', undefined],
  ['bytes 0-1/1234567890123456', undefined],
  ['  Bytes\t 0-1/2 ', { start: 0, total: 2 }],
  ['bytes */*', {}],
])('reads %j', (value, expected) => {
  expect(readContentRange(value)).toEqual(expected)
})

test.each([
  [{ 'content-length': '12' }, 12],
  [{ 'content-length': '12', 'content-encoding': 'identity' }, 12],
  [{ 'content-length': '12', 'content-encoding': 'gzip' }, undefined],
  [{ 'content-length': 'many' }, undefined],
  [{ 'content-length': '12 bytes' }, undefined],
  [{ 'content-length': '-12' }, undefined],
  [{ 'content-length': '1234567890123456' }, undefined],
  [{ 'content-length': '123456789012345' }, 123456789012345],
  [{}, undefined],
])('the length that %j declares', (headers, expected) => {
  expect(declaredLength(new Headers(headers as Record<string, string>))).toBe(expected)
})

test.each([
  ...['identity', 'Identity', 'aws-chunked', 'utf-8', 'UTF8', 'none', 'null', 'binary', '7bit', '8bit', ''],
  ...['identity, aws-chunked', 'utf-8,,identity', ' identity '],
])('the label %j is that of no encoding', (label) => {
  expect(isEncoded(new Headers({ 'content-encoding': label }))).toBe(false)
})

test.each(['gzip', 'br', 'identity, gzip', 'gzip, identity', 'aws-chunked-gzip', 'x-identity', '9bit', 'utf-16'])(
  'the label %j is that of an encoding, or may be',
  (label) => {
    expect(isEncoded(new Headers({ 'content-encoding': label }))).toBe(true)
  },
)
