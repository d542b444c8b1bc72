import { describe, expect, test } from 'vitest'
import { QuotaExceededError } from '../../src/contracts/upstream-errors.js'
import { type ApiCall, createApi } from '../../src/upstream/api.js'
import { loopbackServer } from './loopback-server.js'
import { rejection } from './stage-context.js'

async function call(status: number, text: string, options: Partial<ApiCall> = {}) {
  const { origin } = await loopbackServer((_, response) => response.writeHead(status).end(text))
  const api = createApi({ subject: 'test', baseUrl: origin })
  const { signal } = new AbortController()
  return api.call({ what: 'ask', method: 'GET', url: api.address('/a'), timeoutMs: 20_000, signal, ...options })
}

describe('createApi, what counts as an answer', () => {
  test('a status outside 2xx counts as one when the call accepts it', async () => {
    expect(await call(308, 'go on', { accepts: [308] })).toMatchObject({ status: 308, text: 'go on' })
    expect(await rejection(call(308, 'go on', { accepts: [404] }))).toMatchObject({ status: 308 })
  })

  test("the service's own words win over the usual rule", async () => {
    const readError: ApiCall['readError'] = ({ status, text }) =>
      text === 'full' ? new QuotaExceededError('Could not ask: it is full', { status }) : undefined
    expect(await rejection(call(403, 'full', { readError }))).toMatchObject({ code: 'quota-exceeded', status: 403 })
    expect(await rejection(call(403, 'other', { readError }))).toMatchObject({ code: 'authentication' })
  })

  test('secrets of one call are in no error', async () => {
    const error = await rejection(call(500, 'no session-key-1 here', { secrets: ['session-key-1'] }))
    expect(error).toMatchObject({ message: expect.stringContaining('no [redacted] here') })
  })
})

describe('an answer that is too long', () => {
  test('is read to the cap, and reported with its status', async () => {
    const error = await rejection(
      call(200, `secret-1 ${'x'.repeat(2_000)}`, { maxBytes: 1_000, secrets: ['secret-1'] }),
    )
    expect(error).toMatchObject({
      code: 'upstream-response',
      status: 200,
      url: expect.stringMatching(/\/a$/),
      bodyExcerpt: expect.stringMatching(/^\[redacted\] x+$/),
      message: expect.stringContaining('sent more than 1000 characters'),
    })
  })

  test('is too long for an error only past 64 KB', async () => {
    const body = JSON.stringify({ error: { message: 'It broke', more: 'x'.repeat(60_000) } })
    expect(await rejection(call(400, body, { maxBytes: 1_000 }))).toMatchObject({
      code: 'upstream-http',
      message: expect.stringContaining('It broke'),
    })
  })
})

describe('what is sent without a credential', () => {
  test('has no authorization, and the credential is not resolved', async () => {
    const server = await loopbackServer((_, response) => response.end('{}'))
    const api = createApi({ subject: 'test', baseUrl: `${server.origin}/v1//` })
    const { signal } = new AbortController()
    await api.call({ what: 'ask', method: 'GET', url: api.address('/a'), timeoutMs: 20_000, signal })
    expect(server.seen[0]).toMatchObject({ url: '/v1/a' })
    expect(server.seen[0]?.headers).not.toHaveProperty('authorization')
    expect(api.hasCredential).toBe(false)
    expect(api.covers(new URL(`${server.origin}/v1/a`))).toBe(true)
    expect(api.covers(new URL(`${server.origin}/v2/a`))).toBe(false)
    expect(api.covers(new URL('http://other.example/v1/a'))).toBe(false)
  })

  test.each([
    [{ apiKey: 'k-1' }],
    [{ login: { user: 'anna', password: 'pass' } }],
    [{ headers: { 'x-team': 'blue' } }],
    [{ baseUrl: 'https://a.example/v1?key=1' }],
  ])('is not what %j is for', (more) => {
    expect(createApi({ subject: 'test', baseUrl: 'https://a.example/v1', ...more }).hasCredential).toBe(true)
  })
})

describe('the values of the query of the base address', () => {
  test.each(['a%2Bsecret', 'a+secret', 'a secret'])('are masked as %s', async (written) => {
    const { origin } = await loopbackServer((_, response) => response.writeHead(500).end(`no ${written} here`))
    const api = createApi({ subject: 'test', baseUrl: `${origin}/?key=a%2Bsecret&other=b+secret` })
    const { signal } = new AbortController()
    const asked = api.call({ what: 'ask', method: 'GET', url: api.address('/a'), timeoutMs: 20_000, signal })
    const { message } = (await rejection(asked)) as Error
    expect(message).toContain(written === 'a secret' ? 'no a secret here' : 'no [redacted] here')
  })

  test('are masked before there is a credential', async () => {
    const apiKey = () => Promise.reject(new Error('broken'))
    const baseUrl = 'http://127.0.0.1:1/?key=query-secret-1'
    const slow = createApi({ subject: 'test', baseUrl, apiKey: () => new Promise(() => undefined) })
    const { signal } = new AbortController()
    const ask = { what: 'ask', method: 'GET', timeoutMs: 10, signal, secrets: ['call-secret-1'] } as const
    for (const api of [slow, createApi({ subject: 'test', baseUrl, apiKey })]) {
      const url = api.address('/query-secret-1/call-secret-1')
      expect(JSON.stringify(await rejection(api.call({ ...ask, url })))).not.toMatch(/query-secret|call-secret/)
    }
  })
})
