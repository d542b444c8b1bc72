import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/contracts/clock.js'
import { readVideo } from '../../src/strategies/uploaders/read-video.js'
import { type RemoteVideoOptions, remoteVideo } from '../../src/upstream/remote-video.js'
import { maskOf } from '../../src/upstream/secret.js'
import { eventually } from '../support/eventually.js'
import { deadOrigin, loopbackServer, videoBytes } from './loopback-server.js'
import { instantClock, readAll, rejection } from './stage-context.js'

const VIDEO = videoBytes(1_000)
const MP4 = { 'content-type': 'video/mp4' }

function sourceAt(url: string, more: Partial<RemoteVideoOptions> = {}) {
  const own = { url, isPublic: true, ownOrigin: new URL(url).origin, clock: instantClock(), timeoutMs: 2_000 }
  return remoteVideo({ ...own, ...more })
}

describe('the description of a source', () => {
  test('is its address, unless that is a key, and when it expires, where that is known', () => {
    expect(sourceAt('http://a.example/v')).toMatchObject({ url: 'http://a.example/v', isPublic: true })
    expect(sourceAt('http://a.example/v', { isUrlSecret: true })).not.toHaveProperty('url')
    expect(sourceAt('http://a.example/v')).not.toHaveProperty('expiresAt')
    expect(sourceAt('http://a.example/v', { expiresAt: 5, mediaType: 'video/webm' })).toMatchObject({
      expiresAt: 5,
      mediaType: 'video/webm',
    })
  })
})

describe('a server that is busy or away', () => {
  test('is retried after a reset and a 503, with longer waits', async () => {
    const server = await loopbackServer((_, response) => {
      if (server.seen.length === 1) return response.socket?.resetAndDestroy()
      if (server.seen.length === 2) return response.writeHead(503).end()
      return response.writeHead(200, MP4).end(VIDEO)
    })
    const clock = instantClock()
    expect((await readAll(await sourceAt(server.origin, { clock }).open())).equals(VIDEO)).toBe(true)
    expect(clock.waits).toEqual([1_000, 2_000])
  })

  test('is waited for as long as it requires, up to a minute in total', async () => {
    let retryAfter = 7
    const server = await loopbackServer((_, response) => {
      response.writeHead(429, { 'retry-after': String(retryAfter) }).end()
    })
    const clock = instantClock()
    expect(await rejection(sourceAt(server.origin, { clock }).open())).toMatchObject({ code: 'rate-limited' })
    expect(clock.waits).toEqual([7_000, 7_000, 7_000, 8_000, 16_000])
    retryAfter = 61
    const patient = instantClock()
    expect(await rejection(sourceAt(server.origin, { clock: patient }).open())).toMatchObject({ status: 429 })
    expect(patient.waits).toEqual([])
  })

  test('that cannot be reached is given up after a minute, with the first reason', async () => {
    const clock = instantClock()
    expect(await rejection(sourceAt(await deadOrigin(), { clock }).open())).toMatchObject({ code: 'network' })
    expect(clock.waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000])
  })

  test('whose failure lasts is not retried', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(403).end('no')
    })
    const clock = instantClock()
    expect(await rejection(sourceAt(server.origin, { clock }).open())).toMatchObject({ code: 'authentication' })
    const unreachable = sourceAt('http://127.0.0.1:1', { clock, ownOrigin: undefined })
    expect(await rejection(unreachable.open())).toMatchObject({ isRetryable: false })
    expect(clock.waits).toEqual([])
  })

  test('is not waited for after an abort', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(404).end()
    })
    const controller = new AbortController()
    const clock: Clock = {
      ...instantClock(),
      sleep: (_, { signal } = {}) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
          controller.abort('enough')
        }),
    }
    expect(await rejection(sourceAt(server.origin, { clock }).open({ signal: controller.signal }))).toBe('enough')
    expect(server.seen.length).toBe(1)
  })
})

