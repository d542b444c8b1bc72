import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loopbackServer } from '../loopback-server.js'
import { rejection } from '../stage-context.js'
import { fetchBytes, lookupOf, portOf } from './fetch-bytes.js'

// 127.0.0.2 stands for the open network: it is listed, and 127.0.0.1 may not be reached.
const guarded = { allowPrivateAddresses: ['127.0.0.2'] }

async function site() {
  const peers: (string | undefined)[] = []
  const server = await loopbackServer((seen, response, { socket }) => {
    peers.push(socket.localAddress?.replace('::ffff:', ''))
    return seen.url === '/again' ? response.writeHead(302, { location: '/end' }).end() : response.end('video')
  }, '0.0.0.0')
  return { peers, server, url: `http://cdn.example:${portOf(server.origin)}/` }
}

describe('a host name', () => {
  test('is looked up once, and the request goes to the address that was checked', async () => {
    const { url, peers, server } = await site()
    const { lookup, asked } = lookupOf(['127.0.0.2'], ['127.0.0.1'])
    expect(String((await fetchBytes(url, { ...guarded, lookup })).bytes)).toBe('video')
    expect([asked, peers]).toEqual([['cdn.example'], ['127.0.0.2']])
    expect(server.seen[0]?.headers.host).toBe(new URL(url).host)
  })

  test('that leads elsewhere at the next hop is checked again', async () => {
    const { url, peers } = await site()
    const { lookup, asked } = lookupOf(['127.0.0.2'], ['127.0.0.1'])
    expect(await rejection(fetchBytes(`${url}again`, { ...guarded, lookup }))).toMatchObject({ isRefusal: true })
    expect([asked, peers]).toEqual([['cdn.example', 'cdn.example'], ['127.0.0.2']])
  })

  test.each([
    [['127.0.0.2', '127.0.0.1']],
    [['127.0.0.1', '127.0.0.2']],
    [['127.0.0.2', '::1']],
    [['127.0.0.2', '::ffff:10.0.0.1']],
    [['127.0.0.2', '169.254.169.254']],
  ])('with one bad address among good ones is not requested: %j', async (addresses) => {
    const { url, peers } = await site()
    const error = await rejection(fetchBytes(url, { ...guarded, lookup: lookupOf(addresses).lookup }))
    expect(error).toMatchObject({ code: 'network', isRetryable: false, isRefusal: true })
    // Where the name leads is nothing that a stranger should learn.
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toMatch(/127\.0\.0|::|169\.254/)
    expect(peers).toEqual([])
  })

  test('that leads nowhere, or cannot be looked up, may be tried again', async () => {
    const { url } = await site()
    const failing = (code: string) => (_: string, __: unknown, done: (error: Error, found: []) => void) =>
      done(Object.assign(new Error(`getaddrinfo ${code}`), { code }), [])
    for (const lookup of [lookupOf([]).lookup, failing('ENOTFOUND'), failing('EAI_AGAIN')]) {
      expect(await rejection(fetchBytes(url, { lookup }))).toMatchObject({ isRetryable: true, isRefusal: true })
    }
  })

  test('that is listed may lead anywhere', async () => {
    const { url, peers } = await site()
    await fetchBytes(url, { allowPrivateAddresses: ['cdn.example'], lookup: lookupOf(['127.0.0.1']).lookup })
    expect(peers).toEqual(['127.0.0.1'])
  })

  test('of an own origin may lead anywhere', async () => {
    const { url, peers } = await site()
    const { lookup } = lookupOf(['127.0.0.1'])
    await fetchBytes(url, { lookup }, { ownOrigin: new URL(url).origin })
    expect(peers).toEqual(['127.0.0.1'])
  })

  test('is requested at a usual port only, unless it is listed', async () => {
    const { lookup } = lookupOf(['93.184.216.34'])
    const error = await rejection(fetchBytes('http://cdn.example:22/', { lookup }))
    expect(error).toMatchObject({ isRefusal: true, message: expect.stringContaining('cdn.example:22') })
  })

  test('is the name in the TLS handshake', async () => {
    const names: string[] = []
    const server = createServer({
      SNICallback(name, done) {
        names.push(name)
        done(new Error('no certificate'))
      },
    })
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const url = `https://cdn.example:${port}/`
    const error = await rejection(fetchBytes(url, { ...guarded, lookup: lookupOf(['127.0.0.2']).lookup }))
    expect(error).toMatchObject({ code: 'network' })
    expect(names).toEqual(['cdn.example'])
  })
})
