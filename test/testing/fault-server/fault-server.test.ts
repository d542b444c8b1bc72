import { once } from 'node:events'
import { get } from 'node:http'
import { get as secureGet } from 'node:https'
import { connect, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import {
  cutReply,
  type FaultRoutes,
  type FaultServerOptions,
  faultServer,
  gzipBomb,
  neverReply,
  reply,
  replyFile,
  replyJson,
  replyRaw,
  resetConnection,
  slowReply,
} from '../../../src/testing/index.js'

async function started(routes: FaultRoutes, options?: FaultServerOptions) {
  const server = await faultServer(routes, options)
  onTestFinished(() => server.close())
  return server
}

/** What comes over the wire until the end, and how the end was. */
async function wire(origin: string, path: string, headers = '') {
  const { hostname, port } = new URL(origin)
  const socket: Socket = connect({ host: hostname, port: Number(port) })
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`)
  const end = await new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.on('end', () => resolve('close'))
  })
  socket.destroy()
  return { end, text: Buffer.concat(chunks).toString('latin1') }
}

test('answers as configured, with true headers where none are given', async () => {
  const { origin } = await started({
    '/a': reply({ status: 201, body: 'ä', headers: { 'X-A': ['1', '2'] } }),
    '/json': replyJson({ a: 1 }, { status: 202 }),
    '/empty': reply({ status: 204 }),
    '/chunked': reply({ headers: { 'transfer-encoding': 'chunked' }, body: 'hello' }),
  })
  const answer = await fetch(`${origin}/a`)
  expect([answer.status, answer.headers.get('x-a'), await answer.text()]).toEqual([201, '1, 2', 'ä'])
  const json = await fetch(`${origin}/json`)
  expect([json.status, json.headers.get('content-type'), await json.json()]).toEqual([
    202,
    'application/json',
    { a: 1 },
  ])
  expect((await fetch(`${origin}/empty`)).status).toBe(204)
  expect(await (await fetch(`${origin}/chunked`)).text()).toBe('hello')
  expect((await fetch(`${origin}/nowhere`)).status).toBe(404)
  const head = await fetch(`${origin}/a`, { method: 'HEAD' })
  expect([head.headers.get('content-length'), await head.text()]).toEqual(['2', ''])
})

test('sends a false length in every way that the headers allow', async () => {
  const { origin } = await started({
    '/long': reply({ body: 'abc', headers: { 'content-length': '10' } }),
    '/two': reply({ body: 'abc', headers: { 'content-length': ['3', '5'] } }),
    '/none': reply({ body: 'abc', headers: { 'content-length': [] } }),
  })
  await expect(fetch(`${origin}/long`).then((answer) => answer.text())).rejects.toThrow('terminated')
  expect((await wire(origin, '/two')).text).toMatch(/content-length: 3\r\ncontent-length: 5\r\n/)
  expect((await wire(origin, '/none')).text).toBe('HTTP/1.1 200 Fault\r\nconnection: close\r\n\r\nabc')
})

test('plays a list call by call and its last one again and again, by method and prefix, the first key that fits', async () => {
  const { origin, requests } = await started({
    'HEAD /v/*': reply({ status: 405 }),
    '/v/1': [reply({ status: 500 }), reply({ status: 200 })],
    '/v/*': reply({ status: 418 }),
    '/nothing': [],
  })
  const statusOf = async (path: string, method = 'GET') => (await fetch(`${origin}${path}`, { method })).status
  expect(await statusOf('/v/1?a=b')).toBe(500)
  expect([await statusOf('/v/1'), await statusOf('/v/1', 'POST')]).toEqual([200, 200])
  expect([await statusOf('/v/1', 'HEAD'), await statusOf('/v/2'), await statusOf('/nothing')]).toEqual([405, 418, 404])
  expect(requests[0]).toMatchObject({ method: 'GET', path: '/v/1?a=b', wasAborted: false })
})

test('logs the whole request, and that its client left', async () => {
  const { origin, requests } = await started({ '/a': neverReply(), '/b': reply() })
  await fetch(`${origin}/b`, { method: 'POST', body: 'hello', headers: { authorization: 'Bearer x' } })
  expect(Buffer.from(requests[0]?.body ?? []).toString()).toBe('hello')
  expect(requests[0]?.headers.authorization).toBe('Bearer x')
  const leave = new AbortController()
  const left = fetch(`${origin}/a`, { signal: leave.signal })
  await expect.poll(() => requests.length).toBe(2)
  leave.abort()
  await expect(left).rejects.toThrow('aborted')
  await expect.poll(() => requests.map(({ wasAborted }) => wasAborted)).toEqual([false, true])
})

test('does not log a request whose client leaves in the middle of it', async () => {
  const { origin, requests } = await started({ '/a': reply() })
  const socket = connect({ port: Number(new URL(origin).port), host: '127.0.0.1' })
  socket.write('POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc', () => socket.resetAndDestroy())
  await once(socket, 'close')
  await fetch(`${origin}/a`)
  expect(requests.map(({ method }) => method)).toEqual(['GET'])
})

test.each([
  ['reset', 'ECONNRESET'],
  ['close', 'close'],
] as const)('cuts an answer by %s in its head, its body and its trailer', async (ending, end) => {
  const whole = reply({ headers: { 'transfer-encoding': 'chunked' }, body: 'hello' })
  const { origin } = await started({
    '/before': resetConnection(),
    '/head': cutReply(whole, { part: 'head', afterBytes: 12, ending }),
    '/body': cutReply(whole, { afterBytes: 5, ending }),
    '/trailer': cutReply(whole, { part: 'trailer', ending }),
    '/not': cutReply(whole, { afterBytes: 1000, ending }),
  })
  expect(await wire(origin, '/before')).toEqual({ end: 'ECONNRESET', text: '' })
  expect(await wire(origin, '/head')).toEqual({ end, text: 'HTTP/1.1 200' })
  const body = await wire(origin, '/body')
  expect([body.end, body.text.endsWith('\r\n\r\n5\r\nhe')]).toEqual([end, true])
  const trailer = await wire(origin, '/trailer')
  expect([trailer.end, trailer.text.endsWith('\r\n\r\n5\r\nhello\r\n')]).toEqual([end, true])
  const uncut = await wire(origin, '/not')
  expect([uncut.end, uncut.text.endsWith('5\r\nhello\r\n0\r\n\r\n')]).toEqual(['close', true])
})

test('falls silent in an answer, and sends slowly, until the client leaves', async () => {
  const { origin, requests } = await started({
    '/silent': cutReply(reply({ body: 'hello' }), { afterBytes: 2, ending: 'silence' }),
    '/slow': slowReply(reply({ body: 'hello' }), { chunkBytes: 2, everyMs: 5 }),
    '/slow-head': slowReply(reply(), { part: 'head', everyMs: 20 }),
  })
  expect(await (await fetch(`${origin}/slow`)).text()).toBe('hello')
  for (const path of ['/silent', '/slow-head']) {
    const signal = AbortSignal.timeout(50)
    await expect(fetch(origin + path, { signal }).then((answer) => answer.text())).rejects.toThrow('timeout')
  }
  await expect.poll(() => requests.map(({ wasAborted }) => wasAborted)).toEqual([false, true, true])
})

test('sends what is not HTTP', async () => {
  const { origin } = await started({
    '/a': replyRaw('220 mail.example ESMTP\r\n'),
    '/b': replyRaw(Buffer.from([0, 1])),
  })
  expect(await wire(origin, '/a')).toEqual({ end: 'close', text: '220 mail.example ESMTP\r\n' })
  expect((await wire(origin, '/b')).text).toBe('\0\x01')
  await expect(fetch(`${origin}/a`)).rejects.toThrow('fetch failed')
})

test('serves a file and its ranges, or ignores or shifts them', async () => {
  const bytes = Buffer.from('0123456789')
  const { origin } = await started({
    '/a': replyFile(bytes),
    '/ignored': replyFile(bytes, { ranges: 'ignored', headers: { 'content-type': 'text/plain' } }),
    '/shifted': replyFile(bytes, { ranges: 'shifted' }),
    '/changed': replyFile(bytes, { etag: ['"1"', '"2"'] }),
  })
  const ask = async (path: string, headers: Record<string, string>) => {
    const answer = await fetch(`${origin}${path}`, { headers })
    return [answer.status, answer.headers.get('content-range'), await answer.text()]
  }
  expect(await ask('/a', {})).toEqual([200, null, '0123456789'])
  expect(await ask('/a', { range: 'bytes=4-' })).toEqual([206, 'bytes 4-9/10', '456789'])
  expect(await ask('/a', { range: 'bytes=4-5', 'if-range': '"1"' })).toEqual([206, 'bytes 4-5/10', '45'])
  expect(await ask('/a', { range: 'bytes=4-5', 'if-range': '"2"' })).toEqual([200, null, '0123456789'])
  expect(await ask('/a', { range: 'bytes=10-' })).toEqual([416, 'bytes */10', ''])
  expect(await ask('/ignored', { range: 'bytes=4-5' })).toEqual([200, null, '0123456789'])
  expect(await ask('/shifted', { range: 'bytes=4-5' })).toEqual([206, 'bytes 5-6/10', '45'])
  expect((await fetch(`${origin}/changed`)).headers.get('etag')).toBe('"1"')
  expect((await fetch(`${origin}/changed`)).headers.get('etag')).toBe('"2"')
})

test('every range of a file has exactly its bytes', async () => {
  const bytes = Buffer.from(Array.from({ length: 50 }, (_, index) => index))
  const { origin } = await started({ '/a': replyFile(bytes) })
  await fc.assert(
    fc.asyncProperty(fc.nat(49), fc.nat(60), async (start, more) => {
      const answer = await fetch(`${origin}/a`, { headers: { range: `bytes=${start}-${start + more}` } })
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes.subarray(start, start + more + 1))
    }),
    { numRuns: 50 },
  )
})

test('a bomb decodes to the declared size and is a small part of it', () => {
  const bomb = gzipBomb(1_000_000)
  expect(gunzipSync(bomb).byteLength).toBe(1_000_000)
  expect(bomb.byteLength).toBeLessThan(2000)
})

test('an origin that refuses connections continues to refuse them', async () => {
  const server = await started({})
  const origin = await server.refusedOrigin()
  expect(origin).not.toBe(server.origin)
  for (let call = 0; call < 3; call += 1) {
    await expect(fetch(origin)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  }
})

test.each([
  ['self-signed', 'DEPTH_ZERO_SELF_SIGNED_CERT', undefined],
  ['expired', 'CERT_HAS_EXPIRED', 'CERT_HAS_EXPIRED'],
  ['wrong-host', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'],
] as const)('a certificate that is %s is refused', async (tls, untrusted, trusted) => {
  const server = await started({ '/a': [resetConnection(), reply({ body: 'fine' })] }, { tls })
  const ask = (ca?: string) =>
    new Promise((resolve) => {
      secureGet(`${server.origin}/a`, { agent: false, ...(ca && { ca }) }, (answer) =>
        resolve(answer.resume().statusCode),
      ).on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
  expect(server.origin).toMatch(/^https:/)
  expect(await ask()).toBe(untrusted)
  if (trusted === undefined)
    expect([await ask(server.certificate), await ask(server.certificate)]).toEqual(['ECONNRESET', 200])
  else expect(await ask(server.certificate)).toBe(trusted)
})

test('a handler of the test that throws is reported to the client', async () => {
  const { origin } = await started({
    '/a': () => {
      throw new TypeError('my bug')
    },
  })
  expect(await (await fetch(`${origin}/a`)).text()).toBe('The handler threw: TypeError: my bug')
})

test('a close ends waits and connections, and a second one does nothing', async () => {
  const server = await started({ '/a': neverReply() })
  const refused = await server.refusedOrigin()
  const waiting = new Promise((resolve) => get(`${server.origin}/a`).on('error', resolve))
  await expect.poll(() => server.requests.length).toBe(1)
  await server.close()
  await expect(waiting).resolves.toMatchObject({ code: 'ECONNRESET' })
  await server.close()
  await expect(fetch(server.origin)).rejects.toThrow('fetch failed')
  await expect(fetch(refused)).rejects.toThrow('fetch failed')
})
