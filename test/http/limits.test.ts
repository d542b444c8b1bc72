import { createServer } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type HandlerOptions, toNodeListener } from '../../src/http/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { chatBody, handlerOf } from './handler-call.js'
import { serve } from './node/serve.js'

const CHAT = '/v1/chat/completions'
const VIDEOS = '/v1/videos'
const TWO_KEYS = {
  apiKeys: [
    { key: 'a', owner: 'ann' },
    { key: 'b', owner: 'bob' },
  ],
}

describe('unfinished runs of one owner', () => {
  const setUp = (options: HandlerOptions = {}) => {
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    return { generator, ...handlerOf({ ...TWO_KEYS, maxRunsPerOwner: 2, ...options }, { generator }) }
  }

  it('are limited: one more is refused before it costs anything, on every route', async () => {
    const { generator, json, call } = setUp()
    const first = await json('POST', VIDEOS, { key: 'a', body: { prompt: '1' } })
    await call('POST', CHAT, { key: 'a', body: chatBody('2', { stream: true }) })
    for (const [path, body] of [
      [VIDEOS, { prompt: '3' }],
      [CHAT, chatBody('3')],
      [CHAT, chatBody('3', { stream: true })],
    ] as const) {
      const { status, headers, body: refusal } = await json('POST', path, { key: 'a', body })
      expect([status, headers.get('retry-after')]).toEqual([429, '10'])
      expect(refusal.error).toMatchObject({ type: 'rate_limit_error', code: 'too_many_runs', param: null })
      expect(refusal.error.message).toContain('2 of yours are unfinished')
    }
    expect(generator.startCount).toBe(2)
    expect((await json('POST', VIDEOS, { key: 'b', body: { prompt: '3' } })).status).toBe(200)
    await json('DELETE', `${VIDEOS}/${first.body.id}`, { key: 'a' })
    expect((await json('POST', VIDEOS, { key: 'a', body: { prompt: '3' } })).status).toBe(200)
  })

  it('do not count those that are joined', async () => {
    const { generator, json } = setUp({ maxRunsPerOwner: 1 })
    const keyed = (key: string, order: string) =>
      json('POST', VIDEOS, { key, headers: { 'idempotency-key': order }, body: { prompt: 'A cat' } })
    const [first, twin] = await Promise.all([keyed('a', '1'), keyed('a', '1')])
    const again = await keyed('a', '1')
    expect([first.status, twin.status, again.status]).toEqual([200, 200, 200])
    expect(new Set([first.body.id, twin.body.id, again.body.id]).size).toBe(1)
    expect((await keyed('a', '2')).status).toBe(429)
    const retry = { key: 'b', headers: { 'x-stainless-retry-count': '1' }, body: { prompt: 'A dog' } }
    const repeated = [await json('POST', VIDEOS, retry), await json('POST', VIDEOS, retry)]
    expect(repeated.map(({ status }) => status)).toEqual([200, 200])
    expect(generator.startCount).toBe(2)
  })

  it('begin at the same moment, and no more than the limit', async () => {
    const { generator, json } = setUp()
    const answers = await Promise.all(
      ['1', '2', '3', '4', '5'].map((prompt) => json('POST', VIDEOS, { key: 'a', body: { prompt } })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429, 429])
    expect(generator.startCount).toBe(2)
  })

  it('that were never begun take no place', async () => {
    let isRefusing = true
    const prepare: HandlerOptions['prepare'] = (request) => {
      if (isRefusing) throw new Error('no')
      return request
    }
    const { json } = setUp({ maxRunsPerOwner: 1, prepare })
    for (const headers of [{}, { 'idempotency-key': '1' }]) {
      expect((await json('POST', VIDEOS, { key: 'a', headers, body: { prompt: '1' } })).status).toBe(500)
    }
    isRefusing = false
    expect((await json('POST', VIDEOS, { key: 'a', body: { prompt: '1' } })).status).toBe(200)
  })

  it('are not prepared when no place is free', async () => {
    let prepared = 0
    const prepare: HandlerOptions['prepare'] = (request) => {
      prepared += 1
      return request
    }
    const { json } = setUp({ maxRunsPerOwner: 1, prepare })
    await json('POST', VIDEOS, { key: 'a', body: { prompt: '1' } })
    expect((await json('POST', VIDEOS, { key: 'a', body: { prompt: '2' } })).status).toBe(429)
    expect(prepared).toBe(1)
  })

  it('free their places when they succeed or fail', async () => {
    const generator = fakeTaskGenerator({ polls: [{ state: 'failed', error: new Error('no') as never }] })
    const { json, ended } = handlerOf({ ...TWO_KEYS, maxRunsPerOwner: 1 }, { generator })
    for (const prompt of ['1', '2', '3']) {
      const { status, body } = await json('POST', VIDEOS, { key: 'a', body: { prompt } })
      expect(status).toBe(200)
      await ended(body.id)
    }
  })
})

