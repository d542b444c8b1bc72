import { BEFORE_SUBMIT } from '../contracts/before-submit.js'
import { isSoraPipelineError, type SoraPipelineErrorJson, toErrorJson } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import { ERROR_ANSWERS } from './error-answers.js'
import { mostTellingError, type OpenAiErrorFinding, type OpenAiErrorKind } from './openai-error-kind.js'
import { wellFormed } from './plain-text.js'

/** An error as an OpenAI client expects it: a status, headers and a body. */
export interface OpenAiError {
  /** HTTP status, for a response that has not started. */
  readonly status: number
  /** Headers about retries, with names in lower case; absent without any. */
  readonly headers?: Readonly<Record<string, string>>
  /** JSON of the response. */
  readonly body: { readonly error: OpenAiErrorBody }
}

/** Such as `{ message: '…', type: 'invalid_request_error', param: 'prompt', code: 'invalid_value' }`. */
export interface OpenAiErrorBody {
  /** What went wrong and what to do, for display. */
  readonly message: string
  /** Type of the error in OpenAI's terms, such as `server_error`. */
  readonly type: string
  /** The first invalid field of the request. */
  readonly param: string | null
  /** Code of the error, such as `timeout`. */
  readonly code: string
}

// A short failover of a store takes about this long.
const STORE_RETRY_SECONDS = '5'
const STORE_AND_VAIN =
  'This server cannot save or read this video, which may be in progress and paid: request it under its id before you send the request again.'
// The advice to change or repeat the request would pay for a second video.
const PAID_JOB =
  'The video provider has accepted the job, which may be paid: do not send the request again. The operator of this server continues the run of this request with settle and the handle of the error, or pays for another video with retry.'
const REFUSED_HERE = 'This server refused the request before anything was sent to a video provider.'
// These report that there is no video, or have an advice of their own.
const DECIDED: ReadonlySet<OpenAiErrorKind> = new Set([
  ...([
    'content-policy',
    'generation',
    'unknown-submission',
    'timeout',
    'no-url',
    'store',
    'aborted',
    'elsewhere',
    'no-generator',
  ] as const),
])

/**
 * Creates an OpenAI error from any thrown value, such as `{ status: 429, headers: { 'retry-after': '12' }, body: { error: {
 * message: '…', type: 'rate_limit_error', param: null, code: 'rate_limit_exceeded' } } }`.
 *
 * | error | status | `code` |
 * | --- | --- | --- |
 * | invalid request | 400 | `invalid_value`, with `param` |
 * | content policy | 400 | `content_policy_violation` |
 * | wrong key | 401 | `invalid_api_key` |
 * | no quota left | 429, or 402 if the upstream responded with it | `insufficient_quota` |
 * | region | 403 | `unsupported_country_region_territory` |
 * | state of the run | 409 | `run_conflict` |
 * | rate limit | 429 | `rate_limit_exceeded` |
 * | aborted | 499 | `request_aborted` |
 * | configuration | 500 | `configuration_error` |
 * | upstream failed or cannot be read | 502 | `upstream_error` |
 * | no answer from the upstream | 502 | `upstream_unreachable` |
 * | upstream refused the request for a reason of its own (400, 404, 422 and so on) | 502 | `upstream_refused` |
 * | job failed at the upstream | 502 | `generation_failed` |
 * | unknown submission | 502 | `submission_unknown` |
 * | a video without a public URL | 502 | `no_usable_url` |
 * | overloaded, or an open circuit breaker | 503 | `overloaded` |
 * | the store of the runs failed | 503 | `store_unavailable` |
 * | this process was closed, or its pipeline lacks the generator of the job, and the saved run continues in another one | 503 | `run_continues` |
 * | a deadline that passed before anything was accepted | 503 | `overloaded` |
 * | timeout | 504 | `timeout` |
 * | anything else | 500 | `internal_error` |
 *
 * For a failed chain, the error that the caller can act on most is used. The message of an error with a `handle` that does not prove
 * that there is no video states that the job may be paid, and what the operator does with it. Messages of foreign errors, of configuration errors
 * and of a store that failed are not passed on.
 *
 * The headers are `retry-after`, in whole seconds rounded up, if the upstream requested a wait with a rate limit or while
 * overloaded, or if the store failed before anything was paid (5 s), and `x-should-retry: false` if the official clients would retry automatically (on 408, 409, 429 and 5xx) although
 * that is useless or would pay for a second video.
 *
 * @example
 * ```ts
 * import { RateLimitError, toOpenAiError } from 'sora-pipeline'
 *
 * const { status, headers, body } = toOpenAiError(new RateLimitError('Too many requests', { retryAfterMs: 1500 }))
 * console.log(status, headers?.['retry-after'], body.error.code)
 * ```
 */
