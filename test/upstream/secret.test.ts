import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuthenticationError, NetworkError } from '../../src/contracts/upstream-errors.js'
import { headerSecrets, holdsSecret, maskOf, resolveCredential } from '../../src/upstream/secret.js'
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

  test('tells only the class of what its function threw', async () => {
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

  test('leaves short words alone, and takes out what looks like a key of somebody else', () => {
    expect(maskOf(['a'])('banana')).toBe('banana')
    expect(maskOf([])('Bearer abcdef123456')).not.toContain('abcdef123456')
  })
})

test('headerSecrets are values and what follows their scheme', () => {
  expect(headerSecrets({ authorization: 'Basic dXNlcjpw', 'x-on': '1' })).toEqual(['Basic dXNlcjpw', 'dXNlcjpw'])
})

test('holdsSecret sees encoded forms', () => {
  expect(holdsSecret('https://a.example/v?key=a%2Bb%2Fc%3D', ['a+b/c='])).toBe(true)
  expect(holdsSecret('https://a.example/v?key=other', ['a+b/c=', 'v'])).toBe(false)
})
