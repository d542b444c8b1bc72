import { expect, test, vi } from 'vitest'
import { send } from '../../src/upstream/request.js'
import { json, loopbackServer } from './loopback-server.js'
import { rejection } from './stage-context.js'

const loaded = vi.hoisted(() => ({ count: 0 }))
vi.mock('ky', async (original) => {
  loaded.count += 1
  return original()
})

const signal = new AbortController().signal

test('loads ky at the first request, not before', async () => {
  await import('../../src/strategies/index.js')
  expect(loaded.count).toBe(0)
  const server = await loopbackServer(json(200, {}))
  await send({ method: 'GET', url: server.origin, signal })
  expect(loaded.count).toBe(1)
})

test.each([301, 302, 307, 308, 500, 429])('hands out a %i as it is, after one request', async (status) => {
  const server = await loopbackServer(json(status, {}, { location: '/elsewhere', 'retry-after': '0' }))
  const response = await send({ method: 'POST', url: `${server.origin}/a`, json: { b: 1 }, signal })
  expect(response.status).toBe(status)
  expect(server.seen.map(({ url }) => url)).toEqual(['/a'])
  expect(server.seen[0]?.headers['content-type']).toBe('application/json')
  expect(String(server.seen[0]?.body)).toBe('{"b":1}')
})

test('calls an injected fetch with an address and plain options', async () => {
  const fetch = vi.fn(async (_input: unknown, _init?: RequestInit) => new Response('ok'))
  const form = new FormData()
  const response = await send({ method: 'POST', url: 'http://a.example/b', form, headers: { x: 'y' }, signal, fetch })
  expect(await response.text()).toBe('ok')
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
