import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type ReceivedWebhook,
  type VerifyWebhookOptions,
  verifyWebhook,
} from '../../../src/http/webhooks/verify-webhook.js'
import { signWebhook } from '../../../src/http/webhooks/webhook-signature.js'
import { manualClock } from '../../../src/testing/manual-clock.js'
import { rejection } from '../../upstream/stage-context.js'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const NOW = 1_790_000_000_000
const clock = manualClock({ now: NOW })
const BODY = '{"id":"evt_1","object":"event","created_at":1789999990,"type":"video.completed","data":{"id":"video_1"}}'
const EVENT = { id: 'evt_1', type: 'video.completed', createdAt: 1_789_999_990_000, data: { id: 'video_1' } }

interface Sent {
  readonly body?: string
  readonly id?: string
  readonly secrets?: readonly string[]
  /** Epoch milliseconds. */
  readonly at?: number
}

async function signed({ body = BODY, id = 'evt_1', secrets = [SECRET], at = NOW }: Sent = {}) {
  const timestamp = String(Math.floor(at / 1_000))
  const signature = await signWebhook({ id, timestamp, body: new TextEncoder().encode(body) }, secrets)
  return {
    body,
    headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } as Record<
      string,
      string
    >,
  }
}

const verify = (webhook: ReceivedWebhook | Request, options: Partial<VerifyWebhookOptions> = {}) =>
  verifyWebhook(webhook, { secret: SECRET, clock, ...options })

const asRequest = ({ body, headers }: { body: string | Blob; headers: Record<string, string> }) =>
  new Request('http://a.example/', { method: 'POST', body, headers })

describe('a good webhook', () => {
  test('is read from any input form', async () => {
    const { body, headers } = await signed()
    const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]))
    const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]))
    const bytes = Buffer.from(`??${body}`).subarray(2)
    const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...Buffer.from(body)] }) as Uint8Array
    expect(foreign).not.toBeInstanceOf(Uint8Array)
    const ways = [
      { body, headers },
      { body: bytes, headers },
      { body: foreign, headers },
      { body, headers: new Headers(headers) },
      { body, headers: upper },
      { body, headers: { ...lists, cookie: undefined, get: 'a header' } },
      asRequest({ body, headers }),
      asRequest({ body: new Blob([body.slice(0, 9), body.slice(9)]), headers }),
    ]
    for (const way of ways) expect(await verify(way)).toEqual(EVENT)
  })

  test('that the published package signed is read, and it reads what is signed here', async () => {
    const { body, headers } = await signed({ at: Date.now() })
    expect(new Webhook(SECRET).verify(body, headers)).toEqual(JSON.parse(body))
    const signature = new Webhook(SECRET).sign('msg_2', new Date(NOW), body)
    const theirs = { 'webhook-id': 'msg_2', 'webhook-timestamp': String(NOW / 1_000), 'webhook-signature': signature }
    // The id to remember is that of the header: a retry of the sender repeats it.
    expect(await verify({ body, headers: theirs })).toEqual({ ...EVENT, id: 'msg_2' })
  })

  test('passes when one of several signatures is right, in any place, and with one of several secrets', async () => {
    const { body, headers } = await signed({ secrets: ['old', SECRET, 'new'] })
    const signatures = headers['webhook-signature']?.split(' ') ?? []
    const orders = [
      signatures,
      [...signatures].reverse(),
      ['v1a,AAAA', ...signatures],
      ['v1,AAAA', 'nonsense', '', ...signatures],
    ]
    for (const order of orders) {
      for (const secret of [SECRET, 'old', 'new', ['none', 'new']]) {
        const again = { ...headers, 'webhook-signature': order.join(' ') }
        expect(await verify({ body, headers: again }, { secret })).toEqual(EVENT)
      }
    }
  })

  test('passes with its signatures in several headers, as Node and Headers join them', async () => {
    const { body, headers } = await signed({ secrets: ['other', SECRET] })
    const [first = '', second = ''] = headers['webhook-signature']?.split(' ') ?? []
    const joined = new Headers({ ...headers, 'webhook-signature': first })
    joined.append('webhook-signature', second)
    for (const secret of ['other', SECRET]) {
      expect(await verify({ body, headers: joined }, { secret })).toEqual(EVENT)
      expect(await verify({ body, headers: { ...headers, 'webhook-signature': [first, second] } }, { secret })).toEqual(
        EVENT,
      )
    }
  })

  test('passes again: replay protection is up to its receiver', async () => {
    const webhook = await signed()
    expect([await verify(webhook), await verify(webhook)]).toEqual([EVENT, EVENT])
  })

  test('of an unknown type is passed through, with all of its data and nothing of its prototype', async () => {
    const body =
      '{"type":"video.remixed","created_at":1,"data":{"id":"v","n":[1,{"a":null}],"__proto__":{"evil":true}},"more":1}'
    const event = await verify(await signed({ body }))
    expect(event).toEqual({
      id: 'evt_1',
      type: 'video.remixed',
      createdAt: 1_000,
      data: { id: 'v', n: [1, { a: null }] },
    })
    expect(Object.getPrototypeOf(event.data)).toBe(Object.prototype)
    expect('evil' in event.data).toBe(false)
  })

  test('without its own time is as old as its signature', async () => {
    const event = await verify(await signed({ body: '{"type":"a","data":{"id":"b"}}', at: NOW - 9_000 }))
    expect(event.createdAt).toBe(NOW - 9_000)
  })

  test('is read from a real server, before and after a parser of raw bodies', async () => {
    const events: unknown[] = []
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      // What Express passes on after express.raw().
      events.push(await verify(Object.assign(request, { body: Buffer.concat(chunks) })))
      response.writeHead(204).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { body, headers } = await signed({ body: BODY.replace('video_1', 'vidéo_猫') })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(204)
    expect(events).toEqual([{ ...EVENT, data: { id: 'vidéo_猫' } }])
  })
})

