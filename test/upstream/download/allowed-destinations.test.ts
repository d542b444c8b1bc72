import { describe, expect, test } from 'vitest'
import {
  allowedDestinations,
  allowPrivateAddressesProblem,
} from '../../../src/upstream/download/allowed-destinations.js'

describe('allowedDestinations', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', 8080, '127.0.0.1', true],
    ['127.0.0.1', 'name.example', 8080, '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.1', 8080, '127.0.0.2', true],
    ['127.0.0.1', 'name.example', 80, '127.0.0.2', false],
    ['127.1', '127.0.0.1', 80, '127.0.0.1', true],
    ['127.0.0.1:8080', '127.0.0.1', 8080, '127.0.0.1', true],
    ['127.0.0.1:8080', '127.0.0.1', 8081, '127.0.0.1', false],
    ['10.0.0.0/8', 'name.example', 9000, '10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', 80, '11.0.0.1', false],
    ['10.0.0.0/8', 'name.example', 9000, '::ffff:10.1.2.3', true],
    ['Cdn.Internal', 'cdn.internal', 1234, undefined, true],
    ['cdn.internal', 'cdn.internal', 1234, '10.0.0.1', true],
    ['cdn.internal', 'a.cdn.internal', 80, undefined, false],
    ['cdn.internal:80', 'cdn.internal', 443, undefined, false],
    ['::1', '[::1]', 80, '::1', true],
    ['[::1]:80', '[::1]', 81, '::1', false],
    ['fd00::/8', 'name.example', 80, 'fd12::1', true],
    ['fd00::/8', 'name.example', 80, 'not an address', false],
    ['10.0.0.1/32', 'name.example', 80, '10.0.0.1', true],
    ['10.0.0.1/32', 'name.example', 80, '10.0.0.2', false],
    ['::1/128', 'name.example', 80, '::1', true],
    ['fe80::1', 'name.example', 80, 'fe80::1%eth0', true],
    ['10.0.0.0/8', 'name.example', 80, undefined, false],
    ['a.example:1', 'a.example', 1, undefined, true],
    ['a.example:65535', 'a.example', 65_535, undefined, true],
  ])('%s: %s at port %i, which is %s: %s', (entry, hostname, port, address, isAllowed) => {
    expect(allowedDestinations([entry])(hostname, port, address)).toBe(isAllowed)
  })

  test('nothing by default, and everything when configured', () => {
    const ask = (allowed: boolean | readonly string[] | undefined) => allowedDestinations(allowed)('a.example', 80)
    expect([undefined, false, [], true].map(ask)).toEqual([false, false, false, true])
  })
})

describe('allowPrivateAddressesProblem', () => {
  test.each([
    [undefined],
    [true],
    [false],
    [[]],
    [['127.0.0.1', 'a.example:8080', '[::1]:1', '::1', '10.0.0.0/8', '::/0']],
  ])('%j is valid', (value) => expect(allowPrivateAddressesProblem(value)).toBeUndefined())

  test.each([
    ['127.0.0.1', 'allowPrivateAddresses'],
    [1, 'allowPrivateAddresses'],
    [['a.example', 7], 'allowPrivateAddresses[1]'],
    [[''], 'allowPrivateAddresses[0]'],
    [['http://127.0.0.1:80'], 'allowPrivateAddresses[0]'],
    [['10.0.0.0/33'], 'allowPrivateAddresses[0]'],
    [['::1/129'], 'allowPrivateAddresses[0]'],
    [['a.example/8'], 'allowPrivateAddresses[0]'],
    [['a.example:0'], 'allowPrivateAddresses[0]'],
    [['a.example:65536'], 'allowPrivateAddresses[0]'],
    [['user@a.example'], 'allowPrivateAddresses[0]'],
    [['999.1.1.1'], 'allowPrivateAddresses[0]'],
    [['a.example', '10.0.0.0/8/8'], 'allowPrivateAddresses[1]'],
    [['a.example/b'], 'allowPrivateAddresses[0]'],
    [['a b'], 'allowPrivateAddresses[0]'],
    [['a.example:80x'], 'allowPrivateAddresses[0]'],
    [['[::1'], 'allowPrivateAddresses[0]'],
    [{ length: 1 }, 'allowPrivateAddresses'],
  ])('%j is reported', (value, field) => {
    const fix = 'give true, or hosts ("127.0.0.1"), hosts with a port ("127.0.0.1:8080") and ranges ("10.0.0.0/8")'
    expect(allowPrivateAddressesProblem(value)).toMatchObject({ field, fix })
    expect(() => allowedDestinations(Array.isArray(value) ? value.map(String) : undefined)).not.toThrow()
  })
})
