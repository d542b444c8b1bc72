import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Fetch } from '../../src/upstream/outgoing-request.js'
import { send } from '../../src/upstream/request.js'
import { json, loopbackServer, videoBytes } from './loopback-server.js'
import { rejection } from './stage-context.js'

const loaded = vi.hoisted(() => ({ count: 0 }))
vi.mock('ky', async (original) => {
  loaded.count += 1
  return original()
})

const signal = new AbortController().signal

const injected: Fetch = (url, init) => globalThis.fetch(url, init)

test('loads ky at the first request with an injected fetch, not before', async () => {
  await import('../../src/strategies/index.js')
  const server = await loopbackServer(json(200, {}))
  await send({ method: 'GET', url: server.origin, signal })
  expect(loaded.count).toBe(0)
  await send({ method: 'GET', url: server.origin, signal, fetch: injected })
  expect(loaded.count).toBe(1)
})

const TRANSPORTS = { 'over node:http': undefined, 'with an injected fetch': injected }
const cases = [301, 302, 307, 308, 500, 429].flatMap((status) =>
  Object.entries(TRANSPORTS).map(([how, fetch]) => [status, how, fetch] as const),
)
test.each(cases)('returns a %i unchanged, after one request, %s', async (status, _, fetch) => {
  const server = await loopbackServer(json(status, {}, { location: '/elsewhere', 'retry-after': '0' }))
  const response = await send({ method: 'POST', url: `${server.origin}/a`, json: { b: 1 }, signal, fetch })
  expect(response.status).toBe(status)
  expect(server.seen.map(({ url }) => url)).toEqual(['/a'])
  expect(server.seen[0]?.headers['content-type']).toBe('application/json')
  expect(String(server.seen[0]?.body)).toBe('{"b":1}')
})

test('calls an injected fetch with an address and plain options', async () => {
  const fetch = vi.fn(async (_input: unknown, _init?: RequestInit) => new Response('ok'))
  const form = new FormData()
  const response = await send({ method: 'POST', url: 'http://a.example/b', form, headers: { x: 'y' }, signal, fetch })
  expect(await response.read(10, signal)).toMatchObject({ text: 'ok' })
  expect(fetch).toHaveBeenCalledWith('http://a.example/b', {
    method: 'POST',
    body: form,
    headers: { x: 'y' },
    redirect: 'manual',
    signal,
  })
})

test('an abort rejects with its reason itself, also when the injected fetch does not listen', async () => {
  const controller = new AbortController()
  const reason = { because: 'enough' }
  const fetch = () => new Promise<Response>(() => undefined)
  const waiting = rejection(send({ method: 'GET', url: 'http://a.example', signal: controller.signal, fetch }))
  controller.abort(reason)
  expect(await waiting).toBe(reason)
})

test.each([0, 1, 65_535, 65_536, 65_537, 1_000_000])('sends %i bytes unchanged, with their length', async (length) => {
  const server = await loopbackServer(json(308, {}, { range: 'bytes=0-42', location: '/elsewhere' }))
  const bytes = new Uint8Array(videoBytes(length + 10)).subarray(7, length + 7)
  const headers = { 'content-type': 'video/mp4', 'content-range': `bytes 0-${length - 1}/*` }
  const response = await send({ method: 'PUT', url: server.origin, bytes, headers, signal })
  expect(response.status).toBe(308)
  expect(server.seen).toHaveLength(1)
  expect(server.seen[0]?.headers).toMatchObject({ ...headers, 'content-length': String(length) })
  expect(server.seen[0]?.headers).not.toHaveProperty('transfer-encoding')
  expect(server.seen[0]?.body.equals(bytes)).toBe(true)
})

test('an injected fetch gets bytes unchanged', async () => {
  const fetch = vi.fn(async (_input: unknown, _init?: RequestInit) => new Response('ok'))
  const bytes = new Uint8Array([1, 2, 3])
  await send({ method: 'PUT', url: 'http://a.example/b', bytes, signal, fetch })
  expect(fetch.mock.lastCall?.[1]).toEqual({ method: 'PUT', body: bytes, headers: {}, redirect: 'manual', signal })
})

test('an abort in the middle of bytes ends the connection', async () => {
  const controller = new AbortController()
  const cut = Promise.withResolvers<void>()
  const server = createServer((request) => {
    request.once('data', () => controller.abort('enough'))
    request.on('error', () => cut.resolve())
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const bytes = new Uint8Array(50_000_000)
  const sent = send({ method: 'PUT', url: `http://127.0.0.1:${port}`, bytes, signal: controller.signal })
  expect(await rejection(sent)).toBe('enough')
  await cut.promise
})
