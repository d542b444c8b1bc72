import OpenAI from 'openai'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test, vi } from 'vitest'
import { verifyWebhook } from '../../../src/http/webhooks/verify-webhook.js'
import { createWebhookSender, type WebhookSenderOptions } from '../../../src/http/webhooks/webhook-sender.js'
import { manualClock } from '../../../src/testing/manual-clock.js'
import { eventually } from '../../support/eventually.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { instantClock } from '../../upstream/stage-context.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const allowed = { secret: SECRET, allowPrivateAddresses: ['127.0.0.1'] }
const COMPLETED = { type: 'video.completed', data: { id: 'video_1' } } as const

/** A receiver that answers with these statuses one after the other, the last one forever. */
const receiver = (...statuses: readonly (number | Record<string, string>)[]) => {
  let calls = 0
  return loopbackServer((_seen, response) => {
    const answer = statuses[Math.min(calls, statuses.length - 1)] ?? 200
    calls += 1
    if (typeof answer === 'number') response.writeHead(answer).end('an answer')
    else response.writeHead(503, answer).end('an answer')
  })
}

const setUp = (more: Partial<WebhookSenderOptions> = {}) => {
  const clock = instantClock()
  return { clock, sender: createWebhookSender({ ...allowed, clock, random: () => 0.5, ...more }) }
}

describe('what is sent', () => {
  test('is the event in the shape of OpenAI, byte for byte, with the headers of Standard Webhooks', async () => {
    const server = await receiver(204)
    const { sender } = setUp({ clock: manualClock({ now: 1_790_000_000_999 }) })
    const webhook = { ...COMPLETED, id: 'evt_0f8b', createdAt: 1_789_999_990_123 }
    const delivery = await sender.send(`${server.origin}/hook?token=1`, webhook)
    const host = new URL(server.origin).host
    const attempt = { at: 1_790_000_000_999, durationMs: 0, status: 204 }
    expect(delivery).toEqual({ id: 'evt_0f8b', host, outcome: 'delivered', attempts: [attempt] })
    const [seen] = server.seen
    expect([seen?.method, seen?.url]).toEqual(['POST', '/hook?token=1'])
    expect(String(seen?.body)).toBe(
      '{"id":"evt_0f8b","object":"event","created_at":1789999990,"type":"video.completed","data":{"id":"video_1"}}',
    )
    expect(seen?.headers).toEqual({
      host,
      connection: 'close',
      'content-length': '107',
      'content-type': 'application/json',
      'user-agent': 'sora-pipeline',
      'webhook-id': 'evt_0f8b',
      'webhook-timestamp': '1790000000',
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
    })
  })

  test('is accepted by the official client, by the published package and by verifyWebhook', async () => {
    const accepted: unknown[] = []
    const client = new OpenAI({ apiKey: 'none', webhookSecret: SECRET })
    const server = await loopbackServer(async ({ body, headers }, response) => {
      const plain = headers as Record<string, string>
      accepted.push(await client.webhooks.unwrap(String(body), plain))
      accepted.push(new Webhook(SECRET).verify(body, plain))
      accepted.push(await verifyWebhook({ body, headers }, { secret: SECRET }))
      response.writeHead(200).end()
    })
    const sender = createWebhookSender(allowed)
    const startedAt = Date.now()
    const { id, outcome } = await sender.send(server.origin, { type: 'video.failed', data: { id: 'vidéo_猫"1' } })
    expect(outcome).toBe('delivered')
    const event = {
      id,
      object: 'event',
      type: 'video.failed',
      data: { id: 'vidéo_猫"1' },
      created_at: expect.any(Number),
    }
    const { createdAt } = accepted[2] as { createdAt: number }
    expect(accepted).toEqual([event, event, { id, type: 'video.failed', data: event.data, createdAt }])
    expect(Math.abs(createdAt - startedAt)).toBeLessThan(60_000)
  })

  test('is refused by the official client when a letter of it changes', async () => {
    const server = await receiver(200)
    await createWebhookSender(allowed).send(server.origin, COMPLETED)
    const { body, headers } = server.seen[0] ?? {}
    const client = new OpenAI({ apiKey: 'none', webhookSecret: SECRET })
    const altered = String(body).replace('video_1', 'video_2')
    await expect(client.webhooks.unwrap(altered, headers as Record<string, string>)).rejects.toThrow(/signature/)
  })

  test('has one signature for each secret, and each is enough', async () => {
    const server = await receiver(200)
    const { clock, sender } = setUp({ secret: [SECRET, 'any text'] })
    await sender.send(server.origin, COMPLETED)
    const [webhook] = server.seen
    for (const secret of [SECRET, 'any text', ['none', SECRET]]) {
      expect(await verifyWebhook(webhook ?? { body: '', headers: {} }, { secret, clock })).toMatchObject(COMPLETED)
    }
  })

  test('has its own id', async () => {
    const server = await receiver(200)
    const { sender } = setUp()
    const ids = await Promise.all([1, 2, 3].map(async () => (await sender.send(server.origin, COMPLETED)).id))
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(id).toMatch(/^evt_[0-9a-f]{32}$/)
    expect(server.seen.map(({ headers }) => headers['webhook-id']).sort()).toEqual(ids.sort())
  })
})

