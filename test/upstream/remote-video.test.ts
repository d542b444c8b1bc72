import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type RemoteVideoOptions, remoteVideo } from '../../src/upstream/remote-video.js'
import { maskOf } from '../../src/upstream/secret.js'
import { loopbackServer, type SeenRequest, videoBytes } from './loopback-server.js'
import { instantClock, readAll, rejection } from './stage-context.js'

const VIDEO = videoBytes(100_000)
const KEY = 'canary-key-1'
const MP4 = { 'content-type': 'video/mp4' }

function sourceAt(url: string, more: Partial<RemoteVideoOptions> = {}) {
  const get = async () => ({
    headers: { authorization: `Bearer ${KEY}`, 'x-api-key': KEY },
    secrets: [KEY],
    mask: maskOf([KEY]),
  })
  const credentials = { origin: new URL(url).origin, get }
  const allowPrivateAddresses = ['127.0.0.1']
  const options = { isPublic: false, credentials, clock: instantClock(), timeoutMs: 2_000, allowPrivateAddresses }
  return remoteVideo({ url, ...options, ...more })
}

const fileServer = (headers: Record<string, string> = MP4) =>
  loopbackServer((request: SeenRequest, response) => {
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (start >= VIDEO.length) return response.writeHead(416, { 'content-range': `bytes */${VIDEO.length}` }).end()
    const part = VIDEO.subarray(start)
    if (start === 0) return response.writeHead(200, { ...headers, 'content-length': part.length }).end(part)
    const range = `bytes ${start}-${VIDEO.length - 1}/${VIDEO.length}`
    return response.writeHead(206, { ...headers, 'content-range': range, 'content-length': part.length }).end(part)
  })

