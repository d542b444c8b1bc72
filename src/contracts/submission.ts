import { isSoraPipelineError, type SoraPipelineError } from './errors.js'
import { networkCodeOf, provesNeverSent } from './network-code.js'
import { redact } from './secrets/redact.js'
import { statusOf } from './thrown-status.js'
import { causeChainOf, errorNamesOf, fieldOf, gatheredErrorsOf } from './thrown-value.js'
import { refusesSubmission } from './upstream-errors.js'

// Errors of the language for a bug, which may come before the request was sent or after; the error does not show which.
const BUGS: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'URIError'])

// Errors of clients that send an HTTP request or read its response, by name or class: of the platform, openai and similar
// clients, ky, axios, got, node-fetch, and of the AI SDK for a response that could not be read.
const UNANSWERED: ReadonlySet<string> = new Set([
  // Only without a status: then there was no response.
  'AI_APICallError',
  'AbortError',
  'TimeoutError',
  'NetworkError',
  'APIConnectionError',
  'APIConnectionTimeoutError',
  'APIUserAbortError',
  'CanceledError',
  'FetchError',
  'ReadError',
  'RequestError',
  'UploadError',
])
// Codes of clients that are not listed.
const TIMEOUT = /Timed?[oO]ut(?:Error|Exception)?$/
const UNREADABLE: ReadonlySet<string> = new Set([
  'AI_EmptyResponseBodyError',
  'AI_InvalidResponseDataError',
  'AI_JSONParseError',
  'AI_NoContentGeneratedError',
  'AI_NoVideoGeneratedError',
  'AI_TypeValidationError',
  'AssertionError',
  'ParseError',
  'SchemaValidationError',
  'ValiError',
  'ZodError',
])
const DOWNLOAD_ERROR = 'AI_DownloadError'
// For a text that was thrown in place of an error.
const SAYS_LOST = /time(?:d)?[ _-]?out|reset|aborted|cut off|hang ?up|terminated/i
// CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
const OPEN_CALLS: ReadonlySet<number> = new Set([1, 2, 4, 10, 13, 14, 15])
const NOT_CONNECTED = /no connection established|ECONNREFUSED|ENOTFOUND|name resolution failed/i
// Messages of fetch and minified clients whose class and code mean nothing.
const UNANSWERED_MESSAGE =
  /^(?:fetch failed|terminated|Failed to fetch|Load failed|socket hang up|Connection error\.|Request timed out\.|Request was aborted\.)$/

/**
 * Whether a failed submission may have been accepted: then it must not be repeated, and must not fall back to another generator.
 * The rule is in the documentation of `TaskGenerator.start`. Never throws.
 */
export function mayHaveBeenAccepted(error: unknown): boolean {
  return whyUnknown(error) !== undefined
}

/**
 * Why a failed submission may have been accepted, as a part of a sentence without secrets; `undefined` if it was certainly
 * refused or never sent, or if the generator states that by throwing a plain error.
 *
 * Among an error and its causes, the first verdict counts: an error of the library, or an HTTP status. Without a verdict, a cause
 * that proves that nothing was sent counts, and then any sign that the request was sent.
 */
export function whyUnknown(error: unknown): string | undefined {
  if (isSoraPipelineError(error)) return whyOwnUnknown(error)
  // Only a bug throws a value that is neither an object nor a text; it may come after the request was sent.
  if (typeof error === 'string') return SAYS_LOST.test(error) ? 'no answer came' : undefined
  if (Object(error) !== error) return 'the thrown value is not an error'
  const chain = causeChainOf(error)
  for (const link of chain) {
    if (isSoraPipelineError(link)) return whyOwnUnknown(link)
    // About the file of an existing video; its status is not that of the submission.
    if (errorNamesOf(link).includes(DOWNLOAD_ERROR)) return `the error is of class ${DOWNLOAD_ERROR}`
    const status = statusOf(link)
    if (status !== undefined) return whyStatus(status)
    const gathered = gatheredErrorsOf(link).filter((one) => !chain.includes(one))
    const reason = gathered.map(whyGathered).find((one) => one !== undefined)
    if (reason !== undefined) return reason
  }
  return provesNeverSent(error) ? undefined : (whyCut(error, chain) ?? whyCall(chain) ?? whyNamed(chain))
}

/** The HTTP status that an error or one of its causes carries. */
export function errorStatusOf(error: unknown): number | undefined {
  return causeChainOf(error)
    .map(statusOf)
    .find((status) => status !== undefined)
}

