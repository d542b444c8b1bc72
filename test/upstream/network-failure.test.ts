import { expect, test } from 'vitest'
import { type NetworkError, UpstreamResponseError } from '../../src/contracts/upstream-errors.js'
import { hostOf, networkFailure, timeoutFailure } from '../../src/upstream/network-failure.js'
import { maskOf } from '../../src/upstream/secret.js'

const { signal } = new AbortController()
const exchange = { what: 'ask', url: 'https://api.example:8443/v1?key=canary-1', mask: maskOf(['canary-1']) }
const failing = (code?: string, message = 'It broke') =>
  networkFailure(Object.assign(new Error(message), code !== undefined && { code }), exchange, signal) as NetworkError

test('an abort wins over any error, and an error of the library stays itself', () => {
  const own = new UpstreamResponseError('Could not ask: no')
  expect(networkFailure(own, exchange, signal)).toBe(own)
  expect(networkFailure(own, exchange, AbortSignal.abort('enough'))).toBe('enough')
})

test('an error of the transport is named by its code, else by its text', () => {
  expect(failing('ECONNRESET')).toMatchObject({
    message: 'Could not ask: no answer from api.example:8443 (ECONNRESET)',
    url: 'https://api.example:8443/v1',
    isRefusal: false,
    isRetryable: true,
    cause: { message: 'It broke', code: 'ECONNRESET' },
  })
  expect(failing()).toMatchObject({ message: 'Could not ask: no answer from api.example:8443 (It broke)' })
  expect(Object.keys(failing().cause as Error)).toEqual([])
  expect(failing('ECONNREFUSED')).toMatchObject({ isRefusal: true })
})

test.each([
  [undefined, 'unknown error'],
  [null, 'unknown error'],
  ['thrown text', 'unknown error'],
  [new Error(''), 'unknown error'],
  [new Error('outer', { cause: new Error('inner', { cause: { message: 'no error object' } }) }), 'inner'],
  [new Error(`${'x'.repeat(199)}yz`), `${'x'.repeat(199)}y`],
  [new Error('with canary-1 in it'), 'with [redacted] in it'],
])('of %j the reason is short, and of the innermost error', (thrown, reason) => {
  expect(networkFailure(thrown, exchange, signal)).toMatchObject({
    message: `Could not ask: no answer from api.example:8443 (${reason})`,
    cause: { message: reason },
  })
})

test.each([
  ...[
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ],
  ...['ERR_SSL_WRONG_VERSION_NUMBER', 'INVALID_CA', 'INVALID_PURPOSE', 'HOSTNAME_MISMATCH'],
])('%s lasts, so it is not retried', (code) => {
  expect(failing(code)).toMatchObject({ isRetryable: false, isRefusal: true })
})

test.each(['ECONNRESET', 'ENOTFOUND', 'EPIPE', 'UND_ERR_SOCKET', 'HPE_INVALID_CONSTANT'])('%s may pass', (code) => {
  expect(failing(code)).toMatchObject({ isRetryable: true })
})

test('a passed time limit leaves open what was accepted, unless nothing was sent', () => {
  expect(timeoutFailure(exchange, 70)).toMatchObject({
    message: 'Could not ask: api.example:8443 did not answer within 70 ms',
    url: 'https://api.example:8443/v1',
    isRefusal: false,
  })
  expect(timeoutFailure(exchange, 70, { isRefusal: true })).toMatchObject({ isRefusal: true })
})

test('an address that cannot be read has no host', () => {
  expect(hostOf('https://a.example:1/b?c')).toBe('a.example:1')
  expect(hostOf('//nothing')).toBe('an address that cannot be read')
})