describe('the time of a signature', () => {
  test.each([
    [-300_000, true],
    [-301_000, false],
    [300_000, true],
    [301_000, false],
  ])('%i ms from now: %s', async (awayMs, isFine) => {
    const webhook = await signed({ at: NOW + awayMs })
    expect(
      await verify(webhook).then(
        () => true,
        () => false,
      ),
    ).toBe(isFine)
  })

  test('may be as far away as the option allows, and no further', async () => {
    const webhook = await signed({ at: NOW - 10_000 })
    expect(await verify(webhook, { toleranceMs: 10_000 })).toEqual(EVENT)
    expect(await rejection(verify(webhook, { toleranceMs: 9_999 }))).toMatchObject({ code: 'authentication' })
    expect(await verify(await signed(), { toleranceMs: 0 })).toEqual(EVENT)
    expect(await verify(await signed({ at: 1_000 }), { toleranceMs: Number.POSITIVE_INFINITY })).toEqual(EVENT)
  })

  test.each([
    '1790000000.0',
    ' 1790000000',
    '+1790000000',
    '1.79e9',
    '0x6ab13b80',
    '1790000000 ',
    '1790000000\n',
    '-0',
  ])('is Unix seconds in digits, also when %j is signed', async (timestamp) => {
    const signature = await signWebhook({ id: 'evt_1', timestamp, body: new TextEncoder().encode(BODY) }, [SECRET])
    const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': timestamp, 'webhook-signature': signature }
    const options = { toleranceMs: Number.POSITIVE_INFINITY }
    expect(await rejection(verify({ body: BODY, headers }, options))).toMatchObject({ code: 'authentication' })
  })

  test('is that of the machine unless there is a clock', async () => {
    expect(await verifyWebhook(await signed({ at: Date.now() }), { secret: SECRET })).toEqual(EVENT)
    const error = await rejection(verifyWebhook(await signed({ at: Date.now() - 400_000 }), { secret: SECRET }))
    expect(error).toMatchObject({ code: 'authentication' })
  })
})

