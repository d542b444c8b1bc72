import {
  AuthenticationError,
  ContentRejectedError,
  GenerationFailedError,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  RegionError,
  StageTimeoutError,
  SubmissionUnknownError,
  UpstreamHttpError,
} from '../../../src/index.js'

/** How a generator fails, and what a client is to hear of it. */
export interface ErrorKind {
  readonly name: string
  readonly make: () => Error
  readonly status: number
  readonly code: string
  readonly type: string
  readonly retryAfter?: string
}

const failed = 'Could not generate the video'
const request = 'invalid_request_error'
const server = 'server_error'

/** The kinds of error that a generator can end in. */
export const ERROR_KINDS: readonly ErrorKind[] = [
  {
    name: 'content-policy',
    make: () => new ContentRejectedError(`${failed}: moderation`),
    status: 400,
    code: 'content_policy_violation',
    type: request,
  },
  {
    name: 'authentication',
    make: () => new AuthenticationError(`${failed}: 401`, { status: 401 }),
    status: 401,
    code: 'invalid_api_key',
    type: request,
  },
  {
    name: 'quota',
    make: () => new QuotaExceededError(`${failed}: no credit`),
    status: 429,
    code: 'insufficient_quota',
    type: 'insufficient_quota',
  },
  {
    name: 'payment',
    make: () => new QuotaExceededError(`${failed}: 402`, { status: 402 }),
    status: 402,
    code: 'insufficient_quota',
    type: 'insufficient_quota',
  },
  {
    name: 'region',
    make: () => new RegionError(`${failed}: region`),
    status: 403,
    code: 'unsupported_country_region_territory',
    type: 'request_forbidden',
  },
  {
    name: 'rate-limit',
    make: () => new RateLimitError(`${failed}: 429`, { retryAfterMs: 11_500 }),
    status: 429,
    code: 'rate_limit_exceeded',
    type: 'rate_limit_error',
    retryAfter: '12',
  },
  {
    name: 'overloaded',
    make: () => new OverloadedError(`${failed}: 529`, { retryAfterMs: 7000 }),
    status: 503,
    code: 'overloaded',
    type: server,
    retryAfter: '7',
  },
  {
    name: 'busy',
    make: () => new OverloadedError(`${failed}: 503`),
    status: 503,
    code: 'overloaded',
    type: server,
  },
  {
    name: 'upstream',
    make: () => new UpstreamHttpError(`${failed}: 500`, { status: 500, isRefusal: true }),
    status: 502,
    code: 'upstream_error',
    type: server,
  },
  {
    name: 'unreachable',
    make: () => new NetworkError(`${failed}: no connection`, { isRefusal: true }),
    status: 502,
    code: 'upstream_unreachable',
    type: server,
  },
  {
    name: 'refused',
    make: () => new UpstreamHttpError(`${failed}: 422`, { status: 422 }),
    status: 502,
    code: 'upstream_refused',
    type: server,
  },
  {
    name: 'generation',
    make: () => new GenerationFailedError(`${failed}: server_error`),
    status: 502,
    code: 'generation_failed',
    type: server,
  },
  {
    name: 'unknown-submission',
    make: () => new SubmissionUnknownError(`${failed}: no answer`),
    status: 502,
    code: 'submission_unknown',
    type: server,
  },
  {
    name: 'timeout',
    make: () => new StageTimeoutError(`${failed}: 600 ms`, { timeoutMs: 600, isRetryable: false }),
    // The job may still be running.
    status: 502,
    code: 'submission_unknown',
    type: server,
  },
]
