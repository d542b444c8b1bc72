import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuthenticationError, NetworkError } from '../../src/contracts/upstream-errors.js'
import {
  carriesSecret,
  credentialProblemOf,
  headerSecrets,
  holdsSecret,
  maskOf,
  rememberConfigured,
  resolveCredential,
  resolvePassword,
  schemedSecrets,
} from '../../src/upstream/secret.js'
import { isDoneWithin } from '../support/is-done-within.js'
import { rejection } from './stage-context.js'

const signal = new AbortController().signal

describe('resolveCredential', () => {
  test('takes a value, a function and an asynchronous function', async () => {
    expect(await resolveCredential('k-1', 'x', signal)).toBe('k-1')
    expect(await resolveCredential(() => 'k-2', 'x', signal)).toBe('k-2')
    expect(await resolveCredential(async () => 'k-3', 'x', signal)).toBe('k-3')
  })

  test.each(['', '  ', 'line\nbreak', 'schlüssel'])('refuses %j without showing it', async (value) => {
    const error = await rejection(resolveCredential(() => value, 'mine', signal))
    expect(error).toBeInstanceOf(AuthenticationError)
    if (value.trim() !== '') expect(String(error)).not.toContain(value)
  })

  test('reports only the class of what its function threw', async () => {
    const error = await rejection(
      resolveCredential(
        () => {
          throw new RangeError('canary-in-message')
        },
        'mine',
        signal,
      ),
    )
    expect(error).toMatchObject({ code: 'authentication' })
    expect(String(error)).toContain('RangeError')
    expect(String(error)).not.toContain('canary')
    expect(String(await rejection(resolveCredential(() => Promise.reject('canary'), 'mine', signal)))).toContain(
      'string',
    )
  })

  test('lets an error of the library through, and an abort win', async () => {
    const failure = new NetworkError('Could not renew')
    expect(await rejection(resolveCredential(() => Promise.reject(failure), 'x', signal))).toBe(failure)
    const controller = new AbortController()
    const waiting = rejection(resolveCredential(() => new Promise<string>(() => undefined), 'x', controller.signal))
    controller.abort('enough')
    expect(await waiting).toBe('enough')
  })
})

describe('resolvePassword', () => {
  test('takes any text, from a value or a function', async () => {
    expect(await resolvePassword('pässword\n', 'x', signal)).toBe('pässword\n')
    expect(await resolvePassword(async () => ' ', 'x', signal)).toBe(' ')
  })

  test.each([
    ['', 'it is empty'],
    [7, 'it is not a text'],
    [undefined, 'it is not a text'],
  ])('refuses %j', async (value, problem) => {
    const error = await rejection(resolvePassword(() => value as string, 'mine', signal))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error).toMatchObject({ message: `Could not use the password of mine: ${problem}` })
  })

  test('reports whose function failed, and with what class', async () => {
    const error = await rejection(resolvePassword(() => Promise.reject(new TypeError('canary')), 'mine', signal))
    expect(error).toMatchObject({ message: 'Could not get the credential of mine: its function threw TypeError' })
  })
})

describe('credentialProblemOf', () => {
  test.each([
    [7, 'it is not a text'],
    [undefined, 'it is not a text'],
    ['', 'it is empty'],
    [' \t', 'it is empty'],
    ['a\nb', 'it holds characters that a header cannot carry'],
    ['a\n', 'it holds characters that a header cannot carry'],
    ['\na', 'it holds characters that a header cannot carry'],
    ['a\x7f', 'it holds characters that a header cannot carry'],
    ['ü', 'it holds characters that a header cannot carry'],
  ])('of %j: %s', async (value, problem) => {
    expect(credentialProblemOf(value)).toBe(problem)
    const error = await rejection(resolveCredential(() => value as string, 'mine', signal))
    expect(error).toMatchObject({ message: `Could not use the credential of mine: ${problem}` })
  })

  test('accepts what a header can hold', () => {
    const header = fc.stringMatching(/^[\x20-\x7e]+$/).filter((value) => value.trim() !== '')
    fc.assert(
      fc.property(header, (value) => {
        expect(credentialProblemOf(value)).toBeUndefined()
      }),
    )
  })
})