describe('remoteVideo', () => {
  test('gives the bytes from any offset, with the key, and learns what it is', async () => {
    const server = await fileServer()
    const source = sourceAt(server.origin)
    expect(source).toMatchObject({ isPublic: false, byteLength: undefined, mediaType: undefined })
    for (const offset of [0, 1, 50_000, 99_999, 100_000]) {
      expect((await readAll(await source.open({ offset }))).equals(VIDEO.subarray(offset))).toBe(true)
    }
    expect(source).toMatchObject({ byteLength: 100_000, mediaType: 'video/mp4' })
    expect(server.seen.map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=1-',
      'bytes=50000-',
      'bytes=99999-',
      'bytes=100000-',
    ])
    expect(server.seen.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true)
  })

  test('a server that ignores ranges: the bytes before the offset are dropped', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, MP4).end(VIDEO)
    })
    const bytes = await readAll(await sourceAt(server.origin).open({ offset: 70_001 }))
    expect(bytes.equals(VIDEO.subarray(70_001))).toBe(true)
  })

  test('the key is not sent to another origin on a redirect, nor on the way back', async () => {
    const home = await loopbackServer((request, response) => {
      if (request.url === '/start') return response.writeHead(302, { location: `${away.origin}/hop` }).end()
      return response.writeHead(200, MP4).end(VIDEO)
    })
    const away = await loopbackServer((_, response) => {
      response.writeHead(307, { location: `${home.origin}/end` }).end()
    })
    await readAll(await sourceAt(`${home.origin}/start`).open())
    expect(home.seen[0]?.headers['x-api-key']).toBe(KEY)
    expect([away.seen[0]?.headers, home.seen[1]?.headers]).toMatchObject([{ accept: expect.any(String) }, {}])
    expect(JSON.stringify([away.seen[0]?.headers, home.seen[1]?.headers])).not.toContain(KEY)
  })

  test.each(['application/json', 'video/mp4', 'application/octet-stream'])(
    'follows an address inside an answer of type %s, without the key',
    async (type) => {
      const store = await fileServer()
      const server = await loopbackServer((_, response) => {
        response.writeHead(200, { 'content-type': type }).end(JSON.stringify({ url: `${store.origin}/a` }))
      })
      expect((await readAll(await sourceAt(server.origin).open())).equals(VIDEO)).toBe(true)
      expect(store.seen[0]?.headers.authorization).toBeUndefined()
      const source = sourceAt(server.origin)
      await readAll(await source.open())
      expect((await readAll(await source.open({ offset: 60_000 }))).equals(VIDEO.subarray(60_000))).toBe(true)
    },
  )

  test.each([
    ['application/json', '{"detail":"no"}', 'JSON without a video'],
    ['application/json', 'not even JSON', 'JSON without a video'],
    ['text/html', '<html></html>', 'a page'],
    ['video/mp4', '  <!doctype html>', 'a page'],
    ['application/octet-stream', 'something else entirely', 'JSON without a video'],
    ['video/mp4', '', 'JSON without a video'],
  ])('refuses a %s body %j', async (type, body, problem) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': type }).end(body)
    })
    expect(await rejection(sourceAt(server.origin).open())).toMatchObject({
      code: 'upstream-response',
      message: expect.stringContaining(problem.replace('JSON without a video', type.endsWith('json') ? 'JSON' : 'no')),
    })
  })

  test('an address that leads to an address is followed once', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ url: `${server.origin}/b` }))
    })
    expect(await rejection(sourceAt(server.origin).open())).toMatchObject({ code: 'upstream-response' })
    expect(server.seen.length).toBe(2)
  })

  test('takes the type from the first bytes where the server does not declare it', async () => {
    const server = await fileServer({})
    const source = sourceAt(server.origin)
    await readAll(await source.open())
    expect(source.mediaType).toBe('video/mp4')
  })

  test.each([400, 404, 409])('waits for a video that is missing (%i), within a bound', async (status) => {
    let misses = 2
    const server = await loopbackServer((_, response) => {
      misses -= 1
      if (misses >= 0) return response.writeHead(status).end('no such file')
      return response.writeHead(200, MP4).end(VIDEO)
    })
    const clock = instantClock()
    await readAll(await sourceAt(server.origin, { clock }).open())
    expect(clock.waits).toEqual([500, 1_000])
    misses = 99
    const error = await rejection(sourceAt(server.origin, { clock }).open())
    expect(error).toMatchObject({ status, bodyExcerpt: 'no such file' })
    expect(clock.waits.length).toBe(9)
  })

  test('messages of a foreign host are not repeated', async () => {
    const away = await loopbackServer((_, response) => {
      response.writeHead(500).end('internal page of another network')
    })
    const home = await loopbackServer((_, response) => {
      response.writeHead(302, { location: away.origin }).end()
    })
    expect(await rejection(sourceAt(home.origin).open())).toMatchObject({ status: 500, bodyExcerpt: '' })
    const stranger = sourceAt(away.origin, { isPublic: true, credentials: undefined })
    expect(await rejection(stranger.open())).toMatchObject({ status: 500, bodyExcerpt: '' })
    expect(away.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  test('a body that is cut is an error, and continues at the last good byte', async () => {
    const server = await loopbackServer((request, response) => {
      if (request.headers.range !== undefined) {
        const start = Number(/\d+/.exec(request.headers.range)?.[0])
        const range = `bytes ${start}-${VIDEO.length - 1}/${VIDEO.length}`
        return response.writeHead(206, { ...MP4, 'content-range': range }).end(VIDEO.subarray(start))
      }
      response.writeHead(200, { ...MP4, 'content-length': VIDEO.length })
      return response.write(VIDEO.subarray(0, 30_000), () => response.socket?.destroy())
    })
    const source = sourceAt(server.origin)
    const got: Uint8Array[] = []
    const error = await rejection(
      (async () => {
        for await (const chunk of await source.open()) got.push(chunk)
      })(),
    )
    expect(error).toMatchObject({ code: 'network', isRetryable: true })
    expect(inspect(error, { depth: 9 })).not.toContain('canary')
    const head = Buffer.concat(got)
    const rest = await readAll(await source.open({ offset: head.length }))
    expect(Buffer.concat([head, rest]).equals(VIDEO)).toBe(true)
  })

  test('a short body of an injected fetch is an error too', async () => {
    const fetch = async () =>
      new Response(new Uint8Array(VIDEO.subarray(0, 900)), { headers: { ...MP4, 'content-length': '1000' } })
    const stream = await sourceAt('http://a.example', { fetch }).open()
    expect(await rejection(readAll(stream))).toMatchObject({ message: expect.stringContaining('900 of 1000 bytes') })
  })

  test.each([
    [{ 'content-range': 'bytes 0-9/10' }, 'a different range'],
    [{}, 'a different range'],
    [{ 'content-range': 'bytes 10-99999/100001' }, 'another file'],
    [{ 'content-range': 'bytes 10-99999/100000', etag: '"b"' }, 'another file'],
  ])('never adds bytes of something else: %j', async (headers, problem) => {
    const server = await loopbackServer((request, response) => {
      if (request.headers.range === undefined) {
        return response.writeHead(200, { ...MP4, etag: '"a"', 'content-length': VIDEO.length }).end(VIDEO)
      }
      return response.writeHead(206, { ...MP4, ...headers }).end(VIDEO.subarray(10))
    })
    const source = sourceAt(server.origin)
    await readAll(await source.open())
    expect(await rejection(source.open({ offset: 10 }))).toMatchObject({ message: expect.stringContaining(problem) })
    expect(server.seen[1]?.headers['if-range']).toBe('"a"')
  })
})
