import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDownloader } from '../../../src/upstream/download/downloader.js'
import { isPublicAddress } from '../../../src/upstream/download/public-address.js'
import { loopbackServer } from '../loopback-server.js'
import { rejection } from '../stage-context.js'
import { fetchBytes, lookupOf, portOf } from './fetch-bytes.js'
import { SPELLINGS } from './spellings.js'

// Where names of this machine lead, without asking it.
const { lookup } = lookupOf(['127.0.0.1'])

describe.each([
  ['node:http', {}],
  ['an injected fetch', { fetch: globalThis.fetch }],
] as const)('over %s', (_, transport) => {
  test.each(SPELLINGS)('%j does not reach this machine', async (spelling) => {
    const server = await loopbackServer((_seen, response) => response.end('secret'))
    const port = portOf(server.origin)
    const url = spelling.replace('PORT', String(port))
    const error = await rejection(fetchBytes(url, { allowPorts: [port], lookup, ...transport }))
    expect(error).toMatchObject({ code: 'network', isRetryable: false, isRefusal: true })
    expect(String(error)).toMatch(/ is not a public address on an allowed port; list it in allowPrivateAddresses/)
    expect(server.seen).toEqual([])
  })

  test.each(SPELLINGS.filter((spelling) => !/\[|localhost|255/i.test(spelling)))(
    '%j is this machine: it is reached when it is allowed',
    async (spelling) => {
      const server = await loopbackServer((_seen, response) => response.end('here'))
      const url = spelling.replace('PORT', String(portOf(server.origin)))
      const { bytes } = await fetchBytes(url, { allowPrivateAddresses: true, ...transport })
      expect(String(bytes)).toBe('here')
    },
  )

  test.each(['http://nas/', 'http://a.internal/', 'http://a.local/', 'http://router.home.arpa/'])(
    'the local name %s is not reached',
    async (url) => {
      expect(await rejection(fetchBytes(url, { lookup, ...transport }))).toMatchObject({ isRefusal: true })
    },
  )
})

test.each([
  'http://a:b@127.0.0.1/',
  'http://public.example@127.0.0.1/',
  'file:///a',
  'data:,a',
  'ftp://a.example/',
  'a',
])('%s is not an address for a download', async (url) => {
  expect(await rejection(fetchBytes(url))).toMatchObject({ code: 'upstream-response', isRetryable: false })
})

test('http can be refused', async () => {
  const server = await loopbackServer((_, response) => response.end())
  const options = { schemes: ['https'], allowPrivateAddresses: true } as const
  expect(await rejection(fetchBytes(server.origin, options))).toMatchObject({
    message: expect.stringMatching(/is not plain https$/),
  })
})

describe('spellings of IPv4', () => {
  const number = fc
    .integer({ min: 0, max: 255 })
    .chain((value) => fc.constantFrom(`${value}`, `0${value.toString(8)}`, `0x${value.toString(16)}`))
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255))
  const spelt = fc
    .tuple(octets, fc.constantFrom(10, 8, 16), fc.integer({ min: 1, max: 4 }))
    .map(([four, base, parts]) => {
      const last = four.slice(parts - 1).reduce((sum, octet) => sum * 256 + octet, 0)
      const numbers = [...four.slice(0, parts - 1), last]
      const prefix = { 8: '0', 10: '', 16: '0x' }[base] ?? ''
      return { plain: four.join('.'), host: numbers.map((value) => prefix + value.toString(base)).join('.') }
    })

  test('each is checked as the address that it stands for', async () => {
    // Nothing is sent: what may be reached ends in the lookup of the injected fetch.
    const fetch = async () => new Response(null, { status: 418 })
    const download = createDownloader({ fetch })
    const signal = new AbortController().signal
    await fc.assert(
      fc.asyncProperty(spelt, async ({ plain, host }) => {
        const isReached = await download(`http://${host}/`, { what: 'download the video', signal }).then(
          ({ status }) => status === 418,
          () => false,
        )
        expect(isReached).toBe(isPublicAddress(plain))
      }),
      { numRuns: 500 },
    )
  })

  test('a private network is closed in every mix of bases', async () => {
    const download = createDownloader({ fetch: async () => new Response(null) })
    const signal = new AbortController().signal
    const ten = fc.tuple(fc.constantFrom('10', '012', '0xa', '0XA'), number, number, number)
    await fc.assert(
      fc.asyncProperty(ten, async (numbers) => {
        const error = await rejection(download(`http://${numbers.join('.')}/`, { what: 'download the video', signal }))
        expect(error).toMatchObject({ code: 'network', isRefusal: true })
      }),
    )
  })
})
