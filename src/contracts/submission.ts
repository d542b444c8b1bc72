import { isSoraPipelineError, type SoraPipelineError } from './errors.js'
import { networkCodeOf, provesNeverSent } from './network-code.js'
import { redact } from './secrets/redact.js'
import { statusOf } from './thrown-status.js'
import { causeChainOf, errorNamesOf, fieldOf, gatheredErrorsOf } from './thrown-value.js'
import { refusesSubmission } from './upstream-errors.js'

// Thrown by the language for a bug. It may sit before the send or after it; nothing tells which.
const BUGS: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'URIError'])

// Errors of clients that send or read an HTTP request, by name or class: of the platform, openai and its like, ky, axios, got,
// node-fetch, and of the AI SDK, whose answer could not be read.
const UNANSWERED: ReadonlySet<string> = new Set([
  // Without a status only: then no answer came.
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
// Of clients that are not listed.
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
// Of a text that was thrown in place of an error.
const SAYS_LOST = /time(?:d)?[ _-]?out|reset|aborted|cut off|hang ?up|terminated/i
// CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, ABORTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
const OPEN_CALLS: ReadonlySet<number> = new Set([1, 2, 4, 10, 13, 14, 15])
const NOT_CONNECTED = /no connection established|ECONNREFUSED|ENOTFOUND|name resolution failed/i
// What fetch and minified clients say where class and code say nothing.
const UNANSWERED_MESSAGE =
  /^(?:fetch failed|terminated|Failed to fetch|Load failed|socket hang up|Connection error\.|Request timed out\.|Request was aborted\.)$/

/**
 * Whether a failed submission may have been accepted all the same: then it must not be repeated, nor fall to another generator. The
 * rule is in the documentation of `TaskGenerator.start`. Never throws, whatever was thrown.
 */
export function mayHaveBeenAccepted(error: unknown): boolean {
  return whyUnknown(error) !== undefined
}

/**
 * Why a failed submission may have been accepted all the same, as a part of a sentence without secrets; `undefined` where it was
 * surely refused or never sent, or where the error's author says so by throwing a plain error.
 *
 * Of an error and its causes, the first verdict counts: an error of the library, or an HTTP status. Without one, a cause that proves
 * that nothing was sent counts, and after that whatever speaks for a send.
 */
export function whyUnknown(error: unknown): string | undefined {
  if (isSoraPipelineError(error)) return whyOwnUnknown(error)
  // Only a bug throws what is neither an object nor a text; it may sit behind the send.
  if (typeof error === 'string') return SAYS_LOST.test(error) ? 'no answer came' : undefined
  if (Object(error) !== error) return 'what was thrown is no error'
  const chain = causeChainOf(error)
  for (const link of chain) {
    if (isSoraPipelineError(link)) return whyOwnUnknown(link)
    // The file of a video that exists; its status is not that of the submission.
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
 * The name of an error that the language throws for a bug, such as `TypeError`; `undefined` for any other, and for what `fetch` throws
 * when no answer comes.
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
      return 'its outcome is not known'
    case 'stage-timeout':
      return 'no answer came in time'
    case 'upstream-response':
      return 'the answer cannot be read'
    case 'no-usable-url':
      return 'the video exists'
    // Of a run that the generator itself began, such as with a pipeline of its own.
    case 'run-state':
      return error.isRetryable && error.handle === undefined ? undefined : 'a run of its own was left in doubt'
    case 'run-fenced':
      return 'a run of its own was left in doubt'
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
  // One that was read back from its JSON form has its status only.
  if (isRefusal === undefined && status !== undefined) return whyStatus(status)
  return isRefusal === true ? undefined : `the error carries status ${status}`
}

// One of several attempts: its own attempts inside are not read, so that a ring of them ends.
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

// Of gRPC: what came back, if anything did, says nothing of the call.
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

// What a parser says quotes the answer.
function quoted(bug: string, message: unknown): string {
  if (bug === 'SyntaxError' || typeof message !== 'string' || message === '') return ''
  return ` (${redact(message.slice(0, 2_000)).slice(0, 200)})`
}
