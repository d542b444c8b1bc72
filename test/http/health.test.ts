import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { toNodeListener } from '../../src/http/index.js'
import { memoryStore, type RunStore } from '../../src/index.js'
import { manualClock } from '../../src/testing/index.js'
import { handlerOf } from './handler-call.js'

const KEYS = ['a-key-of-the-tests']

/** A store that counts its loads, and answers them as the test wants. */
function countedStore() {
  const inner = memoryStore()
  const state = { loads: 0, load: inner.load }
  const store: RunStore = {
    ...inner,
    load: (id) => {
      state.loads += 1
      return state.load(id)
    },
  }
  return { store, state }
}

const hang = () => new Promise<never>(() => undefined)
const fail = () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.7:5432 as user app with Pa55word'))

describe('healthz', () => {
  it('is not a route unless it is asked for', async () => {
    const { call } = handlerOf({ apiKeys: KEYS })
    expect((await call('GET', '/healthz')).status).toBe(404)
  })

  it('answers 200 without a key while the store answers, also to HEAD, and nothing but that', async () => {
    const { call } = handlerOf({ apiKeys: KEYS, healthz: true })
    const answer = await call('GET', '/healthz')
    expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ok"}'])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const head = await call('HEAD', '/healthz')
    expect([head.status, await head.text()]).toEqual([200, ''])
    const wrong = await call('POST', '/healthz')
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await call('GET', '/v1/videos')).status).toBe(401)
  })

  it('answers 503 from the call of close on, without a read of the store, while requests are served until the drain ends', async () => {
    const clock = manualClock()
    const { store, state } = countedStore()
    const { call, pipeline } = handlerOf({ apiKeys: KEYS, healthz: true, clock }, { store, clock })
    expect(pipeline.isClosing).toBe(false)
    expect((await call('GET', '/healthz')).status).toBe(200)
    const { loads } = state
    const closed = pipeline.close({ drainMs: 5000 })
    expect(pipeline.isClosing).toBe(true)
    const answer = await call('GET', '/healthz')
    expect([answer.status, await answer.text()]).toEqual([503, '{"status":"closing"}'])
    expect((await call('HEAD', '/healthz')).status).toBe(503)
    expect(state.loads).toBe(loads)
    const key = KEYS[0] ?? ''
    expect((await call('POST', '/v1/videos', { key, body: { prompt: 'A cat' } })).status).toBe(200)
    await clock.advance(4999)
    expect((await call('POST', '/v1/videos', { key, body: { prompt: 'A dog' } })).status).toBe(200)
    await clock.advance(1)
    await closed
    expect((await call('POST', '/v1/videos', { key, body: { prompt: 'A cow' } })).status).toBe(503)
    expect((await call('GET', '/healthz')).status).toBe(503)
  })

  it('answers 503 if the close begins during the read of the store', async () => {
    const { store, state } = countedStore()
    const { promise, resolve } = Promise.withResolvers<undefined>()
    state.load = () => promise
    const { call, pipeline } = handlerOf({ apiKeys: KEYS, healthz: true }, { store })
    const answer = call('GET', '/healthz')
    const closed = pipeline.close()
    resolve(undefined)
    expect(await (await answer).text()).toBe('{"status":"closing"}')
    await closed
  })

  it('answers at a path of your own', async () => {
    const { call } = handlerOf({ apiKeys: KEYS, healthz: '/internal/ready' })
    expect((await call('GET', '/internal/ready')).status).toBe(200)
    expect((await call('GET', '/healthz')).status).toBe(404)
  })

  it('answers 503 while the store fails, shows no secret, and recovers', async () => {
    const clock = manualClock()
    const { store, state } = countedStore()
    state.load = fail
    const { call } = handlerOf({ apiKeys: KEYS, healthz: true, clock }, { store, clock })
    const down = await call('GET', '/healthz')
    expect([down.status, await down.text()]).toEqual([503, '{"status":"store_unavailable"}'])
    expect((await call('HEAD', '/healthz')).status).toBe(503)
    state.load = memoryStore().load
    expect((await call('GET', '/healthz')).status).toBe(503)
    await clock.advance(1000)
    expect((await call('GET', '/healthz')).status).toBe(200)
  })

  it('answers 503 after two seconds when the store hangs', async () => {
    const clock = manualClock()
    const { store, state } = countedStore()
    state.load = hang
    const { call } = handlerOf({ apiKeys: KEYS, healthz: true, clock }, { store, clock })
    const startedAt = clock.monotonic()
    const answer = await clock.runUntil(call('GET', '/healthz'))
    expect([answer.status, clock.monotonic() - startedAt]).toEqual([503, 2000])
  })

  it('reads the store once a second in a flood, and once at a time while it hangs', async () => {
    const clock = manualClock()
    const { store, state } = countedStore()
    const { call } = handlerOf({ apiKeys: KEYS, healthz: true, clock }, { store, clock })
    const flood = () => Promise.all(Array.from({ length: 500 }, () => call('GET', '/healthz')))
    expect(new Set((await flood()).map(({ status }) => status))).toEqual(new Set([200]))
    await flood()
    expect(state.loads).toBe(1)
    await clock.advance(1000)
    state.load = hang
    for (let round = 0; round < 3; round += 1) {
      const answers = await clock.runUntil(flood())
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]))
      await clock.advance(1000)
    }
    expect(state.loads).toBe(2)
  })

  it('answers on node:http, where HEAD has no body', async () => {
    const { handler } = handlerOf({ apiKeys: KEYS, healthz: true })
    const server = createServer(toNodeListener(handler)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const message = send({ port, host: '127.0.0.1', path: '/healthz', method: 'HEAD' }).end()
    const [answer] = await once(message, 'response')
    answer.resume()
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/json'])
  })

  it.each([[''], ['healthz'], ['/a b'], ['/healthz?x'], [7]])('refuses the path %j', (healthz) => {
    expect(() => handlerOf({ apiKeys: KEYS, healthz: healthz as string })).toThrow(/healthz .*give true, or a path/)
  })
})
