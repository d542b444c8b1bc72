import { foreignText, safeCause } from './foreign-error.js'
import type { GenerationHandle } from './generation-handle.js'
import type { JsonObject, JsonValue } from './json.js'
import { safeRequestId } from './request-id.js'
import { redact } from './secrets/redact.js'
import type { StageName } from './stage.js'
import { fieldOf, isErrorObject, lengthOf } from './thrown-value.js'

const BRAND = Symbol.for('sora-pipeline.error')

/** What went wrong, as a closed set of words: switch on it, never on the message. */
export type ErrorCode =
  | 'configuration-invalid'
  | 'request-invalid'
  | 'authentication'
  | 'quota-exceeded'
  | 'rate-limited'
  | 'content-rejected'
  | 'region-unsupported'
  | 'overloaded'
  | 'circuit-open'
  | 'network'
  | 'upstream-http'
  | 'upstream-response'
  | 'generation-failed'
  | 'submission-unknown'
  | 'stage-timeout'
  | 'all-strategies-failed'
  | 'no-usable-url'
  | 'run-state'
  | 'run-fenced'
  /** The caller aborted the run; in events and JSON only, since `result` rejects with `signal.reason` itself. */
  | 'aborted'
  /** Anything that is not an error of the library; in events and JSON only. */
  | 'unexpected'

/** What every error of the library can be made with. */
export interface SoraPipelineErrorOptions {
  /**
   * What led to the error. An error of the library is kept unchanged. Any other one is copied: class, name, message, stack,
   * codes, status and causes, without secrets and without its other fields, such as a request with its headers.
   * @defaultValue none
   */
  readonly cause?: unknown
  /** Whether the same call may succeed later. @defaultValue that of the class, see each */
  readonly isRetryable?: boolean | undefined
  /** Stage in which the error happened. @defaultValue none; the pipeline adds it */
  readonly stage?: StageName | undefined
  /** Name of the strategy in which the error happened. @defaultValue none; the pipeline adds it */
  readonly strategy?: string | undefined
  /**
   * The job at the generator, where one was accepted: with it the job can be polled and adopted.
   * @defaultValue none
   */
  readonly handle?: GenerationHandle | undefined
  /**
   * Id that the upstream gave the request; it is appended to the message as well. Left out unless it has 1 to 200 letters,
   * digits and `_.:=/+@-`, or when it looks like a credential.
   * @defaultValue none
   */
  readonly requestId?: string | undefined
}

/** An error as events carry it: JSON, without secrets. */
export type SoraPipelineErrorJson = {
  /** Name of the class, such as `NetworkError`. */
  readonly name: string
  /** What went wrong, as a word to switch on. */
  readonly code: ErrorCode
  /** What could not be done and why, without secrets. */
  readonly message: string
  /** Whether the same call may succeed later. */
  readonly isRetryable: boolean
  /** Stage in which it happened. */
  readonly stage?: StageName
  /** Name of the strategy in which it happened. */
  readonly strategy?: string
  /** The job at the generator, where one was accepted. */
  readonly handle?: GenerationHandle
  /** Id that the upstream gave the request, where it gave one. */
  readonly requestId?: string
  /** What led to it, where that is an error of the library. */
  readonly cause?: SoraPipelineErrorJson
  /** Of `AllStrategiesFailedError`. */
  readonly errors?: readonly SoraPipelineErrorJson[]
  /** Of `ConfigurationError` and `InvalidRequestError`. */
  readonly problems?: readonly JsonObject[]
  /** Of `NoUsableUrlError`: the attempts of the run. */
  readonly attempts?: readonly JsonObject[]
  /** HTTP status, where an answer came. */
  readonly status?: number
  /** Without query, where a request was sent. */
  readonly url?: string
  /** How long the upstream asks to wait, in milliseconds. */
  readonly retryAfterMs?: number
}

