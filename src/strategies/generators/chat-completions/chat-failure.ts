import type { SoraPipelineError } from '../../../contracts/errors.js'
import { StageTimeoutError } from '../../../contracts/run-errors.js'
import { ContentRejectedError, GenerationFailedError, UpstreamHttpError } from '../../../contracts/upstream-errors.js'
import { type Complaint, readComplaint } from '../../../upstream/complaint.js'
import { complaintError } from '../../../upstream/complaint-error.js'
import { complaintKind, plainKind } from '../../../upstream/complaint-kind.js'
import { losesConnection } from '../../../upstream/doubtful-sentence.js'
import { excerptOf, readErrorDetails } from '../../../upstream/error-details.js'
import { isModerationVerdict } from '../../../upstream/moderation-verdict.js'
import type { Mask } from '../../../upstream/secret.js'

/** The upstream that failed, for messages, and the time since the submission. */
export interface ChatUpstream {
  readonly url: string
  readonly host: string
  readonly mask: Mask
  /** Id of the request, once there is an answer. */
  readonly requestId?: string | undefined
  /** Milliseconds since the submission. */
  elapsedMs(): number
  /** Whether a status proves that nothing was accepted; `undefined` applies the default rule. */
  isRefusal(status: number): boolean | undefined
}

// How gateways report that they could not connect, when nothing of the request can have got through.
const NOT_CONNECTED = /refused|resolve|getaddrinfo|name or service|no route|unreachable|failed to connect|certificate/i
const SECONDS = /(\d{1,6}(?:\.\d{1,3})?)\s?s(?:ec\w{0,4})?\b/i
const VAGUE = /^(?:server_)?error$/
const FAILED = /fail/i
const DECLINES =
  /\b(?:I|we)(?:['’]m| am|['’]re| are)? (?:can(?:['’]t|not)|could(?:n['’]t| not)|won['’]t|will not|(?:un|not )able to) (?:\w+ ){0,3}(?:creat|generat|mak|produc|fulfil|complet|process|help|assist)\w*/i
const RULES = /\bpolic|guideline|\bterms\b|\brules\b|safety/i
const ASKS_FOR_STREAM = /\b(?:enable|use|requires?|set|switch|turn)\b.{0,20}\bstream/i

/**
 * The error of an error frame or of a sentence in its place. A timeout of the upstream leaves the outcome unknown.
 * Any unrecognised error is the upstream's verdict on the job, unless it names a status that proves less.
 *
 * @param said - JSON of any dialect, or a sentence.
 */
export function chatFailure(said: string, upstream: ChatUpstream): SoraPipelineError {
  const details = readErrorDetails(said)
  const complaint = readComplaint(details)
  const message = messageOf(excerptOf(details.message || said, upstream.mask), upstream)
  const options = { ...placeOf(upstream), status: complaint.status }
  const kind = complaintKind(complaint)
  if (kind === 'timeout') return timeoutError(message, complaint, upstream)
  if (kind === 'network')
    return complaintError(kind, message, { ...options, isRefusal: NOT_CONNECTED.test(complaint.message) })
  if (kind !== 'other') return complaintError(kind, message, options)
  // The job may continue although its gateway lost the connection.
  if (losesConnection(complaint.message)) return complaintError('network', message, { ...options, isRefusal: false })
  const { status, words } = complaint
  // A job that reports its own failure is over, whatever the status.
  if (status !== undefined && !words.some((word) => FAILED.test(word)))
    return new UpstreamHttpError(message, { ...options, status, isRefusal: upstream.isRefusal(status) })
  const word = words.find((candidate) => !VAGUE.test(candidate))
  return new GenerationFailedError(message, { ...options, upstreamCode: word && excerptOf(word, upstream.mask) })
}

/**
 * The error behind `❌ 生成失败: <reason>`, the form in which a moderation verdict looks like success: a verdict if the
 * reason names one or is missing.
 */
export function markedFailure(reason: string, upstream: ChatUpstream): SoraPipelineError {
  const isVerdict = reason === '' || reason === 'None' || isModerationVerdict([], reason)
  return isVerdict ? verdict(reason, upstream) : chatFailure(reason, upstream)
}

/** Whether a frame with a message of its own reports one of the failures that are known by their words. */
export function isKnownFailure(said: string): boolean {
  return complaintKind(readComplaint(readErrorDetails(said))) !== 'other'
}

/** The error of a moderation verdict. */
export function verdict(reason: string, upstream: ChatUpstream): SoraPipelineError {
  const said = excerptOf(reason, upstream.mask)
  const shown = said === '' || said === 'None' ? 'content policy violation, no reason given' : said
  return new ContentRejectedError(messageOf(shown, upstream), placeOf(upstream))
}

/**
 * The error of an answer that contains only prose, if the prose clearly means that there is no video and nothing is
 * charged; `undefined` for any other prose.
 */
export function proseFailure(prose: string, upstream: ChatUpstream): SoraPipelineError | undefined {
  if (isModerationVerdict([], prose) || (DECLINES.test(prose) && RULES.test(prose))) return verdict(prose, upstream)
  const message = messageOf(excerptOf(prose, upstream.mask), upstream)
  const options = placeOf(upstream)
  const kind = plainKind(prose)
  if (kind !== undefined) return complaintError(kind, message, options)
  return ASKS_FOR_STREAM.test(prose) ? new GenerationFailedError(message, options) : undefined
}

function timeoutError(
  message: string,
  complaint: Complaint,
  { elapsedMs, requestId }: ChatUpstream,
): StageTimeoutError {
  const seconds = SECONDS.exec(complaint.message)?.[1]
  const timeoutMs = seconds === undefined ? elapsedMs() : Number(seconds) * 1000
  return new StageTimeoutError(message, { timeoutMs, isRetryable: false, requestId })
}

function placeOf({ url, mask, requestId }: ChatUpstream) {
  return { url: mask(url), requestId }
}

function messageOf(said: string, { host }: ChatUpstream): string {
  return `Could not generate the video: ${host} said${said === '' ? ' no reason' : `, ${said}`}`
}