describe('maskOf', () => {
  test('takes a secret out of any text, in every form', () => {
    const secret = fc.stringMatching(/^[\x21-\x7e]{4,40}$/)
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const forms = [
          value,
          encodeURIComponent(value),
          JSON.stringify(value).slice(1, -1),
          Buffer.from(value).toString('base64url'),
        ]
        for (const form of forms) {
          const clean = maskOf([value])(`${before} ${form} ${after}`)
          expect(clean.replaceAll('[redacted]', '')).not.toContain(form)
        }
      }),
    )
  })

  // Of which services, languages and pages write characters that need care in theirs.
  test.each([
    ['JSON of PHP', '/', '\\/'],
    ['JSON of Go', '&', '\\u0026'],
    ['JSON of Python', 'ü', '\\u00fc'],
    ['JSON in JSON', '"', '\\\\\\"'],
    ['a page', '"', '&quot;'],
    ['a page', "'", '&#39;'],
    ['a page', '<', '&lt;'],
    ['a page', '=', '&#x3D;'],
    ['an address', '+', '%2b'],
    ['an address in an address', '/', '%252F'],
    ['a form', ' ', '+'],
    ['a line of a message', '\n', ' '],
    ['a readable text', '  ', ' '],
    ['a page as text', '\t', '&#9;'],
    ['Python', '\\', '\\\\'],
    ['decomposed Unicode', 'é', 'e\u0301'],
  ])('knows how %s writes %j', (_, character, written) => {
    const secret = `first-half${character}second-half`
    const clean = maskOf([secret])(`it was first-half${written}second-half, which is wrong`)
    expect(clean).toBe('it was [redacted], which is wrong')
    expect(holdsSecret(`?a=first-half${written}second-half`, [secret])).toBe(true)
  })

  test.each(['', 'u', 'us', 'user:', 'name:'])('finds a key in base64 behind %j', (before) => {
    const key = 'canary-key-0123456789'
    const encoded = Buffer.from(`${before}${key}${before}`).toString('base64')
    const clean = maskOf([key])(`Basic-${encoded}!`)
    for (let at = 0; at + 8 <= encoded.length; at += 1) {
      const shown = Buffer.from(encoded.slice(at, at + 8), 'base64').toString('latin1')
      if (key.includes(shown)) expect(clean).not.toContain(encoded.slice(at, at + 8))
    }
  })

  test('takes out the beginning of a key with which a text breaks off', () => {
    const key = 'canary-key+0123456789'
    const mask = maskOf([key])
    for (const length of [8, 12, 20]) expect(mask(`refused: ${key.slice(0, length)}`)).toBe('refused: [redacted]')
    expect(mask(`refused: canary-key%2B0123`)).toBe('refused: [redacted]')
    expect(mask('refused: can')).toBe('refused: can')
    expect(mask('a canary sings')).toBe('a canary sings')
  })

  test('takes out a key of several lines, with and without its last line end, and one that breaks off in a line', () => {
    const lines = Array.from({ length: 6 }, (_, index) => createHash('sha256').update(`${index}`).digest('base64'))
    const key = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
    for (const said of [key, key.trim(), key.replaceAll('\n', ' '), key.slice(0, 200), key.replaceAll('\n', '\\n')]) {
      const clean = maskOf([key])(`could not read ${said}`)
      for (const line of lines) expect(clean).not.toContain(line.slice(0, 12))
    }
  })

  test('takes out the longer of two keys whole', () => {
    expect(maskOf(['canary-1', 'canary-1-and-more'])('canary-1-and-more')).toBe('[redacted]')
  })

  test('costs little for long keys, and for texts that nearly hold them', () => {
    const key = Array.from({ length: 40 }, (_, index) => createHash('sha512').update(`${index}`).digest('base64')).join(
      '',
    )
    const nearly = [key.slice(1), key.slice(0, -1), encodeURIComponent(key.slice(0, -1))].join(' ').repeat(3)
    const mask = maskOf([key, `${key}x`])
    expect(
      // A second on an idle machine; what is tried at every letter would take minutes.
      isDoneWithin(6_000, () => {
        for (let turn = 0; turn < 20; turn += 1) mask(nearly)
      }),
    ).toBe(true)
  })

  test('leaves short words alone, and masks what looks like the key of another service', () => {
    expect(maskOf(['a'])('banana')).toBe('banana')
    expect(maskOf([])('Bearer abcdef123456')).not.toContain('abcdef123456')
  })
})