/**
 * Base of every error that the library makes. Switch on `code`; `isRetryable` was set by facts when the error was made. An
 * abort is not among them: it rejects with `signal.reason` itself.
 *
 * @example
 * ```ts
 * import { isSoraPipelineError } from 'sora-pipeline'
 *
 * const explain = (error: unknown) => (isSoraPipelineError(error) ? error.code : 'not ours')
 * console.log(explain(new Error('x')))
 * ```
 */
export abstract class SoraPipelineError extends Error {
  abstract override readonly name: string
  abstract readonly code: ErrorCode
  readonly isRetryable: boolean
  declare readonly stage?: StageName
  declare readonly strategy?: string
  declare readonly handle?: GenerationHandle
  /** Id that the upstream gave the request, for its support. */
  declare readonly requestId?: string

  constructor(message: string, options: SoraPipelineErrorOptions = {}) {
    const requestId = safeRequestId(options.requestId)
    super(withRequestId(redact(message), requestId), 'cause' in options ? { cause: ownOrSafe(options.cause) } : {})
    this.isRetryable = options.isRetryable ?? false
    if (options.stage !== undefined) this.stage = options.stage
    if (options.strategy !== undefined) this.strategy = options.strategy
    if (options.handle !== undefined) this.handle = options.handle
    if (requestId !== undefined) this.requestId = requestId
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** What the class adds to its JSON form. */
  protected details(): JsonObject {
    return {}
  }

  /** JSON without secrets: no stack, no body of an answer, no foreign cause. */
  toJSON(): SoraPipelineErrorJson {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      isRetryable: this.isRetryable,
      ...(this.stage !== undefined && { stage: this.stage }),
      ...(this.strategy !== undefined && { strategy: this.strategy }),
      ...(this.handle !== undefined && { handle: this.handle }),
      ...(this.requestId !== undefined && { requestId: this.requestId }),
      ...this.details(),
      ...(isSoraPipelineError(this.cause) && { cause: this.cause.toJSON() }),
    }
  }
}

/** Whether something is an error of this library, also when it comes from another copy of it. */
export function isSoraPipelineError(error: unknown): error is SoraPipelineError {
  return fieldOf(error, BRAND) === true
}

/** The JSON form of anything that was thrown. */
export function toErrorJson(error: unknown): SoraPipelineErrorJson {
  if (isSoraPipelineError(error)) return error.toJSON()
  const isError = isErrorObject(error)
  const name = isError ? fieldOf(error, 'name') : undefined
  const isAbort = name === 'AbortError'
  const said = isError ? fieldOf(error, 'message') : error
  return {
    name: typeof name === 'string' ? name : 'Error',
    code: isAbort ? 'aborted' : 'unexpected',
    message: typeof said === 'string' ? foreignText(said) : describeValue(said),
    isRetryable: false,
  }
}

/** An error of the library as it is, and of anything else what may be shown. */
export function ownOrSafe(thrown: unknown): unknown {
  return safeCause(thrown, isSoraPipelineError)
}

/** Says where an error happened, unless it says so already. */
export function locateError<T>(error: T, place: Pick<SoraPipelineErrorOptions, 'stage' | 'strategy' | 'handle'>): T {
  if (isSoraPipelineError(error)) {
    for (const [key, value] of Object.entries(place)) {
      if (value !== undefined && !(key in error)) Object.defineProperty(error, key, { value, enumerable: true })
    }
  }
  return error
}

/** How a value is shown in a message: short, and never an object's insides or a credential. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') {
    // Before it is shortened: a part of a credential need not look like one.
    const text = redact(value.slice(0, 2_000))
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined) return 'nothing'
  const length = lengthOf(value)
  if (length !== undefined) return `an array of ${length}`
  return typeof value === 'function' ? 'a function' : 'an object'
}

/** JSON of an optional field: left out when it is not there. */
export function optionalJson(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

// An error that is made again from another one has it in its message already.
function withRequestId(message: string, requestId: string | undefined): string {
  const note = `(request ${requestId})`
  return requestId === undefined || message.includes(note) ? message : `${message} ${note}`
}
