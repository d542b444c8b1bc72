import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { locateError, toErrorJson } from '../../src/contracts/errors.js'
import { networkCodeOf } from '../../src/contracts/network-code.js'
import { RecordedError } from '../../src/contracts/recorded-error.js'
import { requestIdOf } from '../../src/contracts/request-id.js'
import { redact } from '../../src/contracts/secrets/redact.js'
import { mayHaveBeenAccepted } from '../../src/contracts/submission.js'
import {
  AllStrategiesFailedError,
  ConfigurationError,
  FencedError,
  GenerationFailedError,
  isSoraPipelineError,
  NetworkError,
  RateLimitError,
  RunStateError,
  SoraPipelineError,
  StageTimeoutError,
  SubmissionUnknownError,
  UpstreamHttpError,
  UpstreamResponseError,
} from '../../src/index.js'

describe('errors', () => {
  it('have the declared class and code, also across copies of the library, and keep their cause', () => {
    const cause = new Error('below')
    const error = new RateLimitError('Could not poll, too many requests: host', {
      cause,
      retryAfterMs: 1000,
      status: 429,
    })
    expect(error).toBeInstanceOf(SoraPipelineError)
    expect(error).toMatchObject({ name: 'RateLimitError', code: 'rate-limited', isRetryable: true, cause })
    expect(isSoraPipelineError(error)).toBe(true)
    expect([null, 'x', new Error('x'), {}].map(isSoraPipelineError)).toEqual([false, false, false, false])
    expect(new FencedError('x: y')).toBeInstanceOf(RunStateError)
  })

  it('have a JSON form without foreign causes, stacks, bodies and queries, which reads back as the same', () => {
    const inner = new UpstreamHttpError('Could not poll, the answer was HTTP 500: host', {
      status: 500,
      url: 'https://host.example/v1/videos?key=secret',
      bodyExcerpt: 'what the server said',
      cause: new Error('foreign'),
    })
    const handle = { generator: 'a', operation: { id: '1' }, startedAt: 1 }
    const outer = new SubmissionUnknownError('Could not learn the outcome: host', { cause: inner, handle })
    const all = new AllStrategiesFailedError('Could not generate: a, b', {
      errors: [outer, new Error('plain')],
      stage: 'generate',
    })
    const json = JSON.parse(JSON.stringify(all))
    expect(json).toEqual(toErrorJson(all))
    expect(json).toMatchObject({
      code: 'all-strategies-failed',
      isRetryable: false,
      errors: [
        { code: 'submission-unknown', handle, cause: { status: 500, url: 'https://host.example/v1/videos' } },
        { code: 'unexpected', message: 'plain' },
      ],
    })
    expect(JSON.stringify(json)).not.toMatch(/secret|foreign|server said|stack/)
    expect(JSON.parse(JSON.stringify(new RecordedError(json)))).toEqual(json)
  })

  it('know whether they are retryable by facts', () => {
    const retryable = [408, 425, 429, 500, 502, 503, 504, 520, 529]
    const http = (status: number) => new UpstreamHttpError('x: y', { status }).isRetryable
    expect([...retryable, 400, 401, 404, 501].map(http)).toEqual([
      ...retryable.map(() => true),
      false,
      false,
      false,
      false,
    ])
    expect(new UpstreamResponseError('x: y', { isRetryable: false }).isRetryable).toBe(false)
    const passing = new AllStrategiesFailedError('x: y', { errors: [new Error('a'), new NetworkError('x: y')] })
    expect(passing.isRetryable).toBe(true)
  })

  it('take anything that was thrown', () => {
    expect(toErrorJson('just a text')).toEqual({
      name: 'Error',
      code: 'unexpected',
      message: 'just a text',
      isRetryable: false,
    })
    expect(toErrorJson(Object.create(null))).toMatchObject({ message: 'an object' })
    expect(toErrorJson(new DOMException('stop', 'AbortError'))).toMatchObject({ code: 'aborted' })
    fc.assert(fc.property(fc.anything(), (thrown) => void JSON.stringify(toErrorJson(thrown))))
  })

  it('are given their place once', () => {
    const error = new GenerationFailedError('x: y', { upstreamCode: 'server_error' })
    locateError(error, { stage: 'generate', strategy: 'a', handle: undefined })
    locateError(error, { stage: 'upload', strategy: 'b' })
    expect(error.toJSON()).toMatchObject({ stage: 'generate', strategy: 'a' })
    expect(error).not.toHaveProperty('handle')
  })

  it('name every problem', () => {
    const problems = [
      { field: 'a', value: '1', fix: 'give 2' },
      { field: 'b', value: 'nothing', fix: 'give 3' },
    ]
    const error = new ConfigurationError('thing', problems)
    expect(error.message).toBe('Could not configure thing: a is 1 (give 2); b is nothing (give 3)')
    expect(error.toJSON().problems).toEqual(problems)
  })
})

