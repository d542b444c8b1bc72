import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyRing } from '../../src/http/api-keys.js'

const printable = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 40,
})

test('a key opens for its owner, and nothing else opens', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(printable, { minLength: 1, maxLength: 5 }),
      fc.string({ unit: 'binary' }),
      (keys, text) => {
        const ring = keyRing(keys.map((key, index) => ({ key, owner: `owner ${index}` })))
        for (const [index, key] of keys.entries()) {
          expect(ring(key)).toBe(`owner ${index}`)
          for (const near of [key.slice(1), key.slice(0, -1), `${key}x`, `${key}${'x'.repeat(1000)}`, `${key}\u0161`]) {
            if (!keys.includes(near)) expect(ring(near)).toBeUndefined()
          }
        }
        if (!keys.includes(text.replaceAll('\0', ''))) expect(ring(text)).toBeUndefined()
      },
    ),
  )
  expect(keyRing(['key'])('')).toBeUndefined()
})
