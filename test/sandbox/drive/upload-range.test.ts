import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseUploadRange } from '../../../src/sandbox/drive/upload-range.js'

it('reads parts and status requests, with and without a total', () => {
  expect(parseUploadRange('bytes 0-524287/2000000')).toEqual({ kind: 'part', start: 0, end: 524_288, total: 2_000_000 })
  expect(parseUploadRange('bytes 5-5/*')).toEqual({ kind: 'part', start: 5, end: 6, total: undefined })
  expect(parseUploadRange('bytes */7')).toEqual({ kind: 'query', total: 7 })
  expect(parseUploadRange('bytes */*')).toEqual({ kind: 'query', total: undefined })
})

it.each([
  '',
  'bytes 0-5',
  'bytes=0-5/6',
  'bytes 6-5/7',
  'bytes 0-6/6',
  'bytes -5/6',
  'bytes 0-/6',
  '0-5/6',
  'bytes 0-5/6 ',
])('refuses %j', (header) => expect(parseUploadRange(header)).toBeUndefined())

it('takes any text without an error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const range = parseUploadRange(text)
      expect(range === undefined || text.startsWith('bytes ')).toBe(true)
    }),
  )
})
