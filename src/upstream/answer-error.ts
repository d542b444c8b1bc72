import {
  AuthenticationError,
  ContentRejectedError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  RegionError,
  UpstreamHttpError,
} from '../contracts/upstream-errors.js'
import { type ErrorDetails, excerptOf, readErrorDetails } from './error-details.js'
import { isModerationVerdict } from './moderation-verdict.js'
import { hostOf } from './network-failure.js'
import { retryAfterMs } from './retry-after.js'
import type { Mask } from './secret.js'

/** An answer whose status is no success. */
export interface RefusedAnswer {
  /** What could not be done, such as `create the video`. */
  readonly what: string
  readonly url: string
  readonly status: number
  readonly headers: Headers
  /** The body, as far as it was read. */
  readonly text: string
  readonly mask: Mask
  /** For an answer to a submission: whether it proves that nothing was accepted; decided by the status without it. */
  readonly isRefusal?: boolean | undefined
}

const QUOTA =
  /insufficient[_ -]?(\w+[_ -])?(quota|balance|credits?|funds)|quota[_ -]?exceeded|billing|out[_ -]of[_ -]credits?/i
const REGION_WORD = /unsupported[_ -](country|region)|geo[_ -]?(block|restrict)/i
const REGION = /unsupported[_ -](country|region)|\b(region|country|territory)\b|geo[_ -]?(block|restrict)/i
const MAY_BE_REGION: ReadonlySet<number> = new Set([403, 451])
const MAY_BE_VERDICT: ReadonlySet<number> = new Set([400, 403, 422, 451])

/**
 * The error of an answer that is no success.
 *
 * 401 and 403 are `AuthenticationError`, except a 403 that is a page of a proxy: the credential is not at fault there, so it
 * stays an `UpstreamHttpError`. A moderation verdict (400, 403, 422, 451) is `ContentRejectedError`, a 4xx about the country or
 * region `RegionError`, 402 and any 4xx that names a quota `QuotaExceededError`, any other 429 `RateLimitError`, 503 and 529
 * `OverloadedError`, the rest `UpstreamHttpError`.
 */
export function answerError(answer: RefusedAnswer): Error {
  const { status, mask, text } = answer
  const details = readErrorDetails(text)
  const bodyExcerpt = excerptOf(text, mask)
  const reason = details.message === '' ? bodyExcerpt : excerptOf(details.message, mask)
  const message = `Could not ${answer.what}: ${hostOf(answer.url)} answered ${status}${reason && `, ${reason}`}`
  const options = { status, url: mask(answer.url), retryAfterMs: retryAfterMs(answer.headers, Date.now()) }
  switch (kindOf(status, details)) {
    case 'moderation':
      return new ContentRejectedError(message, options)
    case 'quota':
      return new QuotaExceededError(message, options)
    case 'rate':
      return new RateLimitError(message, options)
    case 'credential':
      return new AuthenticationError(message, options)
    case 'region':
      return new RegionError(message, options)
    case 'overload':
      return new OverloadedError(message, options)
    default:
      return new UpstreamHttpError(message, { ...options, bodyExcerpt, isRefusal: answer.isRefusal })
  }
}

function kindOf(status: number, { words, message, isPage }: ErrorDetails) {
  if (MAY_BE_VERDICT.has(status) && isModerationVerdict(words, message)) return 'moderation'
  const isQuota =
    status >= 400 && status < 500 && status !== 408 && status !== 409 && words.some((word) => QUOTA.test(word))
  if (status === 402 || isQuota) return 'quota'
  if (status === 429) return 'rate'
  if (status === 401) return 'credential'
  if (status === 503 || status === 529) return 'overload'
  const isAboutRegion = REGION_WORD.test(words.join(' ')) || (MAY_BE_REGION.has(status) && REGION.test(message))
  if (isAboutRegion && status < 500) return 'region'
  return status === 403 && !isPage ? 'credential' : 'other'
}
