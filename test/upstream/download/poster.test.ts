import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createPoster, type PosterOptions } from '../../../src/upstream/download/poster.js'
import { allClosed, loopbackServer } from '../loopback-server.js'
import { rejection } from '../stage-context.js'
import { lookupOf, portOf } from './fetch-bytes.js'
import { SPELLINGS } from './spellings.js'

const allowed = { allowPrivateAddresses: ['127.0.0.1'] }
const BODY = Buffer.from('{"a":"ü"}')

function post(url: string, options: PosterOptions = allowed, signal = new AbortController().signal) {
  const headers = { 'content-type': 'application/json', 'x-one': 'two' }
  return createPoster(options)(url, { what: 'deliver the webhook', headers, body: BODY, signal })
}

describe.each([
  ['node:http', {}],
  ['an injected fetch', { fetch: globalThis.fetch }],
] as const)('over %s', (_, transport) => {
  test('the body and the headers arrive unchanged, and the answer is its status and headers', async () => {
    const server = await loopbackServer((_seen, response) =>
      response.writeHead(202, { 'retry-after': '7' }).end('text'),
    )
    const { status, headers } = await post(`${server.origin}/a?b=c`, { ...allowed, ...transport })
    expect([status, headers.get('retry-after')]).toEqual([202, '7'])
    const [seen] = server.seen
    expect(seen).toMatchObject({ method: 'POST', url: '/a?b=c', body: BODY })
    expect(seen?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(BODY.length),
      'x-one': 'two',
    })
  })

  test.each(SPELLINGS)('%j does not reach this machine', async (spelling) => {
    const server = await loopbackServer((_seen, response) => response.end())
    const { lookup } = lookupOf(['127.0.0.1'])
    const port = portOf(server.origin)
    const error = await rejection(
      post(spelling.replace('PORT', String(port)), { allowPorts: [port], lookup, ...transport }),
    )
    expect(error).toMatchObject({ code: 'network', isRetryable: false, isRefusal: true })
    expect(server.seen).toEqual([])
    expect(server.sockets.size).toBe(0)
  })

  test.each([301, 302, 303, 307, 308])('a redirect by %i is an answer, and not followed', async (status) => {
    const server = await loopbackServer((_seen, response) => response.writeHead(status, { location: '/secret' }).end())
    expect((await post(server.origin, { ...allowed, ...transport })).status).toBe(status)
    expect(server.seen).toHaveLength(1)
  })

  test('an abort closes the connection at once', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const server = await loopbackServer(() => controller.abort(reason))
    expect(await rejection(post(server.origin, { ...allowed, ...transport }, controller.signal))).toBe(reason)
    await allClosed(server)
  })

  test('nothing is sent after an abort', async () => {
    const server = await loopbackServer((_seen, response) => response.end())
    expect(await rejection(post(server.origin, { ...allowed, ...transport }, AbortSignal.abort('enough')))).toBe(
      'enough',
    )
    expect([server.seen, server.sockets.size]).toEqual([[], 0])
  })

  test('a server that does not answer is given up', async () => {
    const server = await loopbackServer(() => undefined)
    const error = await rejection(post(server.origin, { ...allowed, ...transport, headerTimeoutMs: 100 }))
    expect(error).toMatchObject({ code: 'network', message: expect.stringMatching(/did not answer within 100 ms$/) })
    await allClosed(server)
  })

  test('an endless body is left after a while', async () => {
    let sent = 0
    const server = await loopbackServer((_seen, response) => {
      const chunk = Buffer.alloc(65_536)
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
        sent += chunk.length
      }
      response.on('drain', more).on('error', () => undefined)
      more()
    })
    expect((await post(server.origin, { ...allowed, ...transport })).status).toBe(200)
    await allClosed(server)
    // What the sockets between the two hold comes on top of what is read.
    expect(sent).toBeLessThan(20_000_000)
  })
})

test('a slow body does not delay the answer for long', async () => {
  const server = await loopbackServer((_seen, response) => void response.write('a'))
  const startedAt = performance.now()
  expect((await post(server.origin)).status).toBe(200)
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  await allClosed(server)
})

test('an abort while the body is discarded ends that, and the answer is still known', async () => {
  // So that nothing but the abort can end it.
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const controller = new AbortController()
  let isCancelled = false
  const stream = {
    pull: () => controller.abort(),
    cancel() {
      isCancelled = true
    },
  }
  const body = new ReadableStream<Uint8Array>(stream, { highWaterMark: 0 })
  const fetch = async () => new Response(body, { status: 201 })
  expect((await post('https://a.example/', { fetch }, controller.signal)).status).toBe(201)
  expect(isCancelled).toBe(true)
})

test('a name that leads to a good address now and to a bad one later is requested once, at the address that was checked', async () => {
  const peers: (string | undefined)[] = []
  const server = await loopbackServer((_seen, response, { socket }) => {
    peers.push(socket.localAddress?.replace('::ffff:', ''))
    response.end()
  }, '0.0.0.0')
  const { lookup, asked } = lookupOf(['127.0.0.2'], ['127.0.0.1'])
  const options = { allowPrivateAddresses: ['127.0.0.2'], lookup }
  const url = `http://hooks.example:${portOf(server.origin)}/`
  expect((await post(url, options)).status).toBe(200)
  expect([asked, peers]).toEqual([['hooks.example'], ['127.0.0.2']])
  expect(await rejection(post(url, options))).toMatchObject({ isRefusal: true, isRetryable: false })
  expect(peers).toEqual(['127.0.0.2'])
})

test('no error has more of the address than its host', async () => {
  const server = await loopbackServer((_seen, _response, { socket }) => socket.destroy())
  const path = '/canary-path?token=canary-token'
  const errors = [
    await rejection(post(`${server.origin}${path}`)),
    await rejection(post(`http://127.0.0.1:1${path}`)),
    await rejection(post(`http://127.0.0.2:1${path}`)),
    await rejection(post(`ftp://a.example${path}`)),
    await rejection(post(`http://canary-user:canary-word@a.example${path}`)),
    await rejection(post(`canary-1${path}`)),
    await rejection(post(`http://a.example${path}`, { lookup: lookupOf([]).lookup })),
    await rejection(post(`https://127.0.0.1:${portOf(server.origin)}${path}`)),
  ]
  for (const error of errors) {
    expect(error).toHaveProperty('code')
    expect(`${inspect(error, { depth: 12, showHidden: true })}${JSON.stringify(error)}`).not.toContain('canary')
  }
})
