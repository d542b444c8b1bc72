import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod/mini'
import { NetworkError } from '../../src/contracts/upstream-errors.js'
import { versionAdvice } from '../../src/upstream/answer-error.js'
import { type ApiCall, createApi } from '../../src/upstream/api.js'
import { readJsonAnswer } from '../../src/upstream/json-answer.js'
import { eventually } from '../support/eventually.js'
import { allClosed, deadOrigin, json, loopbackServer } from './loopback-server.js'
import { rejection } from './stage-context.js'

const signal = new AbortController().signal
const call = (origin: string, more: Partial<ApiCall> = {}): ApiCall => ({
  what: 'ask',
  method: 'GET',
  url: `${origin}/v1/x`,
  timeoutMs: 2_000,
  signal,
  ...more,
})
const apiAt = (origin: string) => createApi({ subject: 'mine', baseUrl: `${origin}/v1`, apiKey: 'canary-key-1' })

/** A server below HTTP: what it writes is up to the test. */
async function rawServer(onData: (write: (text: string) => void, reset: () => void) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () =>
      onData(
        (text) => socket.write(text),
        () => socket.resetAndDestroy(),
      ),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

describe('createApi', () => {
  test('sends the key, the headers and the query of the base address', async () => {
    const server = await loopbackServer(json(200, { ok: 1 }))
    const api = createApi({
      subject: 'mine',
      baseUrl: `${server.origin}/v1/?version=2`,
      apiKey: async () => 'key-1',
      headers: { 'x-team': 'blue' },
    })
    const url = api.address('/videos')
    const answer = await api.call({ ...call(server.origin), url, headers: { 'idempotency-key': 'k' } })
    expect(answer).toMatchObject({ status: 200, text: '{"ok":1}' })
    expect(server.seen).toMatchObject([
      {
        url: '/v1/videos?version=2',
        headers: {
          authorization: 'Bearer key-1',
          'x-team': 'blue',
          'idempotency-key': 'k',
          accept: 'application/json',
        },
      },
    ])
    expect(api.covers(new URL(`${server.origin}/v1/a`))).toBe(true)
    expect(api.covers(new URL(`${server.origin}/v10/a`))).toBe(false)
    expect(api.hasCredential).toBe(true)
  })

  test('an authorization among the headers wins over the key', async () => {
    const server = await loopbackServer(json(200, {}))
    const api = createApi({
      subject: 'm',
      baseUrl: server.origin,
      apiKey: 'k-1',
      headers: { Authorization: 'Basic eA==' },
    })
    await api.call(call(server.origin))
    expect(server.seen[0]?.headers.authorization).toBe('Basic eA==')
  })

  test('resolves the credential before each request', async () => {
    const server = await loopbackServer(json(200, {}))
    const keys = ['k-1', 'k-2']
    const api = createApi({ subject: 'm', baseUrl: server.origin, apiKey: () => keys.shift() ?? '' })
    await api.call(call(server.origin))
    await api.call(call(server.origin))
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer k-1', 'Bearer k-2'])
  })

  test('a closed port: surely never sent', async () => {
    const error = await rejection(apiAt('http://127.0.0.1:1').call(call(await deadOrigin())))
    expect(error).toMatchObject({ code: 'network', isRefusal: true, isRetryable: true })
    expect(error).toMatchObject({ message: expect.stringContaining('ECONNREFUSED'), cause: { code: 'ECONNREFUSED' } })
    expect(Object.keys((error as NetworkError).cause as Error)).toEqual(['code'])
  })

  test.each([
    ['a reset before the first byte', (_: unknown, reset: () => void) => reset()],
    [
      'a reset in the middle of the body',
      (write: (text: string) => void, reset: () => void) => {
        write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":')
        setTimeout(reset, 20)
      },
    ],
    ['garbage in place of HTTP', (write: (text: string) => void) => write('no http at all\r\n\r\n')],
    [
      'an encoding that lies',
      (write: (text: string) => void) =>
        write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\nno gz!'),
    ],
  ])('%s may have been accepted', async (_, fault) => {
    const origin = await rawServer(fault)
    const error = await rejection(apiAt(origin).call(call(origin)))
    expect(error).toMatchObject({ code: 'network', isRefusal: false })
    expect(inspect(error, { depth: 9 })).not.toContain('canary')
  })

  test.each([
    ['headers that never come', () => undefined],
    [
      'a body that never ends',
      (write: (text: string) => void) => write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'),
    ],
  ])('%s end with the time limit', async (_, fault) => {
    const origin = await rawServer(fault)
    const error = await rejection(apiAt(origin).call(call(origin, { timeoutMs: 60 })))
    expect(error).toMatchObject({ code: 'network', isRefusal: false, message: expect.stringContaining('within 60 ms') })
  })

  test('a credential that takes too long was never sent', async () => {
    const api = createApi({ subject: 'm', baseUrl: 'http://127.0.0.1:1', apiKey: () => new Promise(() => undefined) })
    const error = await rejection(api.call(call('http://127.0.0.1:1', { timeoutMs: 30 })))
    expect(error).toMatchObject({ code: 'network', isRefusal: true })
  })

  test.each([20, 'at once'])('an abort after %s rejects with its reason and closes the connection', async (when) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200).write('{')
    })
    const controller = new AbortController()
    const reason = new Error('enough')
    if (when === 'at once') controller.abort(reason)
    const waiting = rejection(apiAt(server.origin).call(call(server.origin, { signal: controller.signal })))
    if (when !== 'at once') {
      await eventually(() => expect(server.seen.length).toBe(1))
      controller.abort(reason)
    }
    expect(await waiting).toBe(reason)
    await allClosed(server)
    if (when === 'at once') expect(server.seen).toEqual([])
  })

  test('a compressed bomb is read no further than the cap', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, 'a'))
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    })
    const error = await rejection(apiAt(server.origin).call(call(server.origin)))
    expect(error).toMatchObject({ code: 'upstream-response', message: expect.stringContaining('1000000') })
  })

  test('an answer that echoes the key shows no key', async () => {
    const server = await loopbackServer((request, response) => {
      response.writeHead(401).end(JSON.stringify({ error: `Incorrect key ${request.headers.authorization}` }))
    })
    const error = await rejection(apiAt(server.origin).call(call(server.origin)))
    expect(error).toMatchObject({ code: 'authentication' })
    expect(inspect(error, { depth: 9 })).not.toContain('canary')
  })

  test('a foreign error of the transport keeps only its text and code', async () => {
    const request = { headers: { authorization: 'Bearer canary-key-1' } }
    const fetch = () =>
      Promise.reject(Object.assign(new Error('socket of canary-key-1'), { code: 'ECONNRESET', request }))
    const api = createApi({ subject: 'm', baseUrl: 'http://a.example', apiKey: 'canary-key-1', fetch })
    const error = await rejection(api.call(call('http://a.example')))
    expect(error).toBeInstanceOf(NetworkError)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('canary')
    const far = () => Promise.reject(new Error(`${'x'.repeat(190)} canary-key-1`))
    const long = createApi({ subject: 'm', baseUrl: 'http://a.example', apiKey: 'canary-key-1', fetch: far })
    expect(inspect(await rejection(long.call(call('http://a.example'))))).not.toContain('canary')
    const odd = createApi({ subject: 'm', baseUrl: 'http://a.example', fetch: () => Promise.reject('no error at all') })
    expect(await rejection(odd.call(call('http://a.example')))).toMatchObject({ code: 'network' })
  })
})

