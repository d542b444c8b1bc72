import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../../src/upstream/download/public-address.js'

describe('isPublicAddress', () => {
  test.each([
    ['this network', '0.0.0.0', '0.255.255.255'],
    ['private', '10.0.0.0', '10.255.255.255'],
    ['carrier-grade', '100.64.0.0', '100.127.255.255', '100.100.100.200'],
    ['loopback', '127.0.0.1', '127.255.255.255', '::1', '0:0:0:0:0:0:0:1'],
    ['link-local and metadata', '169.254.0.0', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
    ['metadata elsewhere', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254'],
    ['private', '172.16.0.0', '172.31.255.255', '192.168.0.1', 'fc00::1', 'fdff::1', 'fec0::1'],
    ['protocols', '192.0.0.1', '192.88.99.1', '2001::1', '2001:1ff::1'],
    ['benchmarks', '198.18.0.1', '198.19.255.255', '2001:2::1'],
    ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
    ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
    ['reserved', '240.0.0.1', '255.255.255.255', '5f00::1', '100::1', '4000::1'],
    ['unspecified', '::', '0.0.0.0'],
    ['mapped', '::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:10.0.0.1', '0:0:0:0:0:ffff:c0a8:0001'],
    ['compatible', '::127.0.0.1', '::808:808'],
    ['translated', '64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b::0.0.0.1', '64:ff9b:1::808:808', '2002:808:808::1'],
    ['no address', '', 'cdn.example', '127.1', '256.0.0.1', '::g'],
  ])('%s: not public', (_, ...addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([])
  })

  test.each([
    [
      'just outside of the ranges',
      '1.0.0.0',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.1.1.1',
    ],
    ['just outside of the ranges', '128.0.0.0', '169.253.1.1', '169.255.1.1', '172.15.255.255', '172.32.0.0'],
    ['just outside of the ranges', '192.167.255.255', '192.169.0.0', '198.17.1.1', '198.20.0.0', '223.255.255.255'],
    ['IPv6', '2606:4700:4700::1111', '2001:200::1', '2003::1', '3ffe::1'],
    ['inside IPv6', '::ffff:8.8.8.8', '64:ff9b::808:808', '64:ff9b::8.8.8.8'],
  ])('%s: public', (_, ...addresses) => {
    expect(addresses.filter((address) => !isPublicAddress(address))).toEqual([])
  })

  test('an IPv4 address inside an IPv6 one counts as itself', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.constantFrom('::ffff:', '64:ff9b::'), (address, prefix) => {
        expect(isPublicAddress(prefix + address)).toBe(isPublicAddress(address))
      }),
    )
  })
})
