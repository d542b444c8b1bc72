import { describe, expect, test } from 'vitest'
import { proveVideo } from '../../src/upstream/prove-video.js'
import { eventually } from '../support/eventually.js'
import { loopbackServer, type SeenRequest, videoBytes } from './loopback-server.js'
import { rejection } from './stage-context.js'

const VIDEO = videoBytes(5_000)
const signal = new AbortController().signal
const prove = (url: string, more: Partial<Parameters<typeof proveVideo>[0]> = {}) =>
  proveVideo({ url, ownOrigin: new URL(url).origin, timeoutMs: 2_000, minBytes: 1, signal, ...more })

interface Faults {
  readonly head?: number | 'lies'
  readonly get?: number
  readonly type?: string
  readonly body?: Buffer
  readonly ignoresRange?: true
}

async function mirror({ head = 200, get = 200, type = 'video/mp4', body = VIDEO, ignoresRange }: Faults) {
  return loopbackServer((request: SeenRequest, response) => {
    if (request.method === 'HEAD') {
      const headers =
        head === 'lies' ? { 'content-type': 'text/plain' } : { 'content-type': type, 'content-length': body.length }
      return response.writeHead(head === 'lies' ? 200 : head, headers).end()
    }
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '')
    if (range === null || ignoresRange || get !== 200) {
      return response.writeHead(get, { 'content-type': type, 'content-length': body.length }).end(body)
    }
    const part = body.subarray(Number(range[1]), Number(range[2]) + 1)
    const contentRange = `bytes ${range[1]}-${Number(range[1]) + part.length - 1}/${body.length}`
    return response.writeHead(206, { 'content-type': type, 'content-range': contentRange }).end(part)
  })
}

const methods = (seen: readonly SeenRequest[]) => seen.map(({ method, headers }) => headers.range ?? method)

describe('proveVideo', () => {
  test('HEAD is enough when it has the type and the length', async () => {
    const server = await mirror({})
    expect(await prove(server.origin)).toEqual({ mediaType: 'video/mp4', byteLength: 5_000 })
    expect(methods(server.seen)).toEqual(['HEAD'])
  })

  test.each([403, 405, 501, 400, 500, 'lies'] as const)('requests the first byte when HEAD gives %s', async (head) => {
    const server = await mirror({ head })
    expect(await prove(server.origin)).toEqual({ mediaType: 'video/mp4', byteLength: 5_000 })
    expect(methods(server.seen).at(-1)).toBe(head === 'lies' ? 'bytes=0-31' : 'bytes=0-0')
  })

  test.each([200, 405])('reads the first bytes where the type is general and HEAD gives %i', async (head) => {
    const server = await mirror({ head, type: 'application/octet-stream' })
    expect(await prove(server.origin)).toEqual({ mediaType: 'video/mp4', byteLength: 5_000 })
    expect(methods(server.seen).at(-1)).toBe('bytes=0-31')
  })

  test('accepts a server that ignores ranges, and does not read on', async () => {
    const server = await mirror({ head: 405, ignoresRange: true })
    expect(await prove(server.origin)).toEqual({ mediaType: 'video/mp4', byteLength: 5_000 })
  })

  test.each([
    [{ type: 'text/html', body: Buffer.from('<html>gone</html>') }, 'a page'],
    [{ head: 405, body: Buffer.from('<html>gone</html>') }, 'a page'],
    [{ head: 405, type: 'application/octet-stream', body: Buffer.from('{"a":1}') }, 'something other than a video'],
    [{ head: 405, body: Buffer.alloc(0) }, 'nothing'],
    [{ body: Buffer.alloc(0) }, 'nothing'],
  ] as const)('%j is not a video', async (faults, what) => {
    const error = await rejection(prove((await mirror(faults)).origin))
    expect(error).toMatchObject({ code: 'upstream-response', message: expect.stringContaining(what) })
  })

  test('a video can be too small', async () => {
    const server = await mirror({})
    expect(await rejection(prove(server.origin, { minBytes: 5_001 }))).toMatchObject({
      message: expect.stringContaining('only 5000 bytes'),
    })
    expect(await prove(server.origin, { minBytes: 5_000 })).toMatchObject({ byteLength: 5_000 })
  })

  test.each([
    [{ head: 404 }, 404],
    [{ head: 410 }, 410],
    [{ head: 405, get: 404 }, 404],
  ])('%j fails with its status', async (faults, status) => {
    expect(await rejection(prove((await mirror(faults)).origin))).toMatchObject({ code: 'upstream-http', status })
  })

  test('follows redirects and keeps its headers from strangers', async () => {
    const store = await mirror({})
    const server = await loopbackServer((_, response) => {
      response.writeHead(302, { location: `${store.origin}/file` }).end()
    })
    const headers = { 'x-key': 'canary-1' }
    const allowPrivateAddresses = ['127.0.0.1']
    expect(await prove(`${server.origin}/a`, { headers, allowPrivateAddresses })).toMatchObject({ byteLength: 5_000 })
    expect(server.seen[0]?.headers['x-key']).toBe('canary-1')
    expect(store.seen[0]?.headers['x-key']).toBeUndefined()
  })

  test.each([
    ['/again', 'redirects'],
    ['ftp://a.example/', 'not plain http'],
    ['http://user:canary-2@a.example/', 'not plain http'],
    [undefined, 'without an address'],
  ])('does not follow to %s', async (location, problem) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(302, location === undefined ? {} : { location }).end()
    })
    const error = await rejection(prove(server.origin))
    expect(error).toMatchObject({
      code: 'upstream-response',
      isRetryable: false,
      message: expect.stringContaining(problem),
    })
    expect(String(error)).not.toContain('canary')
    expect(server.seen.length).toBe(location === '/again' ? 6 : 1)
  })

  test('accepts videos by media type, and closes what it did not read', async () => {
    const server = await loopbackServer((request, response) => {
      if (request.method === 'HEAD') return response.writeHead(405).end()
      return response.writeHead(206, { 'content-type': 'video/mp4' }).write(VIDEO)
    })
    expect(await prove(server.origin)).toEqual({ mediaType: 'video/mp4' })
    expect(server.seen.map(({ method, headers }) => [method, headers.accept])).toEqual([
      ['HEAD', 'video/*,*/*;q=0.5'],
      ['GET', 'video/*,*/*;q=0.5'],
    ])
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  test.each([
    [{ type: 'application/octet-stream', body: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') }],
    [{ type: 'image/png', body: Buffer.from('\x89PNG\r\n\x1a\n', 'latin1') }],
    [{ type: 'text/html', body: VIDEO }],
  ])('a file of another type than declared is refused: %j', async (faults) => {
    expect(await rejection(prove((await mirror({ head: 405, ...faults })).origin))).toMatchObject({
      code: 'upstream-response',
    })
  })

  test.each([401, 429, 502, 503, 504])('a %i to HEAD is the answer', async (head) => {
    const server = await mirror({ head })
    expect(await rejection(prove(server.origin))).toMatchObject({ status: head })
    expect(methods(server.seen)).toEqual(['HEAD'])
  })

  test('ends with the time limit, and with an abort', async () => {
    const server = await loopbackServer(() => undefined)
    expect(await rejection(prove(server.origin, { timeoutMs: 40 }))).toMatchObject({ code: 'network' })
    const controller = new AbortController()
    const waiting = rejection(prove(server.origin, { signal: controller.signal }))
    controller.abort('enough')
    expect(await waiting).toBe('enough')
  })
})