describe('readJsonAnswer', () => {
  const schema = z.object({ id: z.string() })
  const read = async (body: string) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200).end(body)
    })
    return readJsonAnswer(await apiAt(server.origin).call(call(server.origin)), schema)
  }

  test('reads JSON, also after a byte order mark', async () => {
    expect(await read('\uFEFF{"id":"a"}')).toEqual({ id: 'a' })
  })

  test.each([
    ['', 'it is empty'],
    [' \n', 'it is empty'],
    ['{"id":', 'it is not JSON'],
    ['<html>Space is sleeping</html>', 'Space is sleeping'],
    ['{"id":1}', 'id is not of the expected shape'],
    ['null', 'it is not of the expected shape'],
  ])('%j is unreadable', async (body, problem) => {
    const error = await rejection(read(body))
    expect(error).toMatchObject({ code: 'upstream-response', status: 200, message: expect.stringContaining(problem) })
  })
})

describe('a request whose body is not in memory', () => {
  async function* pieces(count: number, bytes: number) {
    for (let piece = 0; piece < count; piece += 1) yield new Uint8Array(bytes).fill(piece)
  }
  const put = (origin: string, stream: ApiCall['stream']) =>
    apiAt(origin).call({ ...call(origin), method: 'PUT', stream, headers: { 'content-type': 'video/mp4' } })

  test.each([
    [300_000, { 'content-length': '300000' }],
    [undefined, { 'transfer-encoding': 'chunked' }],
  ])('is sent as it comes, when its length is %s', async (byteLength, headers) => {
    const server = await loopbackServer(json(201, {}))
    await put(server.origin, { chunks: pieces(3, 100_000), byteLength })
    expect(server.seen).toMatchObject([{ method: 'PUT', headers: { ...headers, 'content-type': 'video/mp4' } }])
    expect(server.seen[0]?.headers).not.toHaveProperty('sec-fetch-mode')
    expect(server.seen[0]?.body.equals(Buffer.concat([0, 1, 2].map((fill) => Buffer.alloc(100_000, fill))))).toBe(true)
  })

  test('that fails in the middle fails the request with its own reason', async () => {
    const server = await loopbackServer(json(201, {}))
    async function* broken() {
      yield* pieces(1, 1000)
      throw new Error('the source broke')
    }
    const error = await rejection(put(server.origin, { chunks: broken(), byteLength: 2000 }))
    expect(error).toBeInstanceOf(NetworkError)
    expect(inspect(error, { depth: 9 })).toContain('the source broke')
    expect(server.seen).toEqual([])
  })

  const ownFetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request)
  test.each([
    [undefined, { code: 'upstream-http', status: 307 }],
    [ownFetch, { code: 'network', message: expect.stringContaining('redirect') }],
  ])('that is answered with a redirect fails for good: it could not be sent once more', async (fetch, problem) => {
    const server = await loopbackServer((_, response) => void response.writeHead(307, { location: '/b' }).end())
    const api = createApi({ subject: 'mine', baseUrl: server.origin, fetch })
    const stream = { chunks: pieces(3, 1_000), byteLength: 3_000 }
    const error = await rejection(api.call({ ...call(server.origin), method: 'PUT', stream }))
    expect(error).toMatchObject({ ...problem, isRetryable: false })
    expect(server.seen).toHaveLength(1)
  })

  test('is given to a fetch of the caller as a stream', async () => {
    const inits: RequestInit[] = []
    const fetch: typeof globalThis.fetch = async (_, init) => {
      inits.push(init ?? {})
      return new Response(await new Response(init?.body).bytes(), { status: 200 })
    }
    const api = createApi({ subject: 'mine', baseUrl: 'https://api.example/v1', fetch })
    const stream = { chunks: pieces(2, 3), byteLength: 6 }
    const { text } = await api.call({ ...call('https://api.example'), method: 'PUT', stream })
    expect(text).toBe('\0\0\0\u0001\u0001\u0001')
    expect(inits).toMatchObject([{ duplex: 'half', redirect: 'error' }])
  })

  test('is not kept in memory', async () => {
    const server = createHttpServer((request, response) => {
      request.resume().on('end', () => response.end('{}'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    let most = 0
    async function* watched() {
      for (let piece = 0; piece < 4_000; piece += 1) {
        most = Math.max(most, process.memoryUsage().arrayBuffers)
        yield new Uint8Array(65_536)
      }
    }
    const before = process.memoryUsage().arrayBuffers
    const stream = { chunks: watched(), byteLength: 4_000 * 65_536 }
    await apiAt(origin).call({ ...call(origin), method: 'PUT', stream, timeoutMs: 30_000 })
    expect(most - before).toBeLessThan(150_000_000)
  })

  test('reads no more than the server takes', async () => {
    let asked = 0
    async function* counted() {
      for (; asked < 1000; asked += 1) yield new Uint8Array(65_536)
    }
    const server = createServer({ pauseOnConnect: true }, (socket) => socket.on('error', () => undefined))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const deaf = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const controller = new AbortController()
    const sending = apiAt(deaf).call({
      ...call(deaf),
      method: 'PUT',
      stream: { chunks: counted() },
      signal: controller.signal,
    })
    sending.catch(() => undefined)
    await eventually(() => expect(asked).toBeGreaterThan(1))
    // Until it reads nothing more.
    for (let known = 0; known !== asked; ) {
      known = asked
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(asked).toBeLessThan(200)
    controller.abort(new Error('enough'))
    await expect(sending).rejects.toThrow('enough')
  })
})

describe('a login', () => {
  const login = { user: 'anna', password: async () => 'pässword:with:colons' }
  const basic = Buffer.from('anna:pässword:with:colons').toString('base64')

  test('is sent as Basic, and is masked in every form', async () => {
    const server = await loopbackServer(json(400, { error: `no ${basic} and no pässword:with:colons` }))
    const api = createApi({ subject: 'mine', baseUrl: `${server.origin}/v1`, login })
    expect(api.hasCredential).toBe(true)
    const error = await rejection(api.call(call(server.origin)))
    expect(server.seen[0]?.headers.authorization).toBe(`Basic ${basic}`)
    expect(inspect(error, { depth: 9 })).not.toMatch(new RegExp(`${basic}|pässword`))
  })

  test('gives way to a key, and to headers that have an authorization', async () => {
    const server = await loopbackServer(json(200, {}))
    for (const more of [{ apiKey: 'key-1' }, { headers: { authorization: 'Token other' } }])
      await createApi({ subject: 'mine', baseUrl: `${server.origin}/v1`, login, ...more }).call(call(server.origin))
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer key-1', 'Token other'])
  })
})

describe('a request that must not replace an existing file', () => {
  test.each([201, 412])('sends If-None-Match, and returns the status %i', async (status) => {
    const server = await loopbackServer(json(status, {}))
    const bytes = new Uint8Array([1, 2, 3])
    const answer = await apiAt(server.origin).call({ ...call(server.origin), method: 'PUT', bytes, isNew: true })
    expect(answer.status).toBe(status)
    expect(server.seen[0]?.headers['if-none-match']).toBe('*')
  })

  test('is the only kind that accepts 412 as an answer', async () => {
    const server = await loopbackServer(json(412, {}))
    await expect(apiAt(server.origin).call(call(server.origin))).rejects.toMatchObject({ status: 412 })
  })
})

describe('an address that the server does not know', () => {
  test.each([
    ['', 'POST', 'answered 404 to POST /videos, Not Found; baseUrl may need /v1 at its end'],
    ['/v1', 'POST', 'answered 404 to POST /v1/videos, Not Found'],
    ['/v1beta', 'POST', 'answered 404 to POST /v1beta/videos, Not Found'],
    ['', 'GET', 'answered 404, Not Found'],
  ] as const)('of a base address that ends in "%s" is named by %s', async (path, method, message) => {
    const { origin } = await loopbackServer(json(404, { detail: 'Not Found' }))
    const api = createApi({ subject: 'mine', baseUrl: `${origin}${path}`, notFoundAdvice: versionAdvice })
    const error = await rejection(api.call(call(origin, { method, url: `${origin}${path}/videos?key=canary` })))
    expect((error as Error).message).toMatch(new RegExp(`${message.replaceAll('/', '\\/')}$`))
  })
})