/** A request whose body never ends; `sent` bytes of it came. */
function halfSent(path: string, sent: number, key = 'a') {
  let isCancelled = false
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(sent).fill(0x20)),
    cancel() {
      isCancelled = true
    },
  })
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
  const init = { method: 'POST', body, headers, duplex: 'half' }
  const request = new Request(`http://backend.example${path}`, init as RequestInit)
  return { request, isCancelled: () => isCancelled }
}

describe('bodies that do not arrive', () => {
  it.each([VIDEOS, CHAT, `${VIDEOS}/video_1/remix`])('are given up after their time: %s', async (path) => {
    const clock = manualClock()
    const { handler, errors } = handlerOf({ ...TWO_KEYS, clock, bodyTimeoutMs: 30_000 }, { clock })
    const { request, isCancelled } = halfSent(path, 100)
    const answer = handler(request)
    await clock.advance(29_999)
    expect(isCancelled()).toBe(false)
    await clock.advance(1)
    const response = await answer
    expect(response.status).toBe(408)
    expect(await response.json()).toMatchObject({
      error: { code: 'request_timeout', message: 'Could not read the body: it did not arrive within 30,000 ms' },
    })
    expect([isCancelled(), clock.pending, errors]).toEqual([true, 0, []])
  })

  it('are given up over a real connection, and the client gets an error', async () => {
    const clock = manualClock()
    const { handler } = handlerOf({ clock }, { clock })
    const { origin } = await serve(createServer(toNodeListener(handler)))
    const socket = connect(Number(new URL(origin).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let text = ''
    const heard = new Promise<void>((resolve) => {
      socket.on('data', (bytes) => {
        text += bytes
        if (text.includes('request_timeout')) resolve()
      })
    })
    socket.write(
      `POST ${VIDEOS} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"pro`,
    )
    while (clock.pending === 0) await new Promise(setImmediate)
    await clock.advance(120_000)
    await heard
    expect(text).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('leave no timer behind when they arrive, or their sender leaves', async () => {
    const clock = manualClock()
    const { handler, json } = handlerOf({ ...TWO_KEYS, clock }, { clock })
    await json('POST', VIDEOS, { key: 'a', body: '{', headers: { 'content-type': 'application/json' } })
    expect(clock.pending).toBe(0)
    const sender = new AbortController()
    const { request } = halfSent(VIDEOS, 10)
    const answer = handler(new Request(request, { signal: sender.signal }))
    await clock.advance(0)
    sender.abort(new DOMException('gone', 'AbortError'))
    expect((await answer).status).toBe(499)
    expect(clock.pending).toBe(0)
  })
})

describe('all bodies that arrive at one moment', () => {
  it('are bounded together: one that does not fit is refused, and fits once another has ended', async () => {
    const clock = manualClock()
    const limits = { maxBodyBytes: 1000, maxTotalBodyBytes: 2500, bodyTimeoutMs: 60_000 }
    const { handler, json, errors } = handlerOf({ ...TWO_KEYS, clock, ...limits }, { clock })
    const waiting = [1, 2].map(() => handler(halfSent(VIDEOS, 1000).request))
    await clock.advance(0)
    const body = JSON.stringify({ prompt: 'x'.repeat(600) })
    const headers = { 'content-type': 'application/json' }
    const refused = await json('POST', VIDEOS, { key: 'b', headers, body })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect(refused.body.error).toMatchObject({ type: 'server_error', code: 'overloaded' })
    expect((await clock.runUntil(json('POST', VIDEOS, { key: 'b', body: { prompt: 'short' } }))).status).toBe(200)
    await clock.advance(60_000)
    for (const answer of waiting) expect((await answer).status).toBe(408)
    expect((await clock.runUntil(json('POST', VIDEOS, { key: 'b', headers, body }))).status).toBe(200)
    expect(errors).toEqual([])
  })

  it('free their bytes however they end', async () => {
    const { json } = handlerOf({ maxBodyBytes: 1000, maxTotalBodyBytes: 1000 })
    const headers = { 'content-type': 'application/json' }
    const bodies = ['{', 'x'.repeat(1001), JSON.stringify({ prompt: ' ' }), JSON.stringify({ prompt: 'x'.repeat(900) })]
    const statuses: number[] = []
    for (const body of [...bodies, ...bodies]) statuses.push((await json('POST', VIDEOS, { headers, body })).status)
    expect(statuses).toEqual([400, 413, 400, 200, 400, 413, 400, 200])
  })
})
