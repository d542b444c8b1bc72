import type { BlockList } from 'node:net'

// Ranges that the special-purpose registries of IANA do not call globally reachable, multicast, and retired ranges.
const SPECIAL_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // A public address that one cloud uses for the host's own service.
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
// No address outside of it was ever assigned: loopback, link-local, unique local, multicast and the rest need no
// line.
const GLOBAL_IPV6 = ['2000::/3']
const SPECIAL_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

// Created on first use: lists of addresses and their first check cost a tenth of the import of the library.
let lists: { readonly special: BlockList; readonly globalIpv6: BlockList } | undefined

/**
 * Whether an IPv4 or IPv6 address belongs to the public network: not loopback, private, link-local, carrier-grade, a
 * cloud's metadata service, multicast, for documentation or benchmarks, or reserved. An IPv4 address inside an IPv6
 * one (`::ffff:0:0/96`, `64:ff9b::/96`) is checked as IPv4. A text that is not an address is not public.
 */
export function isPublicAddress(address: string): boolean {
  const plain = withoutZone(address)
  lists ??= { special: addressList([...SPECIAL_IPV4, ...SPECIAL_IPV6]), globalIpv6: addressList(GLOBAL_IPV6) }
  const { special, globalIpv6 } = lists
  if (addressFamily(plain) === 4) return !special.check(plain)
  if (addressFamily(plain) !== 6) return false
  const inner = embeddedIpv4(plain)
  if (inner !== undefined) return !special.check(inner)
  return globalIpv6.check(plain, 'ipv6') && !special.check(plain, 'ipv6')
}

/** 4 or 6 for an IPv4 or IPv6 address, 0 for any other text. */
export function addressFamily(text: string): number {
  return net().isIP(text)
}

/** A list of valid ranges such as `10.0.0.0/8`. */
export function addressList(ranges: readonly string[]): BlockList {
  const list = new (net().BlockList)()
  for (const range of ranges) {
    const [base = '', bits] = range.split('/')
    list.addSubnet(base, Number(bits), addressFamily(base) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Whether a list contains an address; `false` for a text that is not an address. */
export function holdsAddress(list: BlockList, address: string): boolean {
  const plain = withoutZone(address)
  const family = addressFamily(plain)
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

// Loaded at first use, because it slows the import of the library down.
function net() {
  return process.getBuiltinModule('node:net')
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/s, '')
}

function embeddedIpv4(address: string): string | undefined {
  // A URL normalises an IPv6 address to its shortest form.
  const { hostname } = new URL(`http://[${address}]`)
  const pair = /^\[(?:::ffff:|64:ff9b::)([\da-f]{1,4}):([\da-f]{1,4})\]$/.exec(hostname)
  if (pair === null) return undefined
  return pair
    .slice(1)
    .map((hex) => Number.parseInt(hex, 16))
    .flatMap((word) => [word >> 8, word & 255])
    .join('.')
}