/**
 * The name of an error that the language throws for a bug, such as `TypeError`; `undefined` for any other error, and for the
 * error of `fetch` without a response.
 */
export function bugNameOf(error: unknown): string | undefined {
  const name = errorNamesOf(error).find((candidate) => BUGS.has(candidate))
  const isAnswer = errorStatusOf(error) !== undefined || networkCodeOf(error) !== undefined || saysUnanswered(error)
  return isAnswer ? undefined : name
}

function saysUnanswered(error: unknown): boolean {
  const message = fieldOf(error, 'message')
  return typeof message === 'string' && UNANSWERED_MESSAGE.test(message)
}

function whyOwnUnknown(error: SoraPipelineError): string | undefined {
  switch (error.code) {
    case 'submission-unknown':
      return 'its outcome is unknown'
    case 'stage-timeout':
      return fieldOf(error, 'isRefusal') === true ? undefined : 'no answer came in time'
    case 'upstream-response':
      return 'the answer cannot be read'
    case 'no-usable-url':
      return 'the video exists'
    // Of a run that the generator itself started, such as with its own pipeline.
    case 'run-state':
      return error.isRetryable && error.handle === undefined ? undefined : 'the outcome of its own run is unknown'
    case 'run-fenced':
      return 'the outcome of its own run is unknown'
    case 'network':
      return fieldOf(error, 'isRefusal') === true ? undefined : 'no answer came'
    case 'upstream-http':
      return whyOwnStatus(error)
    case 'all-strategies-failed':
      return gatheredErrorsOf(error)
        .map(whyGathered)
        .find((reason) => reason !== undefined)
    default:
      return undefined
  }
}

function whyOwnStatus(error: SoraPipelineError): string | undefined {
  const isRefusal = fieldOf(error, 'isRefusal')
  const status = statusOf(error)
  // An error that was read back from JSON has only its status.
  if (isRefusal === undefined && status !== undefined) return whyStatus(status)
  return isRefusal === true ? undefined : `the error carries status ${status}`
}

// One of several attempts. Attempts inside it are not read, so that a cycle ends.
function whyGathered(error: unknown): string | undefined {
  if (isSoraPipelineError(error)) return whyOwnUnknown(error)
  const status = errorStatusOf(error)
  if (status !== undefined) return whyStatus(status)
  const chain = causeChainOf(error)
  return provesNeverSent(error) ? undefined : (whyCut(error, chain) ?? whyNamed(chain))
}

function whyStatus(status: number): string | undefined {
  return refusesSubmission(status) ? undefined : `the error carries status ${status}`
}

function whyCut(error: unknown, chain: readonly unknown[]): string | undefined {
  const code = networkCodeOf(error)
  if (code !== undefined) return `the error carries the code ${code}`
  return chain.some(saysUnanswered) ? 'no answer came' : undefined
}

// Of gRPC: metadata that came back does not show whether the call had an effect.
function whyCall(chain: readonly unknown[]): string | undefined {
  for (const link of chain) {
    const [code, details, metadata] = ['code', 'details', 'metadata'].map((name) => fieldOf(link, name))
    if (typeof code !== 'number' || (typeof details !== 'string' && Object(metadata) !== metadata)) continue
    const isConnected = !NOT_CONNECTED.test(`${details} ${fieldOf(link, 'message')}`)
    if (OPEN_CALLS.has(code) && isConnected) return `the error carries the gRPC status ${code}`
  }
  return undefined
}

function whyNamed(chain: readonly unknown[]): string | undefined {
  for (const link of chain) {
    const names = errorNamesOf(link)
    const unanswered = names.find((name) => UNANSWERED.has(name) || TIMEOUT.test(name))
    if (unanswered !== undefined && fieldOf(link, 'isRefusal') !== true) return `the error is of class ${unanswered}`
    const unreadable = names.find((name) => UNREADABLE.has(name))
    if (unreadable !== undefined) return `the answer cannot be read, the error is of class ${unreadable}`
    const bug = bugNameOf(link)
    if (bug !== undefined) return `its own code failed with a ${bug}${quoted(bug, fieldOf(link, 'message'))}`
  }
  return undefined
}

// The message of a parser quotes the response.
function quoted(bug: string, message: unknown): string {
  if (bug === 'SyntaxError' || typeof message !== 'string' || message === '') return ''
  return ` (${redact(message.slice(0, 2_000)).slice(0, 200)})`
}