describe('the end of a file', () => {
  const open = async (headers: Record<string, string>, offset: number) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(416, headers).write('never ends')
    })
    return { server, opening: sourceAt(server.origin).open({ offset }) }
  }

  test('is an empty stream, and the connection is closed', async () => {
    const { server, opening } = await open({ 'content-range': 'bytes */1000' }, 1_000)
    expect(await readAll(await opening)).toHaveLength(0)
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  test.each([
    [{ 'content-range': 'bytes */1000' }, 999],
    [{}, 1_000],
    [{ 'content-range': 'bytes */0' }, 0],
  ])('does not end with %j past %i bytes', async (headers, offset) => {
    const { opening } = await open(headers as Record<string, string>, offset)
    expect(await rejection(opening)).toMatchObject({ status: 416 })
  })
})

test('a server that has fewer bytes than it declares, as its 416 shows, is final', async () => {
  const server = await loopbackServer(({ headers }, response) => {
    if (headers.range !== undefined) return response.writeHead(416, { 'content-range': 'bytes */600' }).end()
    response.writeHead(200, { ...MP4, 'content-length': 1_000 })
    return response.write(VIDEO.subarray(0, 600), () => response.destroy())
  })
  const clock = instantClock()
  const { signal } = new AbortController()
  const read = async () => {
    for await (const _ of readVideo(sourceAt(server.origin, { clock }), { signal, clock }));
  }
  expect(await rejection(read())).toMatchObject({
    code: 'upstream-response',
    isRetryable: false,
    message: expect.stringMatching(/^Could not download the video: 127\.0\.0\.1:\d+ declares 1000 bytes and has 600$/),
  })
  expect(server.seen.length).toBe(2)
})

describe('a part of a file', () => {
  test('without a Content-Range counts as the whole where the whole was requested', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(206, MP4).end(VIDEO)
    })
    const source = sourceAt(server.origin)
    expect((await readAll(await source.open())).equals(VIDEO)).toBe(true)
    expect(source.byteLength).toBeUndefined()
    expect(await rejection(source.open({ offset: 5 }))).toMatchObject({ code: 'upstream-response' })
  })

  test('is requested with the ETag of the file, where that is a strong one', async () => {
    const server = await loopbackServer(({ headers }, response) => {
      const etag = server.seen.length < 3 ? 'W/"a"' : '"b"'
      if (headers.range === undefined) return response.writeHead(200, { ...MP4, etag }).end(VIDEO)
      return response.writeHead(206, { ...MP4, 'content-range': 'bytes 5-999/1000' }).end(VIDEO.subarray(5))
    })
    const weak = sourceAt(server.origin)
    await readAll(await weak.open())
    await readAll(await weak.open({ offset: 5 }))
    const strong = sourceAt(server.origin)
    await readAll(await strong.open())
    await readAll(await strong.open({ offset: 5 }))
    expect(server.seen.map(({ headers }) => headers['if-range'])).toEqual([undefined, undefined, undefined, '"b"'])
    expect(server.seen.every(({ headers }) => headers.accept === 'video/*,*/*;q=0.5')).toBe(true)
  })
})

describe('the signal of the caller', () => {
  test('is released when the stream ends, is cancelled, or never comes', async () => {
    const server = await loopbackServer(({ url }, response) => {
      response.writeHead(url === '/gone' ? 410 : 200, MP4).end(VIDEO)
    })
    const { signal } = new AbortController()
    await readAll(await sourceAt(server.origin).open({ signal }))
    await (await sourceAt(server.origin).open({ signal })).cancel()
    await rejection(sourceAt(`${server.origin}/gone`).open({ signal }))
    await eventually(() => expect(getEventListeners(signal, 'abort')).toEqual([]))
  })
})

test('the connection to a foreign host that refuses is closed', async () => {
  const away = await loopbackServer((_, response) => {
    response.writeHead(410).write('never ends')
  })
  const get = async () => ({ headers: {}, secrets: [], mask: maskOf([]) })
  const credentials = { origin: 'http://a.example', get }
  const stranger = sourceAt(away.origin, { credentials, allowPrivateAddresses: true })
  expect(await rejection(stranger.open())).toMatchObject({ status: 410, bodyExcerpt: '' })
  await eventually(() => expect(away.sockets.size).toBe(0))
})
