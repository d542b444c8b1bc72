import { expect, test } from 'vitest'
import { createAddressGuard } from '../../../src/upstream/download/address-guard.js'

test.each([
  ['https://cdn.example/', true],
  ['http://cdn.example/', true],
  ['https://cdn.example:80/', true],
  ['http://cdn.example:443/', true],
  ['https://cdn.example:8443/', false],
  ['http://localhost/', false],
  ['http://a.localhost/', false],
  ['http://localhost./', false],
  ['http://printer.local/', false],
  ['http://db.internal/', false],
  ['http://router.home.arpa./', false],
  ['http://router/', false],
  ['http://router./', false],
  ['https://notlocalhost.example/', true],
  ['https://local.example/', true],
  ['https://homexarpa.example/', true],
  ['https://a.thelocal.example/', true],
  ['https://mylocal.se/', true],
])('without a lookup, the name of %s may be requested: %s', (url, expected) => {
  expect(createAddressGuard({}).allowsName(new URL(url))).toBe(expected)
})

test('a list and ports of the caller are enforced as well', () => {
  const guard = createAddressGuard({ allowPrivateAddresses: ['db.internal:9000', '10.0.0.0/8'], allowPorts: [8080] })
  const names = ['http://db.internal:9000', 'http://db.internal', 'https://cdn.example:8080', 'https://cdn.example']
  expect(names.map((url) => guard.allowsName(new URL(url)))).toEqual([true, false, true, false])
  expect(guard.allowsAddress(new URL('http://a.example:1'), '10.0.0.1')).toBe(true)
  expect(guard.allowsAddress(new URL('http://a.example:8080'), '8.8.8.8')).toBe(true)
  expect(guard.allowsAddress(new URL('http://a.example'), '8.8.8.8')).toBe(false)
  expect(guard.allowsAddress(new URL('http://a.example:8080'), '192.168.0.1')).toBe(false)
})