describe('a try that failed', () => {
  test('is followed by six more, further and further apart, with one id and fresh signatures', async () => {
    const server = await receiver(500)
    const { clock, sender } = setUp()
    const { outcome, attempts, error, id } = await sender.send(server.origin, COMPLETED)
    expect([outcome, attempts.length]).toEqual(['exhausted', 7])
    expect(clock.waits).toEqual([2_500, 150_000, 900_000, 3_600_000, 9_000_000, 18_000_000])
    expect(error).toMatchObject({ code: 'upstream-http', status: 500 })
    expect(attempts.map(({ status, error }) => [status, error?.code])).toEqual(Array(7).fill([500, 'upstream-http']))
    let at = 1_700_000_000_000
    for (const [index, webhook] of server.seen.entries()) {
      expect(webhook.headers['webhook-timestamp']).toBe(String(Math.floor(at / 1_000)))
      expect(attempts[index]?.at).toBe(at)
      const clockThen = manualClock({ now: at })
      expect(await verifyWebhook(webhook, { secret: SECRET, clock: clockThen, toleranceMs: 1_000 })).toMatchObject({
        id,
      })
      at += clock.waits[index] ?? 0
    }
    expect(new Set(server.seen.map(({ body }) => String(body))).size).toBe(1)
  })

  test.each([
    [0, [0, 0]],
    [0.999_999, [5_000, 300_000]],
  ])('is repeated anywhere within the span: random %d', async (random, waits) => {
    const server = await receiver(500, 500, 200)
    const { clock, sender } = setUp({ random: () => random })
    expect((await sender.send(server.origin, COMPLETED)).outcome).toBe('delivered')
    expect(clock.waits).toEqual(waits)
  })

  test('is repeated as often as configured, and the last span again and again', async () => {
    const server = await receiver(500)
    const { clock, sender } = setUp({ retries: 9, random: () => 1 })
    expect((await sender.send(server.origin, COMPLETED)).attempts).toHaveLength(10)
    expect(clock.waits.slice(-4)).toEqual(Array(4).fill(36_000_000))
    const none = setUp({ retries: 0 })
    expect((await none.sender.send(server.origin, COMPLETED)).attempts).toHaveLength(1)
    expect(none.clock.waits).toEqual([])
  })

  test('is not repeated before Retry-After, unless that is beyond the span', async () => {
    const server = await receiver(
      { 'retry-after': '2' },
      { 'retry-after': '3600' },
      { 'retry-after-ms': '1000' },
      { 'retry-after': '7000' },
      { 'retry-after': 'Wed, 01 Jan 2098 00:00:00 GMT' },
      { 'retry-after': 'nonsense' },
      200,
    )
    const random = vi.fn(() => 0)
    const { clock, sender } = setUp({ random })
    expect((await sender.send(server.origin, COMPLETED)).outcome).toBe('delivered')
    expect(clock.waits).toEqual([2_000, 300_000, 1_000, 7_000_000, 18_000_000, 0])
    random.mockReturnValue(0.5)
    const again = await receiver({ 'retry-after': '2' }, 200)
    await sender.send(again.origin, COMPLETED)
    // Between the requested wait and the end of the span.
    expect(clock.waits.at(-1)).toBe(3_500)
  })

  test.each([200, 201, 202, 204, 299])('by %i is not repeated', async (status) => {
    const server = await receiver(status)
    expect(await setUp().sender.send(server.origin, COMPLETED)).toMatchObject({
      outcome: 'delivered',
      attempts: [{ status }],
    })
  })

  test('by 410 is the last one', async () => {
    const server = await receiver(500, 410)
    const { sender } = setUp()
    const delivery = await sender.send(server.origin, COMPLETED)
    expect(delivery).toMatchObject({
      outcome: 'gone',
      error: { code: 'upstream-http', status: 410, isRetryable: false },
    })
    expect(server.seen).toHaveLength(2)
  })

  test.each([100, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503, 504, 599])(
    'by %i is repeated',
    async (status) => {
      let calls = 0
      const server = await loopbackServer((_seen, response) => {
        calls += 1
        if (calls > 1) return response.writeHead(200).end()
        if (status === 100) response.writeContinue()
        return response.writeHead(status === 100 ? 500 : status, { location: '/secret' }).end()
      })
      const { sender } = setUp()
      expect(await sender.send(`${server.origin}/hook`, COMPLETED)).toMatchObject({
        outcome: 'delivered',
        attempts: [{}, { status: 200 }],
      })
      expect(server.seen.map(({ url, method }) => [method, url])).toEqual([
        ['POST', '/hook'],
        ['POST', '/hook'],
      ])
    },
  )
})

