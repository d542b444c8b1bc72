import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { isSignedBy, signWebhook, webhookSecretsProblem } from '../../../src/http/webhooks/webhook-signature.js'

const bytes = (text: string) => new TextEncoder().encode(text)
const WEBHOOK = { id: 'evt_1', timestamp: '1790000000', body: bytes('{"type":"video.completed"}') }
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

describe('vectors that others published', () => {
  test.each([
    [
      'Standard Webhooks',
      'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      '1614265330',
      '{"test": 2432232314}',
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    ],
    [
      'Svix',
      'whsec_plJ3nmyCDGBKInavdOK15jsl',
      'msg_loFOjxBNrRLzqYUf',
      '1731705121',
      '{"event_type":"ping","data":{"success":true}}',
      'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=',
    ],
    [
      'OpenAI',
      'whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c=',
      'wh_685c059ae39c8190af8c71ed1022a24d',
      '1750861210',
      '{"id": "evt_685c059ae3a481909bdc86819b066fb6", "object": "event", "created_at": 1750861210, "type": "response.completed", "data": {"id": "resp_123"}}',
      'v1,gUAg4R2hWouRZqRQG4uJypNS8YK885G838+EHb4nKBY=',
    ],
  ])('%s', async (_, secret, id, timestamp, body, signature) => {
    const webhook = { id, timestamp, body: bytes(body) }
    expect(await signWebhook(webhook, [secret])).toBe(signature)
    expect(await isSignedBy(webhook, signature, [secret])).toBe(true)
  })
})

// Whole texts of Unicode: a lone surrogate is nothing that bytes can hold.
const text = fc.string({ unit: 'grapheme' })
const webhooks = fc.record({
  id: fc.stringMatching(/^[\w-]{1,40}$/),
  timestamp: fc.integer({ min: 0, max: 4_000_000_000 }).map(String),
  body: text.map(bytes),
})
const whsec = fc
  .uint8Array({ minLength: 1, maxLength: 64 })
  .map((key) => `whsec_${Buffer.from(key).toString('base64')}`)
const raw = text.filter((secret) => secret !== '' && !secret.startsWith('whsec_'))

test('signs as the published package does', async () => {
  await fc.assert(
    fc.asyncProperty(webhooks, whsec, async (webhook, secret) => {
      const time = new Date(Number(webhook.timestamp) * 1_000)
      const expected = new Webhook(secret).sign(
        webhook.id,
        time,
        new TextDecoder('utf-8', { ignoreBOM: true }).decode(webhook.body),
      )
      expect(await signWebhook(webhook, [secret])).toBe(expected)
    }),
  )
})

test('what is signed passes, with base64 and with any other text as the secret, among others and with others', async () => {
  await fc.assert(
    fc.asyncProperty(
      webhooks,
      fc.array(fc.oneof(whsec, raw), { minLength: 1, maxLength: 3 }),
      async (webhook, secrets) => {
        const header = await signWebhook(webhook, secrets)
        expect(header.split(' ')).toHaveLength(secrets.length)
        for (const secret of secrets) expect(await isSignedBy(webhook, header, ['other', secret])).toBe(true)
        for (const signature of header.split(' ')) expect(await isSignedBy(webhook, signature, secrets)).toBe(true)
      },
    ),
  )
})

test('a single changed byte fails, wherever it is', async () => {
  const fields = ['id', 'timestamp', 'body', 'header', 'secret'] as const
  await fc.assert(
    fc.asyncProperty(
      webhooks.filter(({ body }) => body.length > 0),
      fc.oneof(whsec, raw),
      fc.constantFrom(...fields),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (webhook, secret, field, position, change) => {
        const all = { ...webhook, secret, header: await signWebhook(webhook, [secret]) }
        const changed = Buffer.from(all[field])
        const at = position % changed.length
        changed[at] = (changed[at] ?? 0) ^ change
        const forged = { ...all, [field]: field === 'body' ? changed : changed.toString('latin1') }
        // A secret that is no longer base64 is invalid, and some secrets are written in several ways.
        fc.pre(field !== 'secret' || isOtherKey(secret, forged.secret))
        expect(await isSignedBy(forged, forged.header, [forged.secret])).toBe(false)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('no spelling of a signature but the one of the signer passes', async () => {
  const signature = await signWebhook(WEBHOOK, [SECRET])
  // The last letter before the padding holds two bits that stand for nothing.
  const last = signature.at(-2) ?? ''
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const twin = alphabet[alphabet.indexOf(last) ^ 1]
  const spelled = `${signature.slice(0, -2)}${twin}=`
  expect(Buffer.from(spelled.slice(3), 'base64')).toEqual(Buffer.from(signature.slice(3), 'base64'))
  const others = [
    spelled,
    signature.slice(0, -1),
    `${signature}=`,
    signature.slice(3),
    signature.replace('v1', 'V1'),
    signature.replace('v1', 'v2'),
    signature.replace('v1,', 'v1a,'),
    signature.replace('v1,', 'v1, '),
    `${signature}\0`,
    signature.slice(0, 20),
    'v1,',
    '',
    ' ',
  ]
  for (const other of others) expect([other, await isSignedBy(WEBHOOK, other, [SECRET])]).toEqual([other, false])
})

test('a header of a megabyte is checked quickly', async () => {
  const right = await signWebhook(WEBHOOK, [SECRET])
  const startedAt = performance.now()
  for (const noise of ['v1,AAAA ', ' ', ',', ', ', 'x']) {
    const header = noise.repeat(1_000_000 / noise.length)
    expect(await isSignedBy(WEBHOOK, header, [SECRET])).toBe(false)
    expect(await isSignedBy(WEBHOOK, `${header} ${right}`, [SECRET])).toBe(true)
  }
  expect(performance.now() - startedAt).toBeLessThan(5_000)
})

describe('a secret', () => {
  test.each([SECRET, 'any text', 'whsec', 'ü', 'whsec_AA==', 'whsec_AA', ['a', SECRET]])('%j can be used', (secret) => {
    expect(webhookSecretsProblem(secret)).toBeUndefined()
  })

  test('without its padding is the same', async () => {
    expect(await signWebhook(WEBHOOK, ['whsec_AA'])).toBe(await signWebhook(WEBHOOK, ['whsec_AA==']))
    expect(await signWebhook(WEBHOOK, [`v1,${SECRET}`])).toBe(await signWebhook(WEBHOOK, [SECRET]))
  })

  test.each([
    '',
    'whsec_',
    'whsec_canary!',
    'whsec_canar',
    'whsec_AAAA\n',
    'whsec_A===',
    'whsec_-_-_',
    undefined,
    null,
    7,
    [],
    ['a', ''],
    ['a', undefined],
  ])('%j cannot be used, and is not shown', (secret) => {
    const problem = webhookSecretsProblem(secret)
    expect(problem).toMatchObject({ field: 'secret', value: 'unusable' })
    expect(JSON.stringify(problem)).not.toContain('canar')
  })
})

function isOtherKey(secret: string, other: string): boolean {
  if (webhookSecretsProblem(other) !== undefined) return false
  const keys = [secret, other].map((one) =>
    one.startsWith('whsec_') ? Buffer.from(one.slice(6), 'base64') : Buffer.from(one),
  )
  // HMAC fills a short key up with zeros, so zeros at its end make no difference.
  const [key, otherKey] = keys.map((one) => Buffer.concat([one, Buffer.alloc(Math.max(0, 64 - one.length))]))
  return key?.equals(otherKey ?? Buffer.alloc(0)) === false
}
