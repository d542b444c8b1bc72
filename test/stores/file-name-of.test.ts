import { assert, property, string, tuple } from 'fast-check'
import { expect, it } from 'vitest'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'

const ids = string({ unit: 'binary', minLength: 1, maxLength: 255 })

it('is a plain name on every file system, and the same for the same text', () => {
  assert(
    property(ids, (id) => {
      expect(fileNameOf(id)).toMatch(/^[a-z0-9_-]{41,101}$/)
      expect(fileNameOf(id)).toBe(fileNameOf(id))
    }),
  )
})

it('differs for different texts, whatever the case', () => {
  assert(property(tuple(ids, ids), ([a, b]) => a === b || fileNameOf(a) !== fileNameOf(b)))
  for (const [a, b] of [
    ['a', 'A'],
    ['a/b', 'a:b'],
    ['\ud800', '\udfff'],
    [`${'a'.repeat(254)}b`, `${'a'.repeat(254)}c`],
  ] as const) {
    expect(fileNameOf(a)).not.toBe(fileNameOf(b))
  }
})

it('can be read', () => {
  expect(fileNameOf('Order 17/b')).toMatch(/^order-17-b-[0-9a-f]{40}$/)
})
