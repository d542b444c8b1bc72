import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hideKnownSecrets, rememberSecret } from '../../../src/contracts/secrets/known-secrets.js'
import { carriesSecret, holdsSecret, maskOf } from '../../../src/upstream/secret.js'
import { decodedLeaks } from '../../secrets/decoded-leaks.js'
import { ENCODINGS } from '../../secrets/encodings.js'
import { isDoneWithin } from '../../support/is-done-within.js'

const KEYS = [
  'sk-proj-Xk29fjw8Qm3nZp7RtY5vLb4c',
  '0f3c9a7be1d24856a0f3c9a7be1d2485',
  'hf_QvJkWzRtYpLmNsXc8d',
  'a/Bc9+dE7fG2hI4jK6lM8nO=',
]
const keyOf = (name: string | number) => `sk-${createHash('sha256').update(`${name}`).digest('base64url')}`

describe.each(ENCODINGS)('a key $name', ({ encode }) => {
  it('is taken out, and the words around it stay', () => {
    for (const key of KEYS) {
      for (let seed = 0; seed < 12; seed += 1) {
        const said = `Refused: ${encode(key, seed)}. Try another one`
        const clean = maskOf([key])(said)
        expect(decodedLeaks(clean, [key]), said).toEqual([])
        expect(clean).toMatch(/^Refused: .*Try another one$/s)
      }
    }
  })
})

it('two encodings, one in the other, hide no key', () => {
  const layers = ENCODINGS.filter(({ name }) => /^(?:in base64|in hex|percent|in .*entities|in \\)/.test(name))
  const text = fc.string({ unit: 'grapheme-ascii', maxLength: 20 })
  fc.assert(
    fc.property(
      fc.record({ inner: fc.constantFrom(...layers), outer: fc.constantFrom(...layers), before: text, behind: text }),
      fc.nat(),
      ({ inner, outer, before, behind }, seed) => {
        const key = keyOf(seed)
        const clean = maskOf([key])(`${before} ${outer.encode(inner.encode(key, seed), seed)} ${behind}`)
        expect(decodedLeaks(clean, [key]), `${inner.name}, ${outer.name}`).toEqual([])
      },
    ),
    { numRuns: 100 },
  )
})

describe('an encoded key within a tag', () => {
  const inPercent = [...Buffer.from(keyOf(0))].map((byte) => `%${byte.toString(16)}`).join('')
  it.each([
    ['percent-encoding in base64 of user and key, in a tag', `<A ${btoa(`u:${inPercent}`)} >`],
    ['base64 of hex in an attribute', `<img alt="" src="${btoa(Buffer.from(keyOf(0)).toString('hex'))}">`],
    ['hex in a comment', `<!-- ${Buffer.from(keyOf(0)).toString('hex')} -->`],
  ])('is taken out: %s', (_, said) => {
    expect(decodedLeaks(said, [keyOf(0)])).not.toEqual([])
    expect(decodedLeaks(maskOf([keyOf(0)])(said), [keyOf(0)])).toEqual([])
  })
})

describe('a key that was used', () => {
  it('stays hidden after another one took its place, in every form', () => {
    const [first, second] = [keyOf('first'), keyOf('second')]
    rememberSecret(first)
    rememberSecret(second)
    for (const { encode } of ENCODINGS) {
      const clean = maskOf([second])(`Refused: ${encode(first, 3)}`)
      expect(decodedLeaks(clean, [first])).toEqual([])
    }
    expect(hideKnownSecrets(`old ${first}, new ${second}`)).toBe('old [redacted], new [redacted]')
  })

  it('is forgotten when 1,000 others were used after it, and not before', () => {
    const old = keyOf('old')
    rememberSecret(old)
    for (let turn = 0; turn < 999; turn += 1) rememberSecret(keyOf(`turn ${turn}`))
    expect(hideKnownSecrets(old)).toBe('[redacted]')
    rememberSecret(keyOf('one more'))
    expect(hideKnownSecrets(old)).toBe(old)
    expect(hideKnownSecrets(keyOf('turn 0'))).toBe('[redacted]')
  })

  it('is kept when it is used again', () => {
    const steady = keyOf('steady')
    for (let turn = 0; turn < 2_000; turn += 1) {
      rememberSecret(keyOf(`passing ${turn}`))
      rememberSecret(steady)
    }
    expect(hideKnownSecrets(steady)).toBe('[redacted]')
  })

  it('whose beginning is a word of a private key leaves that recognisable', () => {
    rememberSecret('key-of-no-interest-7')
    const pem = '-----BEGIN PRIVATE KEY-----\nfvmHxbThKrnsXiuQqbhXrEpCEZcJ37B5vM8i\n-----END PRIVATE KEY-----'
    expect(maskOf([])(`could not read ${pem}`)).toBe('could not read [redacted]')
  })

  it('leaves the words of others alone', () => {
    for (const placeholder of ['not-needed', 'EMPTY', 'ollama', 'sk-no-key-required']) rememberSecret(placeholder)
    const text = 'A key is not needed here: no key required, the list is empty'
    expect(hideKnownSecrets(text)).toBe(text)
  })
})

describe('an address that was given', () => {
  it('keeps a beginning that it shares with the key, and is refused with the whole of it in any form', () => {
    const key = 'tenant42-production-8c1f'
    expect(carriesSecret('https://cdn.example/tenant42-production/a.mp4', [key])).toBe(false)
    expect(holdsSecret('https://cdn.example/tenant42-production/a.mp4', [key])).toBe(false)
    for (const { name, encode } of ENCODINGS.filter(
      (one) => !/stars|dots|lines|brackets|dump|broken off|without/.test(one.name),
    ))
      expect(carriesSecret(`https://cdn.example/${encode(key, 1)}`, [key]), name).toBe(true)
  })
})

describe('an address with the letters of a short key', () => {
  it('is refused where the key is spelled in it, in any escape, and not where its letters are parts of other words', () => {
    const key = 'test-key-1'
    expect(holdsSecret('https://cdn.example/test/key/1.mp4', [key])).toBe(false)
    for (const form of ['test-key-1', 'test%2dkey%2D1', Buffer.from('xtest-key-1').toString('base64url')])
      expect(holdsSecret(`https://cdn.example/${form}/a.mp4`, [key]), form).toBe(true)
  })
})

describe('the time', () => {
  const megabyte = (piece: string) => piece.repeat(Math.ceil(2 ** 20 / piece.length)).slice(0, 2 ** 20)
  const key = keyOf('time')

  it.each([
    ['prose', megabyte('The server said no, and did not say why. ')],
    ['base64', megabyte(Buffer.from(Array.from({ length: 3_000 }, (_, at) => (at * 7_919) % 251)).toString('base64'))],
    ['hex', megabyte('0123456789abcdef')],
    ['numbers', megabyte('115,107,45,')],
    ['tags that do not end', megabyte('<a')],
    ['escapes', megabyte('\\\\u0041&amp;#%2525')],
    ['backslashes', megabyte('\\')],
    ['what nearly is the key', megabyte(key.slice(0, 11))],
    ['one letter', megabyte('a')],
    ['stars', megabyte('ab**')],
  ])('grows with the length alone for %s', (_, text) => {
    const mask = maskOf([key, 'a'.repeat(64), keyOf('other')])
    expect(isDoneWithin(8_000, () => mask(text))).toBe(true)
  })
})