describe('the signal', () => {
  test('ends a wait at once, and nothing is sent afterwards', async () => {
    const server = await receiver(500)
    const clock = manualClock()
    const sender = createWebhookSender({ ...allowed, clock })
    const controller = new AbortController()
    const sending = sender.send(server.origin, COMPLETED, { signal: controller.signal })
    await eventually(() => expect(clock.pending).toBe(1))
    controller.abort(new Error('the server stops'))
    expect(await sending).toMatchObject({ outcome: 'stopped', attempts: [{ status: 500 }], error: { status: 500 } })
    expect(clock.pending).toBe(0)
    await clock.advance(36_000_000)
    expect(server.seen).toHaveLength(1)
  })

  test('ends a try at once', async () => {
    const controller = new AbortController()
    const server = await loopbackServer(() => controller.abort())
    const { sender, clock } = setUp()
    const delivery = await sender.send(server.origin, COMPLETED, { signal: controller.signal })
    expect(delivery).toEqual({ id: delivery.id, host: delivery.host, outcome: 'stopped', attempts: [] })
    expect(clock.waits).toEqual([])
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  test('that was aborted before sends nothing', async () => {
    const server = await receiver(200)
    const options = { signal: AbortSignal.abort() }
    expect(await setUp().sender.send(server.origin, COMPLETED, options)).toMatchObject({
      outcome: 'stopped',
      attempts: [],
    })
    expect(server.seen).toEqual([])
  })

  test('is released: thousands of webhooks leave no listener', async () => {
    const server = await receiver(200)
    const controller = new AbortController()
    const added = vi.spyOn(controller.signal, 'addEventListener')
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const { sender } = setUp()
    for (let sent = 0; sent < 50; sent += 1) await sender.send(server.origin, COMPLETED, { signal: controller.signal })
    const left = new Set(added.mock.calls.map(([, listener]) => listener))
    for (const [, listener] of removed.mock.calls) left.delete(listener)
    expect([added.mock.calls.length > 0, left.size]).toEqual([true, 0])
  })
})

test('onAttempt is called for each try, and cannot interfere', async () => {
  const server = await receiver(500, 200)
  const onAttempt = vi
    .fn<() => void>()
    .mockRejectedValueOnce(new Error('not my day'))
    .mockImplementation(() => {
      throw new Error('not mine either')
    })
  const { sender } = setUp({ onAttempt })
  const { id, host, attempts, outcome } = await sender.send(server.origin, COMPLETED)
  expect(outcome).toBe('delivered')
  expect(onAttempt.mock.calls).toEqual(attempts.map((attempt) => [attempt, { id, host }]))
})

test.each([
  [{ secret: '' }, 'secret'],
  [{ secret: 'whsec_canary!' }, 'secret'],
  [{ retries: -1 }, 'retries'],
  [{ retries: 1.5 }, 'retries'],
  [{ retries: Number.POSITIVE_INFINITY }, 'retries'],
  [{ timeoutMs: 0 }, 'timeoutMs'],
  [{ allowPrivateAddresses: ['http://a/'] }, 'allowPrivateAddresses[0]'],
])('the option %j is refused at once', (options, field) => {
  let error: unknown
  try {
    createWebhookSender({ ...allowed, ...options })
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ code: 'configuration-invalid', problems: [{ field }] })
  expect(String(error)).not.toContain('canary')
})
