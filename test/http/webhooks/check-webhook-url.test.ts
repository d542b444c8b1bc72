import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkWebhookUrl, type WebhookUrlOptions } from '../../../src/http/webhooks/check-webhook-url.js'
import { SPELLINGS } from '../../upstream/download/spellings.js'

const problemOf = (url: unknown, options: WebhookUrlOptions = {}) => {
  try {
    checkWebhookUrl(url, options)
    return undefined
  } catch (error) {
    expect(error).toMatchObject({
      name: 'InvalidRequestError',
      code: 'request-invalid',
      problems: [{ field: 'webhook_url' }],
    })
    return error as Error
  }
}

test.each([
  'https://a.example/',
  'http://a.example:80/hook?token=1#there',
  'https://a.example:443',
  'https://93.184.216.34/',
  'http://[2606:2800:220:1::1]/',
  'HTTPS://A.EXAMPLE/',
])('%s may be sent to', (url) => {
  expect(checkWebhookUrl(url)).toEqual(new URL(url))
})

test.each(SPELLINGS)('%j is this machine, and refused', (spelling) => {
  for (const port of ['80', '443']) expect(problemOf(spelling.replace('PORT', port))).toBeDefined()
})

test.each([
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://100.64.0.1/',
  'http://[fd00::1]/',
  'http://[fe80::1]/',
  'http://[64:ff9b::a00:1]/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://nas/',
  'http://a.internal/',
  'http://a.local/',
  'http://a.example:22/',
  'https://a.example:8443/',
])('%s is refused', (url) => {
  expect(String(problemOf(url))).toMatch(/give a public address on port 80 or 443/)
})

test.each([
  'file:///etc/passwd',
  'ftp://a.example/',
  'data:,a',
  'javascript:alert(1)',
  'gopher://a.example/',
  'ws://a.example/',
])('%s is refused', (url) => {
  expect(String(problemOf(url))).toMatch(/give an http or https URL/)
})

test.each([
  '',
  'a',
  '/a',
  '//a.example/',
  'http://',
  'http://[::1',
  'http://a.example:99999/',
  undefined,
  null,
  7,
  {},
  [],
  ['http://a.example/'],
])('%j is not a URL', (url) => {
  expect(String(problemOf(url))).toMatch(/give an absolute http or https URL/)
})

test('a URL may have 2,048 characters', () => {
  const url = `https://a.example/${'x'.repeat(2_048 - 18)}`
  expect(problemOf(url)).toBeUndefined()
  expect(problemOf(`${url}x`)).toBeDefined()
})

describe('what is listed may be sent to', () => {
  test.each<[string, WebhookUrlOptions['allowPrivateAddresses']]>([
    ['http://127.0.0.1:9000/', true],
    ['http://nas:9000/', true],
    ['http://127.0.0.1:9000/', ['127.0.0.1']],
    ['http://127.0.0.1:9000/', ['127.0.0.1:9000']],
    ['http://10.9.8.7:1/', ['10.0.0.0/8']],
    ['http://receiver.internal:9000/', ['receiver.internal']],
    // A name is resolved only when something is sent.
    ['http://receiver:9000/', ['10.0.0.0/8']],
  ])('%s with %j', (url, allowPrivateAddresses) => {
    expect(problemOf(url, { allowPrivateAddresses })).toBeUndefined()
  })

  test.each<[string, WebhookUrlOptions['allowPrivateAddresses']]>([
    ['http://127.0.0.1:9001/', ['127.0.0.1:9000']],
    ['http://127.0.0.2/', ['127.0.0.1']],
    ['http://11.0.0.1:9000/', ['10.0.0.0/8']],
    ['http://receiver:9000/', []],
    ['http://receiver:9000/', false],
    ['ftp://127.0.0.1/', true],
    ['http://user@127.0.0.1/', true],
  ])('not %s with %j', (url, allowPrivateAddresses) => {
    expect(problemOf(url, { allowPrivateAddresses })).toBeDefined()
  })
})

test('messages have no more of a URL than its host', () => {
  const secret = fc.constantFrom('canary1', 'canary-2', 'canary%203')
  const start = fc.constantFrom(
    'http://10.0.0.1',
    'https://a.example:22',
    'ftp://a.example',
    'nonsense ',
    'http://a:b@c.example',
  )
  fc.assert(
    fc.property(start, secret, fc.constantFrom('/', '/x/', '?', '/?token=', '#', '/a b?'), (origin, word, glue) => {
      const error = problemOf(`${origin}${glue}${word}`)
      expect(`${error}${JSON.stringify(error)}${error?.stack}`).not.toContain('canary')
    }),
  )
  expect(String(problemOf('http://canary-1:canary-2@a.example/'))).not.toContain('canary')
})