describe('redact', () => {
  it.each([
    'Authorization: Bearer abc.def-ghi_jkl',
    'Incorrect API key provided: sk-proj-abcdef1234567890',
    'hf_abcdefghijklmnop was refused',
    'https://user:pa55word@host.example/a',
    'https://host.example/a?key=abcdefgh&x=1',
    '{"password": "hunter22"}',
    '{"access_token":"abcdefgh"}',
    'X-Amz-Signature=0123456789abcdef, ?X-Amz-Signature=0123456789abcdef',
    'token eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSMeK',
    'AKIAIOSFODNN7EXAMPLE',
    'ya29.a0AfH6SMBxyz',
    'whsec_MfKQ9r8GKYqrTwjU',
  ])('takes the credential out of %s', (text) => {
    const clean = redact(text)
    expect(clean).toContain('[redacted]')
    expect(clean).not.toMatch(/abc\.def|abcdef|hunter|0123456789|SflK|IOSFODNN|a0Af|MfKQ|pa55/)
  })

  it('leaves ordinary text alone', () => {
    const text = 'Could not poll, the answer was HTTP 500: api.example (task-1234, keyboard, tokens used: 12)'
    expect(redact(text)).toBe(text)
  })
})

describe('mayHaveBeenAccepted', () => {
  const coded = (code: string, message = 'fetch failed') =>
    Object.assign(new TypeError(message), { cause: { cause: { code } } })
  it.each<[unknown, boolean]>([
    [new SubmissionUnknownError('x: y'), true],
    [new StageTimeoutError('x: y', { timeoutMs: 1 }), true],
    [new UpstreamResponseError('x: y'), true],
    [new NetworkError('x: y'), true],
    [new NetworkError('x: y', { isRefusal: true }), false],
    [new UpstreamHttpError('x: y', { status: 500 }), true],
    [new UpstreamHttpError('x: y', { status: 500, isRefusal: true }), false],
    [new UpstreamHttpError('x: y', { status: 302 }), true],
    [new UpstreamHttpError('x: y', { status: 409 }), true],
    [new UpstreamHttpError('x: y', { status: 503 }), false],
    [new UpstreamHttpError('x: y', { status: 422 }), false],
    [new RateLimitError('x: y'), false],
    [coded('ECONNREFUSED'), false],
    [coded('ENOTFOUND'), false],
    [coded('ECONNRESET'), true],
    [coded('SOMETHING_ELSE'), true],
    [coded('SOMETHING_ELSE', 'terminated'), true],
    [new DOMException('late', 'TimeoutError'), true],
    [new Error('no credit'), false],
    ['no credit', false],
  ])('judges %s', (error, expected) => {
    expect(mayHaveBeenAccepted(error)).toBe(expected)
  })

  it('looks five causes deep and not forever', () => {
    const circular: { cause?: unknown } = {}
    circular.cause = circular
    expect(networkCodeOf(circular)).toBeUndefined()
  })
})

describe('the request id of an error', () => {
  it('is a field, in the JSON form, and once at the end of the message', () => {
    const error = new RateLimitError('Could not poll: host', { requestId: 'req_123' })
    expect(error).toMatchObject({ requestId: 'req_123', message: 'Could not poll: host (request req_123)' })
    expect(error.toJSON()).toMatchObject({ requestId: 'req_123', message: error.message })
    expect(new RecordedError(error.toJSON())).toMatchObject({ requestId: 'req_123', message: error.message })
    expect(new NetworkError(`${error.message}; again`, error).message).toBe(`${error.message}; again`)
  })

  it.each([undefined, '', 'a b', 'a\nb', '<b>', 'x'.repeat(201), 'sk-abcdefgh12345678', 7])(
    'is left out when it is %j',
    (requestId) => {
      const error = new RateLimitError('Could not poll: host', { requestId: requestId as string })
      expect(error).not.toHaveProperty('requestId')
      expect(error.message).toBe('Could not poll: host')
    },
  )

  it.each([
    { requestID: 'req_1' },
    { request_id: 'req_1' },
    { $metadata: { requestId: 'req_1' } },
    { requestID: null, cause: { requestId: 'req_1' } },
  ])('is read from the error of a client: %j', (fields) => {
    expect(requestIdOf(Object.assign(new Error('x'), fields))).toBe('req_1')
  })
})
