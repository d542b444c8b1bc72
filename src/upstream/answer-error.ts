import type { SoraPipelineError } from '../contracts/errors.js'
import { UpstreamHttpError } from '../contracts/upstream-errors.js'
import { readComplaint } from './complaint.js'
import { complaintError } from './complaint-error.js'
import { complaintKind } from './complaint-kind.js'
import { excerptOf, readErrorDetails } from './error-details.js'
import { hostOf } from './network-failure.js'
import { provesRefusal } from './refusal-sentence.js'
import { requestIdFrom } from './request-id.js'
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
  /**
   * Whether something was submitted. A 5xx then leaves open whether it was accepted, whatever its text says or quotes, except 503, 529 and
   * a message that proves a refusal; in answer to a mere question it only says that the upstream cannot tell now, which passes.
   */
  readonly isSubmission?: boolean | undefined
  /** What was requested, such as `POST /v1/videos`, where a 404 may be about the address. */
  readonly request?: string | undefined
  /** For an answer to a submission: whether it proves that nothing was accepted; decided by the status without it. */
  readonly isRefusal?: boolean | undefined
}

/**
 * The error of an answer that is no success: of the complaint in its body, or of the one that it quotes, as `complaintKind`
 * reads them.
 *
 * 401 and 403 are `AuthenticationError`, except a 403 that is a page of a proxy: the credential is not at fault there, so it
 * stays an `UpstreamHttpError`. A moderation verdict (400, 403, 422, 451) is `ContentRejectedError`, a 4xx about the country or
 * region `RegionError`, 402 and any 4xx that names a quota `QuotaExceededError`, any other 429 `RateLimitError`, 503 and 529
 * `OverloadedError`, the rest `UpstreamHttpError`, whose status is the quoted one where there is one.
 */
export function answerError(answer: RefusedAnswer): SoraPipelineError {
  const { mask, text } = answer
  const details = readErrorDetails(text)
  const isTelling = answer.status < 500 || (answer.isSubmission === true && isRefused(answer, details.message))
  const complaint = readComplaint(isTelling ? details : { ...details, words: [], message: '' }, answer.status)
  const { status = answer.status } = complaint
  const bodyExcerpt = excerptOf(text, mask)
  const reason = details.message === '' ? bodyExcerpt : excerptOf(details.message, mask)
  const place = placeOf(answer)
  const said = `${hostOf(answer.url)} answered ${answer.status}${place.request}${reason && `, ${reason}`}${place.advice}`
  const message = `Could not ${answer.what}: ${said}`
  const options = {
    status,
    url: mask(answer.url),
    retryAfterMs: retryAfterMs(answer.headers, Date.now()),
    requestId: requestIdFrom(answer.headers, mask),
  }
  const kind = complaintKind(complaint)
  return kind === 'other' || kind === 'timeout'
    ? new UpstreamHttpError(message, { ...options, bodyExcerpt, isRefusal: answer.isRefusal })
    : complaintError(kind, message, options)
}

// A base address without its version is the most common reason.
function placeOf({ status, request, mask }: RefusedAnswer): { readonly request: string; readonly advice: string } {
  if (status !== 404 || request === undefined) return { request: '', advice: '' }
  const hasVersion = /\/v\d+[a-z\d]*\//i.test(request)
  return { request: ` to ${mask(request)}`, advice: hasVersion ? '' : '; baseUrl may need /v1 at its end' }
}

function isRefused({ status, isRefusal }: RefusedAnswer, message: string): boolean {
  return isRefusal === true || status === 503 || status === 529 || provesRefusal(message)
}
