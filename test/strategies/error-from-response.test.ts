import { describe, expect, it } from 'vitest'
import { mayHaveBeenAccepted } from '../../src/contracts/submission.js'
import { UpstreamHttpError, UpstreamResponseError } from '../../src/index.js'
import { errorFromResponse } from '../../src/strategies/index.js'
import { json, loopbackServer } from '../upstream/loopback-server.js'

const KEY = 'opaque-0123456789'
const what = 'create the video'

async function errorOf(status: number, body: unknown, headers: Record<string, string> = {}, more: object = {}) {
  const { origin } = await loopbackServer(json(status, body, headers))
  const response = await fetch(`${origin}/v1/videos?key=${KEY}`, { method: 'POST', redirect: 'manual' })
  return { origin, error: await errorFromResponse(response, { what, isSubmission: true, secrets: [KEY], ...more }) }
}

describe('errorFromResponse', () => {
  it.each([
    [400, 'upstream-http', false],
    [401, 'authentication', false],
    [402, 'quota-exceeded', false],
    [403, 'authentication', false],
    [404, 'upstream-http', false],
    [408, 'upstream-http', true],
    [409, 'upstream-http', true],
    [422, 'upstream-http', false],
    [429, 'rate-limited', false],
    [302, 'upstream-http', true],
    [500, 'upstream-http', true],
    [502, 'upstream-http', true],
    [503, 'overloaded', false],
    [529, 'overloaded', false],
    [200, 'upstream-response', true],
  ])('of %d is %s, and reports what became of a submission', async (status, code, isUnknown) => {
    const { error, origin } = await errorOf(status, { error: { message: 'not now' } })
    expect(error).toMatchObject({ code, status, url: `${origin}/v1/videos` })
    expect(error.message).toContain(`Could not create the video: ${new URL(origin).host} answered ${status}`)
    expect(error.message).toContain('not now')
    expect(mayHaveBeenAccepted(error)).toBe(isUnknown)
  })

  it('shows no secret, whatever the upstream echoes', async () => {
    const { error } = await errorOf(500, { error: { message: `Bearer ${KEY} and ${encodeURIComponent(KEY)}` } })
    expect(JSON.stringify([error, error.message, (error as UpstreamHttpError).bodyExcerpt])).not.toContain(KEY)
    const plain = await errorOf(200, `<b>${KEY}</b>`, {}, { secrets: [`Bearer ${KEY}`] })
    expect(plain.error).toBeInstanceOf(UpstreamResponseError)
    expect(JSON.stringify([plain.error, plain.error.message])).not.toContain(KEY)
  })

  it('reads how long to wait, and a verdict of moderation', async () => {
    const { error } = await errorOf(429, {}, { 'retry-after': '7' })
    expect(error).toMatchObject({ retryAfterMs: 7000, isRetryable: true })
    const rejected = await errorOf(400, { error: { code: 'content_policy_violation', message: 'no' } })
    expect(rejected.error.code).toBe('content-rejected')
  })

  it('reads the reason of a 5xx only for a submission: for a poll the failure passes', async () => {
    const body = { error: { message: 'No available accounts' } }
    expect((await errorOf(500, body)).error.code).toBe('quota-exceeded')
    expect((await errorOf(500, body, {}, { isSubmission: undefined })).error.code).toBe('upstream-http')
  })

  it('needs no body: read before, cut, endless, or missing', async () => {
    const answered = Response.json({ error: 'x' }, { status: 500 })
    await answered.json()
    const host = 'Could not create the video: api.example answered 500'
    const url = 'https://api.example/v1?key=1'
    expect((await errorFromResponse(answered, { what, url })).message).toBe(host)
    expect((await errorFromResponse(new Response(null, { status: 500 }), { what, url })).message).toBe(host)
    const { origin } = await loopbackServer((_, response) => {
      response.writeHead(500, { 'content-length': '10' }).write('{')
    })
    const hanging = await fetch(origin)
    expect(await errorFromResponse(hanging, { what, timeoutMs: 50 })).toMatchObject({
      code: 'upstream-http',
      status: 500,
    })
    const left = await fetch(origin)
    const signal = AbortSignal.abort('enough')
    expect(await errorFromResponse(left, { what, signal })).toMatchObject({ code: 'upstream-http' })
  })

  it('reads no more of a body than it needs', async () => {
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 10_000
        controller.enqueue(new TextEncoder().encode('a'.repeat(10_000)))
      },
    })
    const error = await errorFromResponse(new Response(body, { status: 500 }), { what, url: 'https://api.example' })
    expect(error).toBeInstanceOf(UpstreamHttpError)
    expect(error.message.length).toBeLessThan(400)
    expect(sent).toBeLessThan(200_000)
  })
})
