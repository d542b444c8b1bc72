import { expect, test } from 'vitest'
import { type SoraPipelineErrorJson, toErrorJson } from '../../src/contracts/errors.js'
import { ConfigurationError, InvalidRequestError } from '../../src/contracts/input-errors.js'
import {
  AllStrategiesFailedError,
  FencedError,
  NO_GENERATOR,
  NoUsableUrlError,
  RunStateError,
  StageTimeoutError,
  SubmissionUnknownError,
} from '../../src/contracts/run-errors.js'
import {
  AuthenticationError,
  ContentRejectedError,
  GenerationFailedError,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  RegionError,
  UpstreamHttpError,
  UpstreamResponseError,
} from '../../src/contracts/upstream-errors.js'
import { errorFromJson } from '../../src/openai/error-from-json.js'
import { toOpenAiError } from '../../src/openai/to-openai-error.js'

const handle = { generator: 'mock', operation: 'job_1', startedAt: 1 }
const source = { isPublic: false, open: async () => new Blob([]).stream() }
const problem = { field: 'storyboard[1].prompt', value: '""', fix: 'give a prompt' }
const http = (status: number, bodyExcerpt = '', more = {}) =>
  new UpstreamHttpError(`Could not start the video: ${status}`, { status, bodyExcerpt, ...more })

const UNACCEPTED = new StageTimeoutError('No', { timeoutMs: 5, isRefusal: true })

const CASES: readonly [string, unknown, number, string, string][] = [
  ['invalid request', new InvalidRequestError([problem]), 400, 'invalid_request_error', 'invalid_value'],
  ['content policy', new ContentRejectedError('No'), 400, 'invalid_request_error', 'content_policy_violation'],
  ['wrong key', new AuthenticationError('No', { status: 401 }), 401, 'invalid_request_error', 'invalid_api_key'],
  ['401 of an upstream', http(401), 401, 'invalid_request_error', 'invalid_api_key'],
  ['quota', new QuotaExceededError('No'), 429, 'insufficient_quota', 'insufficient_quota'],
  ['quota with 402', new QuotaExceededError('No', { status: 402 }), 402, 'insufficient_quota', 'insufficient_quota'],
  ['402 of an upstream', http(402), 402, 'insufficient_quota', 'insufficient_quota'],
  [
    'a region code',
    new GenerationFailedError('No: unsupported_country_code'),
    403,
    'request_forbidden',
    'unsupported_country_region_territory',
  ],
  ['region', new RegionError('No'), 403, 'request_forbidden', 'unsupported_country_region_territory'],
  ['rate limit', new RateLimitError('No'), 429, 'rate_limit_error', 'rate_limit_exceeded'],
  ['429 of an upstream', http(429), 429, 'rate_limit_error', 'rate_limit_exceeded'],
  ['overloaded', new OverloadedError('No'), 503, 'server_error', 'overloaded'],
  ['overloaded 503', http(503), 503, 'server_error', 'overloaded'],
  ['overloaded 529', http(529), 503, 'server_error', 'overloaded'],
  ['upstream', http(500), 502, 'server_error', 'upstream_error'],
  ['a conflict of the moment', http(409), 502, 'server_error', 'upstream_error'],
  ['a refusal for other reasons', http(403, 'Forbidden'), 502, 'server_error', 'upstream_refused'],
  ['a request that the upstream cannot take', http(422), 502, 'server_error', 'upstream_refused'],
  ['network', new NetworkError('No'), 502, 'server_error', 'upstream_unreachable'],
  ['unreadable answer', new UpstreamResponseError('No'), 502, 'server_error', 'upstream_error'],
  ['failed generation', new GenerationFailedError('No'), 502, 'server_error', 'generation_failed'],
  ['unknown submission', new SubmissionUnknownError('No'), 502, 'server_error', 'submission_unknown'],
  ['without a URL', new NoUsableUrlError('No', { handle, source }), 502, 'server_error', 'no_usable_url'],
  ['timeout', new StageTimeoutError('No', { timeoutMs: 5 }), 504, 'server_error', 'timeout'],
  ['a deadline before anything was accepted', UNACCEPTED, 503, 'server_error', 'overloaded'],
  ['a timed out signal', new DOMException('No', 'TimeoutError'), 504, 'server_error', 'timeout'],
  ['run state', new RunStateError('No'), 409, 'invalid_request_error', 'run_conflict'],
  [
    'a store that failed',
    new RunStateError('Could not save the run, ENOSPC at /data/runs: run_1', { reason: 'ENOSPC at /data/runs' }),
    503,
    'server_error',
    'store_unavailable',
  ],
  ['fenced', new FencedError('No'), 409, 'invalid_request_error', 'run_conflict'],
  ['configuration', new ConfigurationError('x', [problem]), 500, 'server_error', 'configuration_error'],
  ['abort', new DOMException('No', 'AbortError'), 499, 'request_aborted', 'request_aborted'],
  ['anything else', new TypeError('No'), 500, 'server_error', 'internal_error'],
  ['not an error', 'No', 500, 'server_error', 'internal_error'],
  ['an empty chain', new AllStrategiesFailedError('No', { errors: [] }), 502, 'server_error', 'upstream_error'],
]

