import { describe, expect, test } from 'vitest'
import { loopbackServer } from '../loopback-server.js'
import { rejection } from '../stage-context.js'
import { fetchBytes, lookupOf, portOf } from './fetch-bytes.js'

// 127.0.0.2 stands for the open network: it is listed, and 127.0.0.1 may not be reached.
const OPEN = '127.0.0.2'
const guarded = { allowPrivateAddresses: [OPEN] }

/** A secret on 127.0.0.1, and a public server that leads somewhere. */
async function leadTo(location: string | ((secret: string) => string)) {
  const server = await loopbackServer((seen, response) => {
    if (seen.headers.host?.startsWith('127.0.0.1') || seen.url === '/secret') return response.end('secret')
    const target = typeof location === 'string' ? location : location(`127.0.0.1:${portOf(server.origin)}/secret`)
    return response.writeHead(302, { location: target }).end()
  }, '0.0.0.0')
  const hits = () => server.seen.filter(({ url }) => url === '/secret').length
  return { server, hits, start: `http://${OPEN}:${portOf(server.origin)}/start` }
}

describe('a redirect', () => {
  test.each<[string, (secret: string) => string]>([
    ['to a private literal', (secret) => `http://${secret}`],
    ['to a number', (secret) => `http://${secret.replace('127.0.0.1', '2130706433')}`],
    ['to a mapped address', (secret) => `http://${secret.replace('127.0.0.1', '[::ffff:127.0.0.1]')}`],
    ['to a name that leads to it', (secret) => `http://${secret.replace('127.0.0.1', 'inside.example')}`],
    ['without a scheme', (secret) => `//${secret}`],
  ])('%s is not followed', async (_, location) => {
    const { start, hits } = await leadTo(location)
    const { lookup } = lookupOf(['127.0.0.1'])
    expect(await rejection(fetchBytes(start, { ...guarded, lookup }))).toMatchObject({
      code: 'network',
      isRetryable: false,
      message: expect.stringContaining('allowPrivateAddresses'),
    })
    expect(hits()).toBe(0)
  })

  test('in two hops to a private address is not followed', async () => {
    const { start: second, hits } = await leadTo((secret) => `http://${secret}`)
    const { start } = await leadTo(second)
    expect(await rejection(fetchBytes(start, guarded))).toMatchObject({ isRefusal: true })
    expect(hits()).toBe(0)
  })

  test.each(['file:///etc/hostname', 'data:,a', 'gopher://a.example/', 'http://user:canary-1@a.example/', undefined])(
    'to %s is not followed',
    async (location) => {
      const server = await loopbackServer((_, response) => {
        response.writeHead(301, location === undefined ? {} : { location }).end()
      })
      const error = await rejection(fetchBytes(server.origin, { allowPrivateAddresses: true }))
      expect(error).toMatchObject({ code: 'upstream-response', isRetryable: false })
      expect(String(error)).not.toContain('canary')
    },
  )

  test('in a circle ends after five', async () => {
    const { start, server } = await leadTo('/start')
    expect(await rejection(fetchBytes(start, guarded))).toMatchObject({
      message: expect.stringContaining('more than 5 redirects'),
    })
    expect(server.seen).toHaveLength(6)
  })

  test.each([301, 302, 303, 307, 308])('by %i is followed to where it may lead, five times', async (status) => {
    const server = await loopbackServer(({ url }, response) => {
      const step = Number(url.slice(1))
      return step < 5 ? response.writeHead(status, { location: `/${step + 1}` }).end('moved') : response.end('there')
    })
    const { bytes, url } = await fetchBytes(`${server.origin}/0`, { allowPrivateAddresses: ['127.0.0.1'] })
    expect([String(bytes), url.pathname]).toEqual(['there', '/5'])
  })

  test('from https to http is not followed', async () => {
    const fetch = async () => new Response(null, { status: 302, headers: { location: 'http://a.example/' } })
    expect(await rejection(fetchBytes('https://a.example/', { fetch }))).toMatchObject({
      message: expect.stringMatching(/a redirect from https to http$/),
    })
  })

  test('of an own origin leads to no private address, and the own origin is a stranger on the way back', async () => {
    const { start, hits, server } = await leadTo((secret) => `http://${secret}`)
    const ownOrigin = new URL(start).origin
    expect(await rejection(fetchBytes(start, {}, { ownOrigin }))).toMatchObject({ isRefusal: true })
    expect(hits()).toBe(0)
    expect(server.seen).toHaveLength(1)
    const away = await loopbackServer((_, response) =>
      response.writeHead(302, { location: `${ownOrigin}/secret` }).end(),
    )
    const { start: first } = await leadTo(away.origin)
    const back = await rejection(
      fetchBytes(first, { allowPrivateAddresses: ['127.0.0.1'] }, { ownOrigin: new URL(first).origin }),
    )
    expect(back).toMatchObject({ isRefusal: true })
    expect(hits()).toBe(0)
  })
})

describe('headers', () => {
  const SECRETS = [
    'authorization',
    'Cookie',
    'X-Api-Key',
    'api-key',
    'x-goog-api-key',
    'x-auth-token',
    'x-amz-security-token',
    'proxy-authorization',
    'x-anything',
  ]
  const credentials = Object.fromEntries(SECRETS.map((name) => [name, 'canary-1']))
  const plain = { range: 'bytes=0-', 'If-Range': '"a"', accept: 'video/*' }

  test.each(['headers', 'ownHeaders'] as const)(
    'of %s: another origin sees none that could be a credential, and no origin sees them after it',
    async (field) => {
      const home = await loopbackServer((seen, response) => {
        return seen.url === '/' ? response.writeHead(302, { location: away.origin }).end() : response.end()
      })
      const away = await loopbackServer((_, response) =>
        response.writeHead(307, { location: `${home.origin}/end` }).end(),
      )
      const request = { ownOrigin: home.origin, headers: plain, [field]: { ...plain, ...credentials } }
      await fetchBytes(home.origin, { allowPrivateAddresses: true }, request)
      expect(JSON.stringify(home.seen[0]).match(/canary-1/g)).toHaveLength(SECRETS.length)
      for (const stranger of [away.seen[0], home.seen[1]]) {
        expect(Object.keys(stranger?.headers ?? {}).sort()).toEqual(
          ['accept', 'accept-encoding', 'connection', 'host', 'if-range', 'range', 'user-agent'].sort(),
        )
        expect(JSON.stringify(stranger)).not.toContain('canary')
      }
    },
  )

  test('only the plain ones are sent to a stranger', async () => {
    const server = await loopbackServer((_, response) => response.end())
    const ownHeaders = { ...credentials, 'user-agent': 'canary-1' }
    const request = { headers: { ...plain, ...credentials }, ownHeaders, ownOrigin: 'https://api.example' }
    await fetchBytes(server.origin, { allowPrivateAddresses: true }, request)
    expect(JSON.stringify(server.seen)).not.toContain('canary')
    expect(server.seen[0]?.headers).toMatchObject({
      range: 'bytes=0-',
      'if-range': '"a"',
      'accept-encoding': 'identity',
    })
  })
})
