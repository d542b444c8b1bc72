import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { secretHeadPattern, secretPattern } from '../../src/upstream/secret-pattern.js'

const taken = (secret: string, text: string) => text.replace(new RegExp(secretPattern(secret), 'giu'), '#')
const headTaken = (secret: string, text: string) =>
  text.replace(new RegExp(secretHeadPattern(secret) ?? '(?!)', 'giu'), '#')

describe('the forms of a secret', () => {
  // Each is how some service, language or page writes the character between `ab` and `cd`.
  test.each([
    [
      '"',
      ['"', '\\"', '\\\\\\"', '&quot;', '&amp;quot;', '&#34;', '&#034;', '&#x22;', '&#x0022;', '%22', '%2522', '\\x22'],
    ],
    ["'", ["'", "\\'", '&apos;', '&#39;', '&#x27;', '%27', '\\u0027', '\\\\u0027']],
    ['&', ['&', '&amp;', '&amp;amp;', '&#38;', '\\u0026', '%26', '%252526']],
    ['<', ['<', '&lt;', '&#60;', '\\u003c', '\\u003C', '%3c', '%3C']],
    ['>', ['>', '&gt;', '&#62;', '\\u003e', '\\x3e']],
    ['+', ['+', '%2B', '%252b', '&#43;', '\\u002b']],
    ['=', ['=', '%3D', '&#x3d;']],
    ['\\', ['\\', '\\\\', '\\\\\\\\', '%5C', '&#92;', '\\x5c']],
    ['ü', ['ü', 'u\u0308', '\\u00fc', '\\xfc', '%C3%BC', '%25C3%25BC', '&#252;', '&#xfc;']],
    ['€', ['€', '\\u20ac', '%E2%82%AC', '&#8364;', '&#x20AC;']],
    ['😀', ['😀', '\\ud83d\\ude00', '%F0%9F%98%80', '&#128512;', '&#x1f600;']],
    [
      ' ',
      [
        ' ',
        '  ',
        '\n',
        '+',
        '&nbsp;',
        '&#32;',
        '&#x20;',
        '&#9;',
        '&#10;',
        '&#x0d;',
        '%20',
        '%2520',
        '%0a',
        '\\n',
        '\\t',
        '\\r',
        '\\u0020',
        '\\u000a',
      ],
    ],
    ...[...'$()*./?[]^{|}'].map((mark) => [mark, [mark, `\\${mark}`, encodeURIComponent(mark)]] as const),
  ] as readonly (readonly [string, readonly string[]])[])(
    'hold the character %j however it is written',
    (character, forms) => {
      for (const form of forms) expect([form, taken(`ab${character}cd`, `(ab${form}cd)`)]).toEqual([form, '(#)'])
    },
  )

  test('are those alone', () => {
    for (const [secret, other] of [
      ['ab.cd', 'abxcd'],
      ['ab+cd', 'abbcd'],
      ['ab cd', 'abcd'],
      ['ab(cd', 'abcd'],
      ['ab^cd', 'abcd'],
      ['ab"cd', 'ab&lt;cd'],
      ['ab&cd', 'ab%27cd'],
      ['ab€cd', 'ab\\xaccd'],
    ] as const)
      expect(taken(secret, other)).toBe(other)
  })

  test('are without the blanks around it', () => {
    expect(taken(' abcd\n', '(abcd)')).toBe('(#)')
    expect(taken('\tab cd ', '(ab  cd)')).toBe('(#)')
  })

  test('are in base64 wherever it stands among other bytes, in both alphabets', () => {
    const bytes = fc.stringMatching(/^[\x21-\x7e]{12,30}$/)
    fc.assert(
      fc.property(bytes, fc.nat(5), fc.nat(5), (secret, before, after) => {
        const around = Buffer.from(`${'?'.repeat(before)}${secret}${'>'.repeat(after)}`)
        for (const encoding of ['base64', 'base64url'] as const) {
          const encoded = around.toString(encoding)
          const left = taken(secret, encoded)
          // What is left shares its letters with what stands before and behind.
          expect(left).toContain('#')
          expect(left.length).toBeLessThanOrEqual(1 + Math.ceil((before * 4) / 3) + 1 + Math.ceil((after * 4) / 3) + 4)
        }
      }),
    )
  })

  test('of a short one are in base64 only as a whole', () => {
    expect(taken('abcd', Buffer.from('abcd').toString('base64'))).toBe('#==')
    expect(taken('abcd', Buffer.from('xabcdx').toString('base64'))).toBe(Buffer.from('xabcdx').toString('base64'))
    expect(taken('abcdef', Buffer.from('xxxabcdefxxx').toString('base64'))).toBe('eHh4#eHh4')
  })
})

describe('the beginning of a secret', () => {
  const KEY = 'canary-key+0123456789'

  test('is known from sixteen characters on', () => {
    expect(secretHeadPattern('abcdefghijklmno')).toBeUndefined()
    expect(secretHeadPattern(' abcdefghijklmno\n')).toBeUndefined()
    expect(secretHeadPattern('abcdefghijklmnop')).toEqual(expect.any(String))
  })

  test('counts anywhere from twelve characters on, with what follows it', () => {
    expect(headTaken(KEY, 'no canary-key+0 here')).toBe('no # here')
    expect(headTaken(KEY, 'no canary-key%2B0123... here')).toBe('no # here')
    expect(headTaken(KEY, 'no "canary-key+0123" here')).toBe('no "#" here')
    expect(headTaken(KEY, '<canary-key+0123>')).toBe('<#>')
    expect(headTaken(KEY, 'no canary-key+ here')).toBe('no canary-key+ here')
  })

  test('counts at the end of a text from eight characters on', () => {
    expect(headTaken(KEY, 'no canary-k')).toBe('no #')
    expect(headTaken(KEY, 'no canary-key+')).toBe('no #')
    expect(headTaken(KEY, 'no canary-')).toBe('no canary-')
    expect(headTaken(KEY, 'canary-k it was')).toBe('canary-k it was')
  })

  test('counts in base64 from twelve letters on', () => {
    for (const before of ['', 'u', 'us']) {
      const encoded = Buffer.from(`${before}${KEY}`).toString('base64')
      const said = headTaken(KEY, `no ${encoded.slice(0, 20)}= here`)
      expect(said).toMatch(/^no \w{0,3}# here$/)
    }
    const encoded = Buffer.from(KEY).toString('base64')
    expect(headTaken(KEY, `no ${encoded.slice(0, 11)} here`)).toContain(encoded.slice(0, 11))
  })
})
