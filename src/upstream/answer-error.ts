import type { SoraPipelineError } from '../contracts/errors.js'
import { UpstreamHttpError } from '../contracts/upstream-errors.js'
import type { AnswerHeaders } from './answer.js'
import { readComplaint } from './complaint.js'
import { complaintError } from './complaint-error.js'
import { complaintKind } from './complaint-kind.js'
import { losesAnswer } from './doubtful-sentence.js'
import { excerptOf, readErrorDetails } from './error-details.js'
import { hostOf } from './network-failure.js'
import { provesRefusal } from './refusal-sentence.js'
import { requestIdFrom } from './request-id.js'
import { retryAfterMs } from './retry-after.js'
import type { Mask } from './secret.js'

// Statuses of gateways that refuse a submission, or lost its answer.
const MAY_HIDE: ReadonlySet<number> = new Set([400, 503])

/** An answer with a status outside 2xx. */
export interface RefusedAnswer {
  /** The action that failed, such as `create the video`. */
  readonly what: string
  readonly url: string
  readonly status: number
  readonly headers: AnswerHeaders
  /** The part of the body that was read. */
  readonly text: string
  readonly mask: Mask
  /**
   * Whether something was submitted. A 5xx then leaves open whether it was accepted, whatever its text says or
   * quotes, except 503, 529 and a message that proves a refusal. In answer to a query, a 5xx is a temporary failure.
   */
  readonly isSubmission?: boolean | undefined
  /** The request, such as `POST /v1/videos`, for messages of a 404, which may be about the address. */
  readonly request?: string | undefined
  /** What to check after a 404 to that request; `undefined` for nothing. */
  readonly notFoundAdvice?: ((request: string) => string | undefined) | undefined
  /** For a submission: whether the answer proves that nothing was accepted. By default the status decides. */
  readonly isRefusal?: boolean | undefined
}

/**
 * The error of an answer with a status outside 2xx: of the complaint in its body, or of the complaint that it quotes,
 * as read by `complaintKind`.
 *
 * 401 and 403 are `AuthenticationError`, except a 403 page of a proxy, which is an `UpstreamHttpError` because the
 * credential is not at fault. A moderation verdict (400, 403, 422, 424, 429, 446, 451, 503, 529) is `ContentRejectedError`, a 4xx about the
 * country or region `RegionError`, 402 and any 4xx that names a quota `QuotaExceededError`, any other 429
 * `RateLimitError`, 503 and 529 `OverloadedError`. Everything else is `UpstreamHttpError`, with the quoted status
 * where there is one.
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
  if (answer.isSubmission === true && MAY_HIDE.has(answer.status) && losesAnswer([details.message, ...details.words])) {
    return new UpstreamHttpError(message, { ...options, bodyExcerpt, isRefusal: false })
  }
  return kind === 'other' || kind === 'timeout'
    ? new UpstreamHttpError(message, { ...options, bodyExcerpt, isRefusal: answer.isRefusal })
    : complaintError(kind, message, options)
}

function placeOf(answer: RefusedAnswer): { readonly request: string; readonly advice: string } {
  const { status, request, mask, notFoundAdvice } = answer
  if (status !== 404 || request === undefined) return { request: '', advice: '' }
  const advice = notFoundAdvice?.(request)
  return { request: ` to ${mask(request)}`, advice: advice === undefined ? '' : `; ${advice}` }
}

/** The advice for servers of the family of OpenAI: a base address without its version is the most common reason of a 404. */
export function versionAdvice(request: string): string | undefined {
  return /\/v\d+[a-z\d]*\//i.test(request) ? undefined : 'baseUrl may need /v1 at its end'
}

function isRefused({ status, isRefusal }: RefusedAnswer, message: string): boolean {
  return isRefusal === true || status === 503 || status === 529 || provesRefusal(message)
}
