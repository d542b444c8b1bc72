import { describe, expect, test } from 'vitest'
import { answerError } from '../../src/upstream/answer-error.js'
import { maskOf } from '../../src/upstream/secret.js'

const make = (status: number, body: unknown, headers: Record<string, string> = {}, isSubmission?: boolean) =>
  answerError({
    isSubmission,
    what: 'submit the video',
    url: 'https://api.example/v1/videos?key=hidden-canary',
    status,
    headers: new Headers(headers),
    text: typeof body === 'string' ? body : JSON.stringify(body),
    mask: maskOf(['hidden-canary']),
  })

describe('answerError', () => {
  test.each([
    [401, { error: { message: 'Bad key' } }, 'authentication'],
    [403, { error: { message: 'Not your model' } }, 'authentication'],
    [403, { error: { code: 'unsupported_country_code', message: 'Not here' } }, 'region-unsupported'],
    [451, { detail: 'Not available in your country' }, 'region-unsupported'],
    [503, '', 'overloaded'],
    [529, { error: { type: 'overloaded_error' } }, 'overloaded'],
    [403, '<!DOCTYPE html><title>Just a moment</title>', 'upstream-http'],
    [403, { error: { code: 'moderation_blocked' } }, 'content-rejected'],
    [403, { error: { code: 'insufficient_user_quota' } }, 'quota-exceeded'],
    [402, '', 'quota-exceeded'],
    [429, { error: { type: 'insufficient_quota' } }, 'quota-exceeded'],
    [429, { error: { code: 'rate_limit_exceeded' } }, 'rate-limited'],
    [400, { error: { code: 'content_policy_violation' } }, 'content-rejected'],
    [422, { detail: 'Your prompt was blocked by our moderation system' }, 'content-rejected'],
    [451, { error: 'This violates our guidelines' }, 'content-rejected'],
    [400, { error: { code: 'invalid_value', message: 'seconds' } }, 'upstream-http'],
    [409, { error: { code: 'insufficient_quota' } }, 'upstream-http'],
    [500, { error: { code: 'content_policy_violation' } }, 'upstream-http'],
    [302, '', 'upstream-http'],
  ])('%i %j is %s', (status, body, code) => {
    expect(make(status, body)).toMatchObject({ code, status, url: 'https://api.example/v1/videos' })
  })

  test.each([
    [{ error: { message: 'From OpenAI' } }, 'From OpenAI'],
    [{ error: 'a text' }, 'a text'],
    [{ detail: 'From FastAPI' }, 'From FastAPI'],
    [{ detail: [{ loc: ['body', 'prompt'], msg: 'Field required' }, 'odd'] }, 'body.prompt: Field required; odd'],
    [{ message: 'plain' }, 'plain'],
    ['just text', 'just text'],
    ['<html><script>var x=1</script><b>Gateway</b> down</html>', 'Gateway down'],
  ])('reads the sentence of %j', (body, sentence) => {
    expect(make(500, body).message).toBe(`Could not submit the video: api.example answered 500, ${sentence}`)
  })

  test.each([
    ['No available tokens for video generation', 'quota-exceeded', 500],
    ['400: Invalid model: x', 'upstream-http', 400],
  ])(
    'the trouble behind a 500 is reported for a submission, and passes for a question: %s',
    (message, code, status) => {
      const body = { error: { message, type: 'server_error', code: null } }
      expect(make(500, body, {}, true)).toMatchObject({ code, status, isRetryable: false })
      expect(make(500, body)).toMatchObject({ code: 'upstream-http', status: 500, isRetryable: true, isRefusal: false })
      expect(make(500, body).message).toContain(message)
    },
  )

  test.each([
    [503, undefined],
    [529, undefined],
    [500, true],
  ])(
    'a submission that was refused with %i has its reason, where the status or the adapter vouches for it',
    (status, isRefusal) => {
      const given = { what: 'ask', url: 'https://api.example/v1', headers: new Headers(), mask: maskOf([]) }
      const text = JSON.stringify({
        error: { message: 'API request failed: 401 - {"error":{"code":"token_expired"}}' },
      })
      const error = answerError({ ...given, status, text, isSubmission: true, isRefusal })
      expect(error).toMatchObject({ code: 'authentication', status: 401 })
      expect(answerError({ ...given, status: 502, text, isSubmission: true })).toMatchObject({ code: 'upstream-http' })
    },
  )

  test('keeps an excerpt of at most 200 characters, without secrets', () => {
    const error = make(500, `hidden-canary ${'x'.repeat(500)}`)
    expect(error).toMatchObject({ bodyExcerpt: expect.stringMatching(/^\[redacted\] x{189}$/) })
    expect(JSON.stringify(error)).not.toContain('canary')
  })

  test('carries the wait, and whether a submission was refused', () => {
    expect(make(429, '', { 'retry-after': '3' })).toMatchObject({ retryAfterMs: 3_000, isRetryable: true })
    expect(make(503, '', { 'retry-after': '3' })).toMatchObject({ retryAfterMs: 3_000, isRetryable: true })
    expect(make(404, '')).toMatchObject({ isRefusal: true })
    expect(make(502, '')).toMatchObject({ isRefusal: false })
  })
})

describe('the id of the request', () => {
  test.each([
    [429, 'x-request-id'],
    [401, 'request-id'],
    [402, 'x-oneapi-request-id'],
    [503, 'x-goog-request-id'],
    [404, 'x-amzn-requestid'],
    [451, 'cf-ray'],
  ])('of a %i is read from %s', (status, header) => {
    const error = make(status, { error: { message: 'Not in your country' } }, { [header]: 'req_123' })
    expect(error).toMatchObject({ requestId: 'req_123', message: expect.stringMatching(/ \(request req_123\)$/) })
  })

  test('is that of the API before that of the proxy in front', () => {
    expect(make(500, '', { 'cf-ray': '8a1b-FRA', 'x-request-id': 'req_1' }).requestId).toBe('req_1')
  })

  test('is the next one where the first is not safe to show', () => {
    expect(make(500, '', { 'cf-ray': '8a1b-FRA', 'x-request-id': 'a-hidden-canary' }).requestId).toBe('8a1b-FRA')
  })
})
