import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createDownloader } from '../../../src/upstream/download/downloader.js'
import { eventually } from '../../support/eventually.js'
import { drained, loopbackServer, videoBytes } from '../loopback-server.js'
import { readAll, rejection } from '../stage-context.js'
import { fetchBytes } from './fetch-bytes.js'

const allowed = { allowPrivateAddresses: ['127.0.0.1'] }
const what = 'download the video'

/** A server that sends these bytes to every client, and then does nothing, closes or resets. */
async function rawServer(text: string, then: 'wait' | 'close' | 'reset' = 'close') {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    socket.once('data', () => {
      socket.write(text, 'latin1', () => {
        if (then === 'close') socket.end()
        if (then === 'reset') socket.resetAndDestroy()
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
}

const answer = (body: string, ...headers: string[]) =>
  `HTTP/1.1 200 OK\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n${body}`

describe('the size of a body', () => {
  test.each(['declared', 'chunked'])('%s: the limit itself is fine, a byte more is not', async (how) => {
    const server = await loopbackServer(({ url }, response) => {
      const bytes = videoBytes(Number(url.slice(1)))
      if (how === 'declared') response.setHeader('content-length', bytes.length)
      response.write(bytes.subarray(0, 10))
      response.end(bytes.subarray(10))
    })
    const options = { ...allowed, limits: { maxBytes: 100_000 } }
    expect((await fetchBytes(`${server.origin}/99999`, options)).bytes).toHaveLength(99_999)
    expect((await fetchBytes(`${server.origin}/100000`, options)).bytes).toHaveLength(100_000)
    const error = await rejection(fetchBytes(`${server.origin}/100001`, options))
    expect(error).toMatchObject({ code: 'upstream-response', isRetryable: false })
    expect(String(error)).toMatch(/sent more than 100000 bytes$/)
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  test.each(['gzip', 'br', 'zstd', 'gzip, identity'])(
    'a body in %s is refused unread, a bomb too',
    async (encoding) => {
      const bomb = gzipSync(Buffer.alloc(50_000_000))
      const server = await loopbackServer((_, response) => {
        response.writeHead(200, { 'content-encoding': encoding, 'content-length': bomb.length }).end(bomb)
      })
      const error = await rejection(fetchBytes(server.origin, allowed))
      expect(error).toMatchObject({ code: 'upstream-response', isRetryable: false })
      await eventually(() => expect(server.sockets.size).toBe(0))
    },
  )

  test('an encoded body of an error answer is left out', async () => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(503, { 'content-encoding': 'gzip' }).end(gzipSync('secret'))
    })
    expect(await fetchBytes(server.origin, allowed)).toMatchObject({ ok: false, status: 503, body: null })
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  test('HEAD has no body', async () => {
    const server = await loopbackServer((_, response) => response.writeHead(200, { 'content-length': 7 }).end())
    const { body, headers } = await fetchBytes(server.origin, allowed, { method: 'HEAD' })
    expect([body, headers.get('content-length'), server.seen[0]?.method]).toEqual([null, '7', 'HEAD'])
    await eventually(() => expect(server.sockets.size).toBe(0))
  })
})

describe('the announced length', () => {
  test.each(['close', 'reset'] as const)(
    'a body that is shorter is an error that may be tried again (%s)',
    async (then) => {
      const { origin } = await rawServer(answer('12345', 'content-length: 10'), then)
      expect(await rejection(fetchBytes(origin, allowed))).toMatchObject({ code: 'network', isRetryable: true })
    },
  )

  test('a chunked body that is cut is one too', async () => {
    const { origin } = await rawServer(answer('5\r\n12345\r\n', 'transfer-encoding: chunked'))
    expect(await rejection(fetchBytes(origin, allowed))).toMatchObject({ code: 'network', isRetryable: true })
  })

  test('what comes past it is cut', async () => {
    const { origin, sockets } = await rawServer(answer('1234567890secret', 'content-length: 10'))
    expect(String((await fetchBytes(origin, allowed)).bytes)).toBe('1234567890')
    await eventually(() => expect(sockets.size).toBe(0))
  })

  test.each([
    ['900', 'sent 900 of 1000 bytes'],
    ['1000', undefined],
    ['1100', undefined],
  ])('an injected fetch that brings %s of 1000 bytes', async (length, problem) => {
    const fetch = async () => new Response(new Uint8Array(Number(length)), { headers: { 'content-length': '1000' } })
    const outcome = fetchBytes('http://a.example', { fetch })
    if (problem === undefined) expect((await outcome).bytes).toHaveLength(1_000)
    else
      expect(await rejection(outcome)).toMatchObject({ isRetryable: true, message: expect.stringContaining(problem) })
  })
})

describe('an invalid answer', () => {
  test.each([
    ['something else', 'SSH-2.0-secret\r\n'],
    ['two lengths', answer('12345', 'content-length: 5', 'content-length: 6')],
    ['a flood of headers', answer('', ...Array.from({ length: 300 }, (_, index) => `x-${index}: ${'y'.repeat(200)}`))],
    ['nothing', ''],
  ])('%s: an error without its bytes', async (_, text) => {
    const { origin, sockets } = await rawServer(text)
    const error = await rejection(fetchBytes(origin, allowed))
    expect(error).toMatchObject({ code: 'network' })
    expect(
      Object.values(error as object)
        .map(String)
        .join() + String((error as Error).cause),
    ).not.toContain('secret')
    await eventually(() => expect(sockets.size).toBe(0))
  })

  test('headers that drip end with the time limit', async () => {
    const { origin, sockets } = await rawServer('HTTP/1.1 200 OK\r\nx-a: b', 'wait')
    const error = await rejection(fetchBytes(origin, { ...allowed, headerTimeoutMs: 50 }))
    expect(String(error)).toMatch(/did not answer within 50 ms$/)
    await eventually(() => expect(sockets.size).toBe(0))
  })
})

describe('a slow peer', () => {
  test('silence ends the body', async () => {
    const { origin, sockets } = await rawServer(answer('12345', 'content-length: 10'), 'wait')
    const error = await rejection(fetchBytes(origin, { ...allowed, limits: { idleMs: 40 } }))
    expect(error).toMatchObject({ code: 'network', isRetryable: true })
    expect(String(error)).toMatch(/was silent for 40 ms$/)
    await eventually(() => expect(sockets.size).toBe(0))
  })

  test('an injected fetch that is silent and ignores its signal ends as well', async () => {
    const fetch = async () => new Response(new ReadableStream({ pull: () => new Promise(() => undefined) }))
    const error = await rejection(fetchBytes('http://a.example', { fetch, limits: { idleMs: 30 } }))
    expect(String(error)).toMatch(/was silent for 30 ms$/)
  })

  test.each([
    [1_000_000, 'slow'],
    [1, 'fine'],
  ])('a drip against %i bytes a second is %s', async (minBytesPerSecond, verdict) => {
    const server = await loopbackServer(async (_, response) => {
      for (let sent = 0; sent < 40 && !response.destroyed; sent += 1) {
        response.write('drip')
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      response.end()
    })
    const outcome = fetchBytes(server.origin, { ...allowed, limits: { slowMs: 60, minBytesPerSecond } })
    if (verdict === 'fine') expect((await outcome).bytes).toHaveLength(160)
    else expect(String(await rejection(outcome))).toMatch(/sent less than 1000000 bytes a second$/)
  })

  test('a slow reader is not blamed on the sender', async () => {
    const server = await loopbackServer((_, response) => response.end(videoBytes(500_000)))
    const download = createDownloader({ ...allowed, limits: { idleMs: 30, slowMs: 30, minBytesPerSecond: 1_000 } })
    const { body } = await download(server.origin, { what, signal: new AbortController().signal })
    const reader = body?.getReader()
    let received = (await reader?.read())?.value?.byteLength ?? 0
    await new Promise((resolve) => setTimeout(resolve, 120))
    for (let next = await reader?.read(); next?.value; next = await reader?.read()) received += next.value.byteLength
    expect(received).toBe(500_000)
  })
})

describe('an abort', () => {
  test.each(['before', 'while looking up', 'before the headers', 'in the body', 'in a redirect'])(
    '%s rejects with its reason and leaves no connection',
    async (when) => {
      const controller = new AbortController()
      const reason = { because: 'enough' }
      const server = await loopbackServer((seen, response) => {
        if (when === 'in a redirect' && seen.url === '/') return response.writeHead(302, { location: '/next' }).end()
        return when === 'in the body' && response.writeHead(200).write('first')
      })
      const port = new URL(server.origin).port
      const looking = Promise.withResolvers<void>()
      const lookup = () => looking.resolve()
      const url = when === 'while looking up' ? `http://slow.example:${port}/` : server.origin
      if (when === 'before') controller.abort(reason)
      const download = createDownloader({ ...allowed, ...(when === 'while looking up' && { lookup }) })
      const work = (async () => {
        const { body } = await download(url, { what, signal: controller.signal })
        return body === null ? undefined : readAll(body)
      })()
      const waiting = rejection(work)
      if (when === 'while looking up') await looking.promise
      else if (when !== 'before')
        await eventually(() => expect(server.seen).toHaveLength(when === 'in a redirect' ? 2 : 1))
      controller.abort(reason)
      expect(await waiting).toBe(reason)
      await eventually(() => expect(server.sockets.size).toBe(0))
      expect(server.seen).toHaveLength({ 'in a redirect': 2, before: 0, 'while looking up': 0 }[when] ?? 1)
    },
  )

  test('ends an injected fetch that ignores its signal, before its headers and in its body', async () => {
    const reason = new Error('enough')
    const silent = new ReadableStream({ pull: () => new Promise(() => undefined) })
    for (const response of [new Promise<Response>(() => undefined), Promise.resolve(new Response(silent))]) {
      const controller = new AbortController()
      const fetch = vi.fn(() => response)
      const waiting = rejection(fetchBytes('http://a.example', { fetch }, { signal: controller.signal }))
      await eventually(() => expect(fetch).toHaveBeenCalledTimes(1))
      await new Promise((resolve) => setImmediate(resolve))
      controller.abort(reason)
      expect(await waiting).toBe(reason)
    }
  })

  test('leaves no listener behind, and neither does a successful download', async () => {
    const server = await loopbackServer((_, response) => response.end('video'))
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    await fetchBytes(server.origin, allowed, { signal })
    await rejection(fetchBytes('http://127.0.0.9/', {}, { signal }))
    await rejection(fetchBytes('http://a.example/', { fetch: () => Promise.reject(new TypeError('no')) }, { signal }))
    const kept = add.mock.calls.filter(([, listener]) => !remove.mock.calls.some((call) => call[1] === listener))
    expect(add).toHaveBeenCalledTimes(3)
    expect(kept).toEqual([])
  })
})

test('reads no faster than its reader, and a cancelled body closes its connection', async () => {
  let sent = 0
  const server = await loopbackServer(async (_, response) => {
    const chunk = videoBytes(1_000_000)
    while (sent < 64_000_000 && !response.destroyed) {
      sent += chunk.length
      if (!response.write(chunk)) await drained(response)
    }
  })
  const { body } = await createDownloader(allowed)(server.origin, { what, signal: new AbortController().signal })
  const reader = body?.getReader()
  await reader?.read()
  // The sockets between have their own room; once that is full nothing moves any more.
  for (let quiet = 0, last = -1; quiet < 300; last = sent) {
    await new Promise((resolve) => setImmediate(resolve))
    quiet = sent === last ? quiet + 1 : 0
  }
  expect(sent).toBeLessThan(32_000_000)
  await reader?.cancel()
  await eventually(() => expect(server.sockets.size).toBe(0))
})