test.each(CASES)('%s, also from the JSON of an event', (_, error, status, type, code) => {
  const answer = toOpenAiError(error)
  expect(answer).toMatchObject({ status, body: { error: { type, code } } })
  expect(Object.keys(answer.body.error)).toEqual(['message', 'type', 'param', 'code'])
  expect(answer.body.error.message).toMatch(/^[A-Z].+\.$/)
  const json = JSON.parse(JSON.stringify(toErrorJson(error))) as SoraPipelineErrorJson
  expect(toOpenAiError(errorFromJson(json))).toEqual(answer)
})

test.each([
  http(403, '{"error":{"code":"unsupported_country_region_territory"}}'),
  http(451, 'Not available in your country'),
  http(403, 'This region is unsupported'),
  new GenerationFailedError('No', { upstreamCode: 'unsupported_country_code' }),
  new AuthenticationError('Could not sign in: country not supported', { status: 403 }),
])('a refusal of the region is recognised by the message of the upstream', (error) => {
  expect(toOpenAiError(error).status).toBe(403)
})

test.each([
  ['check the quota', new QuotaExceededError('No'), /quota of the token/],
  ['change the prompt', new ContentRejectedError('No'), /Change the prompt/],
  ['check the key', new AuthenticationError('No'), /Check the API key/],
  ['leave the region', new RegionError('No'), /country or region/],
  ['wait', new RateLimitError('No'), /Wait and send/],
  ['wait', new OverloadedError('No'), /wait and send/],
  ['try again', new NetworkError('No'), /try again/],
  ['send it again', UNACCEPTED, /^No\. No video is in progress: wait and send the request again\.$/],
  ['look it up', new SubmissionUnknownError('No'), /check the video provider before you send/],
  ['ask for the run', new StageTimeoutError('No', { timeoutMs: 5 }), /request the run under its id/],
])('the message advises the user to %s', (_, error, advice) => {
  expect(toOpenAiError(error).body.error.message).toMatch(advice)
})

test('param is the first wrong field, and the message has the fix', () => {
  const { body } = toOpenAiError(new InvalidRequestError([problem, { ...problem, field: 'seed' }]))
  expect(body.error.param).toBe('storyboard[1].prompt')
  expect(body.error.message).toBe(
    'Could not take the request: storyboard[1].prompt is "" (give a prompt); seed is "" (give a prompt). Correct the request and send it again.',
  )
  expect(toOpenAiError(new InvalidRequestError([])).body.error.param).toBeNull()
})

test('no message of a foreign error or of the configuration is passed on', () => {
  const errors = [
    new Error('canary'),
    new DOMException('canary', 'AbortError'),
    new DOMException('canary', 'TimeoutError'),
    new ConfigurationError('canary', [{ ...problem, value: 'canary' }]),
    'canary',
  ]
  for (const error of errors) expect(JSON.stringify(toOpenAiError(error))).not.toContain('canary')
})

test('a message has one full stop before the advice and no lone surrogate', () => {
  const { message } = toOpenAiError(new NetworkError('Could not connect: \ud800.')).body.error
  expect(message).toBe(
    'Could not connect: \uFFFD. The video provider did not respond: try again, or check its address and the network of this server.',
  )
})

test.each([
  [0, '0'],
  [1, '1'],
  [1_000, '1'],
  [1_001, '2'],
])('a wait of %i ms is a Retry-After of %s s', (retryAfterMs, seconds) => {
  expect(toOpenAiError(new RateLimitError('No', { retryAfterMs })).headers).toEqual({ 'retry-after': seconds })
  expect(toOpenAiError(http(503, '', { retryAfterMs })).headers).toEqual({ 'retry-after': seconds })
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a wait of %s is not passed on', (retryAfterMs) => {
  expect(toOpenAiError(new RateLimitError('No', { retryAfterMs })).headers).toBeUndefined()
})

