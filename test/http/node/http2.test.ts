import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants, createSecureServer, createServer } from 'node:http2'
import { expect, it, onTestFinished } from 'vitest'
import { toNodeListener } from '../../../src/http/node/to-node-listener.js'
import { testCertificate } from '../../../src/testing/fault-server/test-certificate.js'
import { serve } from './serve.js'
import { stubHandler } from './stub-handler.js'

async function start(isSecure = false) {
  const stub = stubHandler()
  const errors: unknown[] = []
  const listener = toNodeListener(stub.handle, { onError: (error) => errors.push(error) })
  const certificate = testCertificate('self-signed')
  const server = isSecure ? createSecureServer(certificate, listener) : createServer(listener)
  const { origin } = await serve(server, isSecure ? 'https' : 'http')
  const session = connect(origin, { ca: certificate.cert })
  onTestFinished(() => session.destroy())
  return { session, origin, stub, errors }
}

function ask(session: ClientHttp2Session, headers: Record<string, string>, body?: string) {
  const stream = session.request(headers, { endStream: body === undefined && headers[':method'] !== 'POST' })
  if (headers[':method'] === 'POST') stream.end(body)
  return stream
}

it.each([false, true])('a request over HTTP/2, with TLS: %s', async (isSecure) => {
  const { session, origin, errors } = await start(isSecure)
  const stream = ask(session, { ':method': 'POST', ':path': '/echo?a=1', 'x-a': '1', cookie: 'a=1' }, 'hello')
  const [headers] = await once(stream, 'response')
  expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/json' })
  expect(JSON.parse(Buffer.concat(await stream.toArray()).toString())).toEqual({
    method: 'POST',
    url: `${origin}/echo?a=1`,
    headers: { 'x-a': '1', cookie: 'a=1' },
    body: 'hello',
  })
  expect(errors).toEqual([])
})

it.each([
  ['api.example:99999', 'http://localhost/echo'],
  ['api.example', 'http://api.example/echo'],
])('an authority of %s', async (authority, url) => {
  const { session } = await start()
  const stream = ask(session, { ':method': 'GET', ':path': '/echo', ':authority': authority })
  expect(JSON.parse(Buffer.concat(await stream.toArray()).toString())).toMatchObject({ url, body: '' })
})

it('an empty body is null, and what the handler does not read is discarded', async () => {
  const { session, errors } = await start()
  const empty = session.request({ ':method': 'POST', ':path': '/echo' }, { endStream: true })
  expect(JSON.parse(Buffer.concat(await empty.toArray()).toString())).toMatchObject({ body: '' })
  const unread = ask(session, { ':method': 'POST', ':path': '/unread' }, 'a'.repeat(1_000_000))
  expect(Buffer.concat(await unread.toArray()).toString()).toBe('not read')
  await once(unread, 'close')
  expect([unread.rstCode, errors]).toEqual([0, []])
})

it('a client that resets its stream, before the headers and in mid-stream', async () => {
  const { session, stub } = await start()
  const late = ask(session, { ':method': 'GET', ':path': '/late' })
  const first = await stub.visit()
  late.close(constants.NGHTTP2_CANCEL)
  await first.aborted
  first.answer()
  await first.cancelled

  const streaming = ask(session, { ':method': 'GET', ':path': '/stream' })
  const second = await stub.visit()
  second.push('data: 1\n\n')
  await once(streaming, 'data')
  streaming.close(constants.NGHTTP2_CANCEL)
  await Promise.all([second.aborted, second.cancelled])

  const closing = ask(session, { ':method': 'GET', ':path': '/stream' })
  const third = await stub.visit()
  await once(closing, 'response')
  session.destroy()
  await Promise.all([third.aborted, third.cancelled])
})

it('a client that leaves after the end', async () => {
  const { session, stub } = await start()
  const stream = ask(session, { ':method': 'GET', ':path': '/stream' })
  const visit = await stub.visit()
  visit.push('data: [DONE]\n\n')
  visit.end()
  expect(Buffer.concat(await stream.toArray()).toString()).toBe('data: [DONE]\n\n')
  session.close()
  await once(session, 'close')
  const first = Promise.race([visit.aborted.then(() => 'aborted'), visit.cancelled.then(() => 'cancelled'), 'nothing'])
  expect([await first, visit.request.signal.aborted]).toEqual(['nothing', false])
})

it('a body that fails is cut off, and the other streams of the connection continue', async () => {
  const { session, stub, errors } = await start()
  const broken = ask(session, { ':method': 'GET', ':path': '/stream' })
  const visit = await stub.visit()
  const failure = new Error('broken')
  visit.push('data: 1\n\n')
  visit.fail(failure)
  const [error] = await once(broken.resume(), 'error')
  expect([error.code, broken.rstCode]).toEqual(['ERR_HTTP2_STREAM_ERROR', constants.NGHTTP2_INTERNAL_ERROR])
  expect(errors).toEqual([failure])
  const next = ask(session, { ':method': 'GET', ':path': '/unread' })
  expect(Buffer.concat(await next.toArray()).toString()).toBe('not read')
})

it('the head of an answer, without headers that HTTP/2 forbids', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error) => void warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const headers = [
    ['connection', 'close'],
    ['keep-alive', 'timeout=5'],
    ['transfer-encoding', 'chunked'],
    ['set-cookie', 'a=1'],
    ['set-cookie', 'b=2'],
  ] satisfies [string, string][]
  const listener = toNodeListener(() => new Response('body', { status: 201, statusText: 'Made', headers }))
  const { origin } = await serve(createServer(listener))
  const session = connect(origin)
  onTestFinished(() => session.destroy())
  for (const method of ['GET', 'HEAD']) {
    const stream = ask(session, { ':method': method, ':path': '/' })
    const [received] = await once(stream, 'response')
    expect(received).toMatchObject({ ':status': 201, 'set-cookie': ['a=1', 'b=2'] })
    expect(Object.keys(received).sort()).toEqual([':status', 'content-type', 'date', 'set-cookie'])
    expect(Buffer.concat(await stream.toArray()).toString()).toBe(method === 'GET' ? 'body' : '')
  }
  expect(warnings).toEqual([])
})
