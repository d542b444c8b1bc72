import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { glyphRows, toPrintable, wrapText } from '../../src/sandbox/bitmap-font.js'

const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index))

describe('glyphRows', () => {
  it('has its own glyph for every printable character', () => {
    const glyphs = printable.map((character) => glyphRows(character).join())
    expect(new Set(glyphs).size).toBe(95)
    for (const character of printable) {
      const rows = glyphRows(character)
      expect(rows).toHaveLength(7)
      expect(rows.every((row) => row >= 0 && row < 32)).toBe(true)
    }
  })

  it('draws the letter of its description', () => {
    expect(glyphRows('A')).toEqual([14, 17, 17, 31, 17, 17, 17])
  })

  it('draws a question mark for a missing glyph', () => {
    expect(glyphRows('猫')).toEqual(glyphRows('?'))
  })
})

describe('toPrintable', () => {
  it('writes other characters as their code', () => {
    expect(toPrintable('a 猫\t😀\r\nb\u0000')).toBe('a <732B> <1F600>\nb<0000>')
  })

  it('loses nothing: different texts stay different', () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => !/[\t\r<>]/.test(value))
    fc.assert(
      fc.property(text, text, (first, second) => {
        fc.pre(first !== second)
        expect(toPrintable(first)).not.toBe(toPrintable(second))
        expect(toPrintable(first)).toMatch(/^[\n -~]*$/)
      }),
    )
  })
})

describe('wrapText', () => {
  it('breaks between words, and inside of a word that is too long', () => {
    expect(wrapText('a cat plays a pianissimo\n\nnow', 6)).toEqual(['a cat', 'plays', 'a', 'pianis', 'simo', '', 'now'])
  })

  it('keeps every letter and every limit', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 20 }), (text, columns) => {
        const lines = wrapText(text, columns)
        expect(lines.every((line) => line.length <= columns)).toBe(true)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(/[ \n]/g, ''))
      }),
    )
  })
})