test('a wait is passed on only with a rate limit and an overload', () => {
  expect(toOpenAiError(http(500, '', { retryAfterMs: 5_000 })).headers).toBeUndefined()
})

test('clients are kept from automatic retries that are useless or would pay twice', () => {
  const retried = [
    new RateLimitError('No'),
    http(503),
    http(502),
    new NetworkError('No'),
    new ContentRejectedError('No'),
    UNACCEPTED,
    new AllStrategiesFailedError('No', { errors: [new NetworkError('No'), UNACCEPTED] }),
  ]
  for (const error of retried) expect(toOpenAiError(error).headers).toBeUndefined()
  const costly = [
    new SubmissionUnknownError('No'),
    new StageTimeoutError('No', { timeoutMs: 5 }),
    new StageTimeoutError('No', { timeoutMs: 5, isRefusal: true, handle }),
    new NetworkError('No', { handle }),
    new QuotaExceededError('No'),
    new GenerationFailedError('No'),
    new RunStateError('No'),
    new Error('No'),
    new AllStrategiesFailedError('No', { errors: [new NetworkError('No'), new NetworkError('No', { handle })] }),
    new AllStrategiesFailedError('No', {
      errors: [new RateLimitError('No'), new StageTimeoutError('No', { timeoutMs: 5 })],
    }),
  ]
  expect(toOpenAiError(new OverloadedError('No', { retryAfterMs: 2_000 })).headers).toEqual({ 'retry-after': '2' })
  for (const error of costly) expect(toOpenAiError(error).headers).toEqual({ 'x-should-retry': 'false' })
  const chain = new AllStrategiesFailedError('No', {
    errors: [new Error('No'), new RateLimitError('No', { retryAfterMs: 9 })],
  })
  expect(toOpenAiError(chain).headers).toEqual({ 'retry-after': '1' })
})

test('the most specific error of a chain represents it, however deep', () => {
  const inner = new AllStrategiesFailedError('No', {
    errors: [new NetworkError('No'), new ContentRejectedError('Shown')],
  })
  const outer = new AllStrategiesFailedError('No', { errors: [new QuotaExceededError('No'), inner, new Error('No')] })
  for (const error of [outer, errorFromJson(outer.toJSON())]) {
    expect(toOpenAiError(error).body.error).toEqual({
      message: 'Shown. Change the prompt or the image and send it again.',
      type: 'invalid_request_error',
      param: null,
      code: 'content_policy_violation',
    })
  }
  const tie = new AllStrategiesFailedError('No', { errors: [new NetworkError('First'), new NetworkError('Second')] })
  expect(toOpenAiError(tie).body.error.message).toMatch(/^First\./)
})

test('an error of JSON has the facts of the first one and gives the same JSON', () => {
  const cause = new RateLimitError('Slow down', { retryAfterMs: 10, status: 429, url: 'https://api.example/v1?key=1' })
  const first = new GenerationFailedError('No', {
    cause,
    handle,
    stage: 'generate',
    strategy: 'mock',
    isRetryable: true,
  })
  const second = errorFromJson(first.toJSON())
  expect(second).toMatchObject({ name: first.name, code: first.code, message: 'No', handle, stage: 'generate' })
  expect(second).toMatchObject({ strategy: 'mock', isRetryable: true, cause: { code: 'rate-limited' } })
  expect(JSON.stringify(second)).toBe(JSON.stringify(first))
})

test('what the caller aborted for its own reason becomes an AbortError', () => {
  const json = toErrorJson(new Error('left'))
  expect(errorFromJson(json, { isAborted: true }).name).toBe('AbortError')
  expect(errorFromJson(json).name).toBe('Error')
})

test('a run whose generator is gone is answered without the addresses of the chains', () => {
  const message = `Could not continue the run, ${NO_GENERATOR}: run_1 is at a of https://old.example/v1, the chain has b`
  const { status, body } = toOpenAiError(new RunStateError(message, { handle, reason: NO_GENERATOR }))
  expect([status, body.error.code]).toEqual([503, 'run_continues'])
  expect(body.error.message).not.toContain('old.example')
})
