import { isSoraPipelineError, type SoraPipelineErrorJson, toErrorJson } from '../contracts/errors.js'
import { NO_GENERATOR } from '../contracts/run-errors.js'

/** Kinds of errors that an OpenAI client distinguishes. */
export type OpenAiErrorKind =
  | 'unknown-submission'
  | 'elsewhere'
  | 'no-generator'
  | 'content-policy'
  | 'invalid-request'
  | 'region'
  | 'rate-limit'
  | 'overloaded'
  | 'not-accepted'
  | 'quota'
  | 'authentication'
  | 'timeout'
  | 'generation'
  | 'refused'
  | 'network'
  | 'upstream'
  | 'no-url'
  | 'store'
  | 'run-state'
  | 'configuration'
  | 'aborted'
  | 'unexpected'

// If several strategies failed, the error that the caller can act on most represents all: first errors after which the request
// must not be repeated, then errors that need a changed request, then errors that need a wait, then errors that only an operator
// can fix.
const MOST_TELLING_FIRST: readonly OpenAiErrorKind[] = [
  'unknown-submission',
  'elsewhere',
  'no-generator',
  'content-policy',
  'invalid-request',
  'region',
  'rate-limit',
  'overloaded',
  'not-accepted',
  'quota',
  'authentication',
  'timeout',
  'generation',
  'refused',
  'network',
  'upstream',
  'no-url',
  'store',
  'run-state',
  'configuration',
  'aborted',
  'unexpected',
]

/** The representative error, as JSON, and its kind. */
export interface OpenAiErrorFinding {
  readonly kind: OpenAiErrorKind
  readonly json: SoraPipelineErrorJson
}

/** The most useful one among an error and, for a failed chain, the errors in it; the first one in a tie. */
export function mostTellingError(error: unknown): OpenAiErrorFinding {
  const findings = singleErrors(error).map((single) => ({ kind: kindOf(single), json: toErrorJson(single) }))
  for (const kind of MOST_TELLING_FIRST) {
    const finding = findings.find((candidate) => candidate.kind === kind)
    if (finding !== undefined) return finding
  }
  return { kind: 'upstream', json: toErrorJson(error) }
}

function singleErrors(error: unknown): readonly unknown[] {
  const isChain = isSoraPipelineError(error) && error.code === 'all-strategies-failed'
  return isChain && 'errors' in error && Array.isArray(error.errors) ? error.errors.flatMap(singleErrors) : [error]
}

function kindOf(error: unknown): OpenAiErrorKind {
  const json = toErrorJson(error)
  if (isRegionRefusal(error, json)) return 'region'
  switch (json.code) {
    case 'submission-unknown':
      return 'unknown-submission'
    case 'content-rejected':
      return 'content-policy'
    case 'request-invalid':
      return 'invalid-request'
    case 'rate-limited':
      return 'rate-limit'
    case 'quota-exceeded':
      return 'quota'
    case 'authentication':
      return 'authentication'
    case 'stage-timeout':
      return json.isRefusal === true ? 'not-accepted' : 'timeout'
    case 'generation-failed':
      return 'generation'
    case 'region-unsupported':
      return 'region'
    case 'overloaded':
    case 'circuit-open':
      return 'overloaded'
    case 'upstream-http':
      return kindOfStatus(json.status)
    case 'network':
      return 'network'
    case 'upstream-response':
    case 'all-strategies-failed':
      return 'upstream'
    case 'no-usable-url':
      return 'no-url'
    case 'run-state':
      if (json.continues === true) return 'elsewhere'
      if (json.reason === NO_GENERATOR) return 'no-generator'
      return json.reason === undefined ? 'run-state' : 'store'
    case 'run-fenced':
      return 'run-state'
    case 'configuration-invalid':
      return 'configuration'
    case 'aborted':
      return 'aborted'
    default:
      // The reason of AbortSignal.timeout(), with which callers often limit a run.
      return json.name === 'TimeoutError' ? 'timeout' : 'unexpected'
  }
}

const MOMENTARY: ReadonlySet<number> = new Set([408, 409, 425])

function kindOfStatus(status: number | undefined): OpenAiErrorKind {
  if (status === 401) return 'authentication'
  if (status === 402) return 'quota'
  if (status === 429) return 'rate-limit'
  if (status === 503 || status === 529) return 'overloaded'
  // The rest of 4xx is about the request itself; 408, 409 and 425 are about the moment.
  const isRefusal = status !== undefined && status >= 400 && status < 500 && !MOMENTARY.has(status)
  return isRefusal ? 'refused' : 'upstream'
}

// The codes are those of OpenAI and its relays; prose counts only with a status that refuses the request.
function isRegionRefusal(error: unknown, { code, status, message }: SoraPipelineErrorJson): boolean {
  if (code !== 'upstream-http' && code !== 'authentication' && code !== 'generation-failed') return false
  const said = [message, wordOf(error, 'bodyExcerpt'), wordOf(error, 'upstreamCode')].join(' ')
  if (/\bunsupported_country/.test(said)) return true
  return (
    (status === 403 || status === 451) &&
    /\b(country|region|territory)\b/i.test(said) &&
    /\b(not|un)[ -]?(supported|available)/i.test(said)
  )
}

function wordOf(error: unknown, key: 'bodyExcerpt' | 'upstreamCode'): string {
  const word: unknown = Object(error)[key]
  return typeof word === 'string' ? word : ''
}
