import { describeValue } from '../../../contracts/errors.js'
import { ConfigurationError } from '../../../contracts/input-errors.js'
import { fieldOf } from '../../../contracts/thrown-value.js'
import {
  AuthenticationError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  UpstreamHttpError,
} from '../../../contracts/upstream-errors.js'
import type { AnswerHeaders } from '../../../upstream/answer.js'
import type { RefusedAnswer } from '../../../upstream/answer-error.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { hostOf } from '../../../upstream/network-failure.js'
import { requestIdFrom } from '../../../upstream/request-id.js'
import { retryAfterMs } from '../../../upstream/retry-after.js'
import type { CheckedS3Options } from './checked-s3-options.js'
import { xmlText } from './s3-xml.js'

/** What a store says of a header that it does not know, such as the condition of a conditional write. */
export const NOT_IMPLEMENTED = 'NotImplemented'

const REGION = /^[\w-]{1,40}$/
const DENIALS: ReadonlySet<string> = new Set([
  'AccessDenied',
  'AccountProblem',
  'AllAccessDisabled',
  'InvalidAccessKeyId',
  'InvalidPayer',
  'InvalidSecurity',
  'NotSignedUp',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'XAdminAccessDenied',
  'XAdminUserNotFound',
])
// The key is of no account. Some stores answer with 404.
const NO_ACCOUNT: ReadonlySet<string> = new Set(['InvalidAccessKeyId', 'XAdminUserNotFound'])
// Of temporary credentials, which a function renews.
const ENDED: ReadonlySet<string> = new Set(['ExpiredToken', 'InvalidToken', 'TokenRefreshRequired'])
const FULL: ReadonlySet<string> = new Set([
  'EntityTooLarge',
  'InsufficientStorage',
  'QuotaExceeded',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
])
const BUSY: ReadonlySet<string> = new Set([
  'SlowDown',
  'ServiceUnavailable',
  'Busy',
  'TooManyRequests',
  'RequestLimitExceeded',
])
// The bytes were damaged or cut on the way, or another request for the key is under way.
const PASSING: ReadonlySet<string> = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'XAmzContentSHA256Mismatch',
  // Signed by a clock that differs by more than 15 minutes; it is corrected by then.
  'RequestTimeTooSkewed',
])
const ELSEWHERE: ReadonlySet<string> = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
  'TemporaryRedirect',
])

/**
 * Reads an error of a store by its code, of which several share a status. `undefined` for what is no such error, which the usual rule
 * reads.
 *
 * Source: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and the codes of R2, Backblaze B2, MinIO and
 * versitygw.
 */
export function s3Error(answer: RefusedAnswer, options: CheckedS3Options): Error | undefined {
  const { what, status, headers, text, url, mask } = answer
  const code = s3ErrorCode(text)
  if (code === undefined) return undefined
  const said = excerptOf(xmlText(text, 'Message') ?? '', mask)
  const message = `Could not ${what}: ${hostOf(url)} answered ${status} ${mask(code)}${said && `, ${said}`}${adviceOn(code)}`
  const facts = {
    status,
    url: mask(url),
    retryAfterMs: retryAfterMs(headers, Date.now()),
    requestId: requestIdFrom(headers, mask),
  }
  if (ENDED.has(code)) {
    return new AuthenticationError(message, { ...facts, isRetryable: options.credentials !== undefined })
  }
  if (DENIALS.has(code)) return new AuthenticationError(message, facts)
  if (BUSY.has(code)) return status === 429 ? new RateLimitError(message, facts) : new OverloadedError(message, facts)
  if (FULL.has(code)) return new QuotaExceededError(message, facts)
  const bodyExcerpt = excerptOf(text, mask)
  const plain = { ...facts, bodyExcerpt, ...(PASSING.has(code) && { isRetryable: true }) }
  const error = new UpstreamHttpError(message, plain)
  if (ELSEWHERE.has(code)) return elsewhere(options, placeIn(text), error)
  if (code !== 'NoSuchBucket' && code !== 'InvalidBucketName') return error
  const fix = 'make it first, or give the name of one that exists'
  const problem = { field: 'bucket', value: describeValue(options.bucket), fix }
  return new ConfigurationError('s3Uploader', [problem], { cause: error })
}

/** The error of an answer to `HEAD`, which has no body, where its headers name another region. */
export function otherRegionError(headers: AnswerHeaders, options: CheckedS3Options): Error | undefined {
  const region = headers.get('x-amz-bucket-region')
  if (region === null || region === options.region || !REGION.test(region)) return undefined
  return elsewhere(options, `set region to '${region}'`)
}

/** Whether an error is an answer of the store that refuses a request for good, so that nothing has come of it. */
export function isRefused(error: unknown): boolean {
  if (error instanceof ConfigurationError) return true
  const status = fieldOf(error, 'status')
  return typeof status === 'number' && status >= 400 && status < 500 && fieldOf(error, 'isRetryable') === false
}

function elsewhere({ region }: CheckedS3Options, fix: string, cause?: Error): ConfigurationError {
  const problem = { field: 'region', value: describeValue(region), fix }
  return new ConfigurationError('s3Uploader', [problem], cause === undefined ? {} : { cause })
}

/** The code of an error in an answer's body. */
export function s3ErrorCode(text: string): string | undefined {
  if (!/<Error[\s>]/.test(text.slice(0, 1_000))) return undefined
  const code = xmlText(text, 'Code')
  return code !== undefined && /^[\w.]{1,100}$/.test(code) ? code : undefined
}

function adviceOn(code: string): string {
  if (code === 'SignatureDoesNotMatch') return '; check secretAccessKey, region and endpoint'
  if (NO_ACCOUNT.has(code)) return '; check accessKeyId and endpoint'
  if (code === 'RequestTimeTooSkewed') return '; set the clock of this machine, which is more than 15 minutes off'
  return code === 'AccessDenied' ? '; let the keys write objects to the bucket, s3:PutObject' : ''
}

function placeIn(text: string): string {
  const [region, endpoint] = [xmlText(text, 'Region'), xmlText(text, 'Endpoint')]
  if (region !== undefined && REGION.test(region)) return `set region to '${region}'`
  if (endpoint !== undefined && /^[\w.-]{1,200}$/.test(endpoint))
    return `set endpoint and region to those of ${endpoint}`
  return 'give the region and the endpoint of the bucket'
}
