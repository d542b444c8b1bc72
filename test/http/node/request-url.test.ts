import fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestUrl } from '../../../src/http/node/request-url.js'

const base = { isSecure: false, host: 'api.example:8080', target: '/v1/models' }

test.each([
  ['api.example', 'http://api.example/v1/models'],
  ['API.example:8080', 'http://API.example:8080/v1/models'],
  ['127.0.0.1:80', 'http://127.0.0.1:80/v1/models'],
  ['[::1]:3000', 'http://[::1]:3000/v1/models'],
  ['my_service', 'http://my_service/v1/models'],
  [undefined, 'http://localhost/v1/models'],
  ['', 'http://localhost/v1/models'],
  ['a b', 'http://localhost/v1/models'],
  ['user:secret@api.example', 'http://localhost/v1/models'],
  ['api.example/evil?', 'http://localhost/v1/models'],
  ['api.example#', 'http://localhost/v1/models'],
  ['api.example\\evil', 'http://localhost/v1/models'],
  ['a, b', 'http://localhost/v1/models'],
  ['api.example:99999', 'http://localhost/v1/models'],
  ['1.2.3.999', 'http://localhost/v1/models'],
  ['[::1', 'http://localhost/v1/models'],
  ['%00', 'http://localhost/v1/models'],
  ['\u00e4.example', 'http://localhost/v1/models'],
])('a Host of %j', (host, expected) => {
  expect(requestUrl({ ...base, host })).toBe(expected)
})

test.each([
  ['/', '/'],
  ['/v1/videos?limit=2&after=a%20b', '/v1/videos?limit=2&after=a%20b'],
  ['//evil.example/v1', '//evil.example/v1'],
  ['*', '/*'],
  ['', '/'],
  ['?a=1', '/?a=1'],
  ['no-slash', '/no-slash'],
  ['ftp://evil.example/', '/ftp://evil.example/'],
  // The bytes of ä in UTF-8, as Node passes them.
  ['/\u00c3\u00a4', '/%C3%A4'],
])('a target of %j', (target, path) => {
  expect(requestUrl({ ...base, target })).toBe(`http://api.example:8080${path}`)
})

test.each([
  ['http://other.example/v1/models?a=1', 'http://other.example/v1/models?a=1'],
  ['HTTPS://other.example', 'http://other.example/'],
  ['http://other.example?a', 'http://other.example/?a'],
  ['http://user:secret@other.example/a', 'http://localhost/a'],
  ['http:///a', 'http://localhost/a'],
])('a target in absolute form: %j', (target, expected) => {
  expect(requestUrl({ ...base, target })).toBe(expected)
})

test('TLS', () => {
  expect(requestUrl({ ...base, isSecure: true })).toBe('https://api.example:8080/v1/models')
})

test('whatever a client sends becomes the URL of a request, at a host that it named or localhost, without a user', () => {
  const hostile = fc.string({ unit: fc.constantFrom(...'aZ0.-_:@/\\?#%[]*, \t\u0000\u00e4\u00ff'), maxLength: 12 })
  const target = fc.oneof(
    hostile,
    hostile.map((rest) => `/${rest}`),
    fc.tuple(hostile, hostile).map(([a, b]) => `http://${a}/${b}`),
  )
  fc.assert(
    fc.property(fc.boolean(), fc.option(hostile, { nil: undefined }), target, (isSecure, host, target) => {
      const { protocol, hostname, username, password } = new URL(
        new Request(requestUrl({ isSecure, host, target })).url,
      )
      expect([protocol, username, password]).toEqual([isSecure ? 'https:' : 'http:', '', ''])
      const named = `${host} ${target}`.toLowerCase()
      const isNamed = named.includes(hostname) || /^[\d.]+$/.test(hostname) || hostname.startsWith('[')
      expect(hostname === 'localhost' || isNamed, hostname).toBe(true)
    }),
  )
})