test('webhooks that are unsigned, wrongly signed or too old are refused in one sentence without details', async () => {
  const { body, headers } = await signed()
  const without = (name: string) => ({ body, headers: { ...headers, [name]: undefined } })
  const altered = (name: string, value: string | readonly string[]) => ({
    body,
    headers: { ...headers, [name]: value },
  })
  const { 'webhook-signature': signature = '' } = headers
  const bad: (ReceivedWebhook | Request)[] = [
    without('webhook-id'),
    without('webhook-timestamp'),
    without('webhook-signature'),
    { body, headers: {} },
    { body, headers: new Headers() },
    asRequest({ body, headers: {} }),
    { body: body.replace('video_1', 'video_2'), headers },
    { body: `${body} `, headers },
    { body: '', headers },
    asRequest({ body: '', headers }),
    new Request('http://a.example/', { headers }),
    altered('webhook-id', 'evt_2'),
    altered('webhook-id', ''),
    altered('webhook-id', ['evt_1', 'evt_1']),
    // Twice in two spellings, of which a server in front may have checked the other one.
    altered('Webhook-Id', 'evt_1'),
    altered('webhook-timestamp', '1790000001'),
    altered('webhook-timestamp', ''),
    altered('webhook-timestamp', '1790000000.0'),
    altered('webhook-timestamp', ' 1790000000'),
    altered('webhook-timestamp', '+1790000000'),
    altered('webhook-timestamp', '1.79e9'),
    altered('webhook-timestamp', '0x6ab13b80'),
    altered('webhook-timestamp', '1790000000abc'),
    altered('webhook-timestamp', 'NaN'),
    altered('webhook-timestamp', '9'.repeat(400)),
    altered('webhook-signature', ''),
    altered('webhook-signature', []),
    altered('webhook-signature', 'v1,'),
    altered('webhook-signature', 'v1,undefined'),
    altered('webhook-signature', signature.replace('v1,', 'v2,')),
    altered('webhook-signature', signature.slice(3)),
    altered('webhook-signature', signature.toLowerCase()),
    altered('webhook-signature', '"'.repeat(10_000)),
    await signed({ secrets: ['canary-secret-2'] }),
    await signed({ at: NOW - 301_000 }),
    await signed({ at: NOW + 301_000 }),
  ]
  const messages = new Set<string>()
  for (const webhook of bad) {
    const error = await rejection(verify(webhook))
    expect(error).toMatchObject({ name: 'AuthenticationError', code: 'authentication', isRetryable: false })
    messages.add(`${error}${JSON.stringify(error)}${inspect((error as Error).cause)}`)
  }
  expect([...messages]).toEqual([
    expect.stringContaining('Could not verify the webhook: it has no valid signature of this time'),
  ])
  expect([...messages].join()).not.toMatch(/canary|whsec|MfKQ/)
})

test('the body of a stranger is not read when its headers cannot be right', async () => {
  const { body, headers } = await signed({ at: NOW - 301_000 })
  const request = asRequest({ body, headers })
  await rejection(verify(request))
  expect(request.bodyUsed).toBe(false)
})

