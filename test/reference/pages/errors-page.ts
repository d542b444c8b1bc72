import {
  AllStrategiesFailedError,
  AuthenticationError,
  CircuitOpenError,
  ConfigurationError,
  ContentRejectedError,
  type ErrorCode,
  FencedError,
  GenerationFailedError,
  InvalidRequestError,
  isSoraPipelineError,
  NetworkError,
  NoUsableUrlError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  RegionError,
  RunStateError,
  StageTimeoutError,
  SubmissionUnknownError,
  toOpenAiError,
  UpstreamHttpError,
  UpstreamResponseError,
} from 'sora-pipeline'
import { oneLine, typeText } from '../members.ts'
import type { Place } from '../places.ts'
import { type Book, linkTo, ORIGIN, resolver, typeSection } from './entry-page.ts'
import { code, firstSentence, joined, prose, table } from './markdown.ts'

const PAGE = 'errors'
const source = { isPublic: false, open: async () => new Blob([]).stream() }

// One of each code, as it is made with no more than it needs. A code that is missing here does not compile.
const SAMPLES: Readonly<Record<ErrorCode, unknown>> = {
  'configuration-invalid': new ConfigurationError('it', []),
  'request-invalid': new InvalidRequestError([]),
  authentication: new AuthenticationError('No'),
  'quota-exceeded': new QuotaExceededError('No'),
  'rate-limited': new RateLimitError('No'),
  'content-rejected': new ContentRejectedError('No'),
  'region-unsupported': new RegionError('No'),
  overloaded: new OverloadedError('No'),
  'circuit-open': new CircuitOpenError('No'),
  network: new NetworkError('No'),
  'upstream-http': new UpstreamHttpError('No', { status: 500 }),
  'upstream-response': new UpstreamResponseError('No'),
  'generation-failed': new GenerationFailedError('No'),
  'submission-unknown': new SubmissionUnknownError('No'),
  'stage-timeout': new StageTimeoutError('No', { timeoutMs: 1 }),
  'all-strategies-failed': new AllStrategiesFailedError('No', { errors: [] }),
  'no-usable-url': new NoUsableUrlError('No', { source }),
  'run-state': new RunStateError('No'),
  'run-fenced': new FencedError('No'),
  aborted: new DOMException('No', 'AbortError'),
  unexpected: new Error('No'),
}

// What depends on more than the class.
const DEPENDS: Partial<Record<ErrorCode, { readonly isRetryable?: string; readonly status?: string }>> = {
  'upstream-http': { isRetryable: 'by status', status: 'by status' },
  'all-strategies-failed': {
    isRetryable: 'if one of `errors` is',
    status: 'that of the most telling of `errors`, else 502',
  },
}

const STATUSES = [400, 401, 402, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504, 529]

/** Every error code with its class, and what a client of the handler sees of it. */
export function errorsPage(places: readonly Place[], book: Book): string {
  const classes = places.filter(({ declared }) => declared.node.type === 'ClassDeclaration')
  const rows = Object.entries(SAMPLES).map(([errorCode, error]) => row(errorCode as ErrorCode, error, places, book))
  return joined(
    '# Errors',
    ORIGIN,
    'Switch on `code`, never on the message. `isRetryable` says whether the same call may succeed later. An abort is no error of the library: it rejects with `signal.reason` itself.',
    '`toOpenAiError` and the HTTP handler answer an error with the HTTP status, `error.type` and `error.code` of the last columns. Where a repeated request would pay twice, or is of no use, the answer has `x-should-retry: false` as well, so that OpenAI clients do not repeat it.',
    table(['code', 'class', 'when', 'retryable', 'HTTP status', '`error.type`, `error.code`'], rows),
    '## HTTP statuses of an upstream',
    'An `UpstreamHttpError` has the status that the upstream answered with:',
    table(['upstream answered', 'retryable', 'HTTP status', '`error.type`, `error.code`'], STATUSES.map(statusRow)),
    ...classes.map((place) => classText(place, book)),
    ...places.filter(({ name }) => name.endsWith('Options')).map((place) => typeSection(place, PAGE, book, '##')),
  )
}

/** The headings of the page, in order. */
export function errorHeadings(places: readonly Place[]): readonly string[] {
  const classes = places.filter(({ declared }) => declared.node.type === 'ClassDeclaration')
  const options = places.filter(({ name }) => name.endsWith('Options'))
  return ['HTTP statuses of an upstream', ...[...classes, ...options].map(({ name }) => name)]
}

function row(errorCode: ErrorCode, error: unknown, places: readonly Place[], book: Book): readonly string[] {
  const { status, body } = toOpenAiError(error)
  const isOwn = isSoraPipelineError(error)
  const place = isOwn ? places.find(({ name }) => name === error.name) : undefined
  const depends = DEPENDS[errorCode]
  const when = firstSentence(place?.declared.doc.text ?? wordDoc(errorCode, places))
  return [
    code(errorCode),
    place ? linkTo(place, PAGE, book) : 'none of the library',
    prose(when, code),
    depends?.isRetryable ?? (isOwn && error.isRetryable ? 'yes' : 'no'),
    depends?.status ?? String(status),
    depends?.status ? '' : `${code(body.error.type)}, ${code(String(body.error.code))}`,
  ]
}

// A code without a class has its doc comment in the union.
function wordDoc(errorCode: ErrorCode, places: readonly Place[]): string {
  const { node, file } = places.find(({ name }) => name === 'ErrorCode')?.declared ?? {}
  if (node?.type !== 'TSTypeAliasDeclaration' || node.typeAnnotation.type !== 'TSUnionType') return ''
  const word = node.typeAnnotation.types.find(({ start, end }) => file?.text.slice(start, end) === `'${errorCode}'`)
  return word && file ? file.docBefore(word.start).text : ''
}

function statusRow(status: number): readonly string[] {
  const error = new UpstreamHttpError('No', { status })
  const answer = toOpenAiError(error)
  const { type, code: word } = answer.body.error
  return [
    String(status),
    error.isRetryable ? 'yes' : 'no',
    String(answer.status),
    `${code(type)}, ${code(String(word))}`,
  ]
}

function classText(place: Place, book: Book): string {
  const { doc, node, file } = place.declared
  if (node.type !== 'ClassDeclaration') return ''
  const resolve = resolver(place, PAGE, book)
  const fields = node.body.body.flatMap((element) => {
    if (element.type !== 'PropertyDefinition' && element.type !== 'TSAbstractPropertyDefinition') return []
    if (element.key.type !== 'Identifier' || element.accessibility === 'private') return []
    const { name } = element.key
    if (name === 'name' || name === 'code') return []
    const type = element.typeAnnotation?.typeAnnotation
    const text = type ? typeText(oneLine(file.text.slice(type.start, type.end))) : 'unknown'
    return [
      [code(`${name}${element.optional ? '?' : ''}`), code(text), prose(file.docBefore(element.start).text, resolve)],
    ]
  })
  return joined(
    `## ${place.name}`,
    prose(doc.text, resolve),
    fields.length > 0 && table(['field', 'type', 'what it is'], fields),
  )
}
