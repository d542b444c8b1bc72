import { describe, expect, test } from 'vitest'
import { QuotaExceededError } from '../../src/contracts/upstream-errors.js'
import { type ApiCall, createApi } from '../../src/upstream/api.js'
import { loopbackServer } from './loopback-server.js'
import { rejection } from './stage-context.js'

async function call(status: number, text: string, options: Partial<ApiCall> = {}) {
  const { origin } = await loopbackServer((_, response) => response.writeHead(status).end(text))
  const api = createApi({ subject: 'test', baseUrl: origin })
  const { signal } = new AbortController()
  return api.call({ what: 'ask', method: 'GET', url: api.address('/a'), timeoutMs: 2_000, signal, ...options })
}

describe('createApi, what counts as an answer', () => {
  test('a status outside 2xx is one when the call says so', async () => {
    expect(await call(308, 'go on', { accepts: [308] })).toMatchObject({ status: 308, text: 'go on' })
    expect(await rejection(call(308, 'go on', { accepts: [404] }))).toMatchObject({ status: 308 })
  })

  test("the service's own words come before the usual rule", async () => {
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