describe('a signed body that is not an event', () => {
  test.each([
    '',
    'video',
    'null',
    '[]',
    '"a"',
    '{}',
    '{"type":"a"}',
    '{"type":"a","data":{}}',
    '{"type":"a","data":{"id":7}}',
    '{"type":"a","data":{"id":""}}',
    '{"type":"","data":{"id":"a"}}',
    '{"type":7,"data":{"id":"a"}}',
    '{"type":"a","data":["id"]}',
    '{"type":"a","data":{"id":"b"},"created_at":"now"}',
    '{"type":"a","data":{"id":"b"},"created_at":-1}',
    `{"type":"a","data":${'['.repeat(100_000)}`,
    `{"type":"a","data":{"id":"b","x":${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  ])('%s', async (body) => {
    expect(await rejection(verify(await signed({ body })))).toMatchObject({
      code: 'request-invalid',
      problems: [{ field: 'body', value: 'no event' }],
    })
  })

  test('is not UTF-8', async () => {
    const body = Buffer.from(BODY.replace('video_1', 'video_\xff'), 'latin1')
    const timestamp = String(NOW / 1_000)
    const signature = await signWebhook({ id: 'evt_1', timestamp, body }, [SECRET])
    const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': timestamp, 'webhook-signature': signature }
    expect(await rejection(verify({ body, headers }))).toMatchObject({ code: 'request-invalid' })
  })

  test('any JSON is an event or an InvalidRequestError', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          fc.record({ type: fc.string(), data: fc.jsonValue() }).map((v) => JSON.stringify(v)),
        ),
        async (body) => {
          const outcome = await verify(await signed({ body })).catch((error: unknown) => error)
          expect(outcome).toEqual(
            expect.objectContaining(outcome instanceof Error ? { code: 'request-invalid' } : { id: 'evt_1' }),
          )
        },
      ),
    )
  })
})

describe('a body that cannot be checked', () => {
  test.each([
    [JSON.parse(BODY), 'an object'],
    [undefined, 'nothing'],
    [null, 'null'],
  ])('because a parser had it: %j', async (parsed, value) => {
    const { headers } = await signed()
    const error = await rejection(verify({ body: parsed as string, headers }))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'body', value }] })
    expect(String(error)).toContain('give the raw body')
  })

  test('because it was read already', async () => {
    const request = asRequest(await signed())
    const clone = request.clone()
    await request.text()
    expect(await rejection(verify(request))).toMatchObject({
      code: 'request-invalid',
      problems: [{ value: 'body_already_read' }],
    })
    expect(await verify(clone)).toEqual(EVENT)
  })

  test('because it breaks off', async () => {
    const { headers } = await signed()
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) })
    const request = new Request('http://a.example/', { method: 'POST', body, headers, duplex: 'half' })
    expect(await rejection(verify(request))).toMatchObject({ code: 'request-invalid', problems: [{ field: 'body' }] })
  })

  test('because it never ends: it is left after a mebibyte', async () => {
    const { headers } = await signed()
    let sent = 0
    let isCancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536))
      },
      cancel() {
        isCancelled = true
      },
    })
    const request = new Request('http://a.example/', { method: 'POST', body: endless, headers, duplex: 'half' })
    expect(await rejection(verify(request))).toMatchObject({ code: 'request-invalid', problems: [{ field: 'body' }] })
    expect(isCancelled).toBe(true)
    expect(sent).toBeLessThan(1_300_000)
  })

  test('a mebibyte is read', async () => {
    const start = '{"type":"a","created_at":1,"data":{"id":"'
    const body = `${start}${'x'.repeat(1_048_576 - start.length - 3)}"}}`
    const webhook = await signed({ body })
    expect((await verify(asRequest(webhook))).type).toBe('a')
    const longer = await signed({ body: `${body} ` })
    expect(await rejection(verify(asRequest(longer)))).toMatchObject({ code: 'request-invalid' })
  })
})

test.each([
  [{ secret: '' }, 'secret'],
  [{ secret: 'whsec_canary!' }, 'secret'],
  [{ secret: [] }, 'secret'],
  [{ toleranceMs: -1 }, 'toleranceMs'],
  [{ toleranceMs: Number.NaN }, 'toleranceMs'],
  [{ toleranceMs: '300' as never }, 'toleranceMs'],
])('the option %j is refused whatever the webhook is', async (options, field) => {
  for (const webhook of [await signed(), { body: '', headers: {} }]) {
    const error = await rejection(verify(webhook, options))
    expect(error).toMatchObject({ code: 'configuration-invalid', problems: [{ field }] })
    expect(String(error)).not.toContain('canary')
  }
})