export function toOpenAiError(error: unknown): OpenAiError {
  const finding = mostTellingError(error)
  const { kind, json } = finding
  const { type, code } = ERROR_ANSWERS[kind]
  const status = kind === 'quota' && json.status === 402 ? 402 : ERROR_ANSWERS[kind].status
  const isVain = isRetriedInVain(error, status)
  const headers = { ...retryAfter(finding, isVain), ...(isVain && { 'x-should-retry': 'false' }) }
  return {
    status,
    ...(Object.keys(headers).length > 0 && { headers }),
    body: { error: { message: messageOf(finding, isVain), type, param: paramOf(json), code } },
  }
}

function messageOf({ kind, json }: OpenAiErrorFinding, isVain: boolean): string {
  if (kind === 'store' && isVain) return STORE_AND_VAIN
  const { isMessageHidden } = ERROR_ANSWERS[kind]
  // Any of these errors is the server's own word then, not that of the video provider.
  if (json.strategy === BEFORE_SUBMIT && !isMessageHidden) return `${sentenceOf(json)}. ${REFUSED_HERE}`
  const advice = json.handle !== undefined && !DECIDED.has(kind) ? PAID_JOB : ERROR_ANSWERS[kind].advice
  // A foreign error gets a kind other than `unexpected` only by its name; its message is still not passed on.
  if (isMessageHidden || json.code === 'unexpected' || json.attempts?.some(isHidden)) return advice
  return `${sentenceOf(json)}. ${advice}`
}

function sentenceOf({ message }: SoraPipelineErrorJson): string {
  return wellFormed(message).replace(/[\s.]+$/, '')
}

// Its message quotes those of all attempts.
function isHidden({ errorCode }: JsonObject): boolean {
  return errorCode === 'unexpected' || errorCode === 'configuration-invalid'
}

function paramOf({ code, problems }: SoraPipelineErrorJson): string | null {
  const field = code === 'request-invalid' ? problems?.[0]?.field : undefined
  return typeof field === 'string' ? field : null
}

function retryAfter({ kind, json: { retryAfterMs } }: OpenAiErrorFinding, isVain: boolean): OpenAiError['headers'] {
  if (kind === 'store') return isVain ? {} : { 'retry-after': STORE_RETRY_SECONDS }
  const isWaitRequested = kind === 'rate-limit' || kind === 'overloaded'
  if (
    !isWaitRequested ||
    retryAfterMs === undefined ||
    !(retryAfterMs >= 0 && retryAfterMs < Number.POSITIVE_INFINITY)
  ) {
    return {}
  }
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
}

function isRetriedInVain(error: unknown, status: number): boolean {
  const isRetriedByClients = status === 409 || status === 429 || status >= 500
  return isRetriedByClients && !(toErrorJson(error).isRetryable && isFreeToRepeat(error))
}

// A handle is a submitted job that may be running and costing money; a deadline may also pass after a submission without a
// handle, unless it proves a refusal. A run that continues in another process may be submitted there.
function isFreeToRepeat(error: unknown): boolean {
  if (!isSoraPipelineError(error)) return true
  const { isRefusal = false, continues = false } = toErrorJson(error)
  if (error.handle !== undefined || error.code === 'submission-unknown' || continues) return false
  if (error.code === 'stage-timeout' && !isRefusal) return false
  return !('errors' in error && Array.isArray(error.errors)) || error.errors.every(isFreeToRepeat)
}