test('credentials of configured headers and queries are hidden everywhere, the words of other headers nowhere', () => {
  const [token, query] = ['tok-8f3Kq2Lm9Zx4', 'q-7dPw1Rt5Yb6N']
  const headers = { 'x-api-key': token, accept: 'application/vnd.videos.v2+json', 'user-agent': 'company-2-uploader-7' }
  rememberConfigured(headers, [query])
  const text = 'application/json is not what company-2-uploader-7 sent'
  expect(maskOf([])(`${token} ${query}`)).toBe('[redacted] [redacted]')
  expect(maskOf([])(text)).toBe(text)
  expect(maskOf(headerSecrets({ accept: headers.accept }))('application/json, or a message')).toBe(
    'application/json, or a message',
  )
})

test('headerSecrets are values and what follows their scheme', () => {
  expect(headerSecrets({ authorization: 'Basic dXNlcjpw', 'x-on': '1' })).toEqual(['Basic dXNlcjpw', 'dXNlcjpw'])
})

test('headerSecrets are also the password of Basic, and the values that a credential names', () => {
  const pair = (text: string, encoding: 'utf8' | 'latin1' = 'utf8') =>
    `Basic ${Buffer.from(text, encoding).toString('base64')}`
  const passwords = (value: string) => headerSecrets({ authorization: value }).slice(2)
  expect(passwords(pair('user:pass:word'))).toEqual(['user:pass:word', 'pass:word'])
  expect(passwords(pair('user:pässword'))).toContain('pässword')
  expect(passwords(pair('user:pässword', 'latin1'))).toContain('pässword')
  expect(passwords(pair('user:pas'))).toEqual([])
  expect(passwords(pair('no pair'))).toEqual([])
  expect(headerSecrets({ Cookie: 'theme=dark; session=abcd-1234-efgh' })).toContain('abcd-1234-efgh')
  expect(headerSecrets({ authorization: 'Token token="abcd 1234", v=1' })).toContain('abcd 1234')
  expect(headerSecrets({ accept: 'video/mp4; profile=abcd-1234-efgh' })).not.toContain('abcd-1234-efgh')
})

test('the secrets of configured values are those of at least six letters', () => {
  expect(schemedSecrets(['Bearer abcdef', 'Bearer abcde', 'abcdef', 'abcde', 'a b abcdef'])).toEqual([
    ...['Bearer abcdef', 'abcdef', 'Bearer abcde', 'abcdef', 'abcdef', 'a b abcdef', 'abcdef'],
  ])
})

test('a secret counts from four letters, and in what is passed on from twelve', () => {
  expect([holdsSecret('x-abcd-x', ['abcd']), holdsSecret('x-abc-x', ['abc'])]).toEqual([true, false])
  expect([maskOf(['abcd'])('x-ABCD-x'), maskOf(['abc'])('x-abc-x')]).toEqual(['x-[redacted]-x', 'x-abc-x'])
  expect(carriesSecret('job-abcdefghijkl', ['abcdefghijkl'])).toBe(true)
  expect(carriesSecret('job-abcdefghijk', ['abcdefghijk'])).toBe(false)
  expect(carriesSecret('job-1', ['abcdefghijkl'])).toBe(false)
})

test('holdsSecret sees encoded forms', () => {
  expect(holdsSecret('https://a.example/v?key=a%2Bb%2Fc%3D', ['a+b/c='])).toBe(true)
  expect(holdsSecret('https://a.example/v?key=other', ['a+b/c=', 'v'])).toBe(false)
})
