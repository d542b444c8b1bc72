import { foreignText, safeCause } from './foreign-error.js'
import type { GenerationHandle } from './generation-handle.js'
import type { JsonObject, JsonValue } from './json.js'
import { safeRequestId } from './request-id.js'
import { redact } from './secrets/redact.js'
import type { StageName } from './stage.js'
import { fieldOf, isErrorObject, lengthOf } from './thrown-value.js'

const BRAND = Symbol.for('sora-pipeline.error')

/** What went wrong, as a closed set of codes. Switch on the code, never on the message. */
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

/** Options of every error of the library. */
export interface SoraPipelineErrorOptions {
  /**
   * The cause. An error of the library is kept unchanged. Any other error is copied: class, name, message, stack, codes, status
   * and causes, without secrets and without other fields, such as a request with its headers.
   * @defaultValue none
   */
  readonly cause?: unknown
  /** Whether the same call may succeed later. @defaultValue depends on the class */
  readonly isRetryable?: boolean | undefined
  /** Stage in which the error happened. @defaultValue none; the pipeline adds it */
  readonly stage?: StageName | undefined
  /** Name of the strategy in which the error happened. @defaultValue none; the pipeline adds it */
  readonly strategy?: string | undefined
  /**
   * The job at the generator, if one was accepted. With it the job can be polled and adopted.
   * @defaultValue none
   */
  readonly handle?: GenerationHandle | undefined
  /**
   * Id that the upstream gave the request; it is also appended to the message. Left out unless it has 1 to 200 letters, digits
   * and `_.:=/+@-`, and when it looks like a credential.
   * @defaultValue none
   */
  readonly requestId?: string | undefined
}

/** An error as events carry it: JSON, without secrets. */
export type SoraPipelineErrorJson = {
  /** Name of the class, such as `NetworkError`. */
  readonly name: string
  /** What went wrong, as a code to switch on. */
  readonly code: ErrorCode
  /** What could not be done, and why; without secrets. */
  readonly message: string
  /** Whether the same call may succeed later. */
  readonly isRetryable: boolean
  /** Stage in which it happened. */
  readonly stage?: StageName
  /** Name of the strategy in which it happened. */
  readonly strategy?: string
  /** The job at the generator, if one was accepted. */
  readonly handle?: GenerationHandle
  /** Id that the upstream gave the request. */
  readonly requestId?: string
  /** The cause, if it is an error of the library. */
  readonly cause?: SoraPipelineErrorJson
  /** Of `AllStrategiesFailedError`. */
  readonly errors?: readonly SoraPipelineErrorJson[]
  /** Of `ConfigurationError` and `InvalidRequestError`. */
  readonly problems?: readonly JsonObject[]
  /** Of `NoUsableUrlError`: the attempts of the run. */
  readonly attempts?: readonly JsonObject[]
  /** HTTP status, if there was a response. */
  readonly status?: number
  /** URL of the request, without its query. */
  readonly url?: string
  /** Wait that the upstream requests, in milliseconds. */
  readonly retryAfterMs?: number
  /** Of `RunStateError`: why the store failed and where. */
  readonly reason?: string
  /** Of `StageTimeoutError`: nothing was accepted. */
  readonly isRefusal?: true
  /** Of `RunStateError`: the run is saved, and continues in another process. */
  readonly continues?: true
}

/**
 * Base class of every error of the library. Switch on `code`. `isRetryable` is set from the facts of each failure. An abort is
 * not a `SoraPipelineError`: it rejects with `signal.reason` itself.
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
  /** Id that the upstream gave the request; quote it to the upstream's support. */
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

  /** JSON without secrets: no stack, no response body, no foreign cause. */
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

/** Whether a value is an error of this library, also from another copy of the library. */
export function isSoraPipelineError(error: unknown): error is SoraPipelineError {
  return fieldOf(error, BRAND) === true
}

/** The JSON form of any thrown value. */
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

/** An error of the library unchanged; of any other value, what is safe to show. */
export function ownOrSafe(thrown: unknown): unknown {
  return safeCause(thrown, isSoraPipelineError)
}

/** Adds where an error happened, unless the error has that already. */
export function locateError<T>(error: T, place: Pick<SoraPipelineErrorOptions, 'stage' | 'strategy' | 'handle'>): T {
  if (isSoraPipelineError(error)) {
    for (const [key, value] of Object.entries(place)) {
      if (value !== undefined && !(key in error)) Object.defineProperty(error, key, { value, enumerable: true })
    }
  }
  return error
}

/** A value as messages show it: short, without the contents of objects and without credentials. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') {
    // Before it is shortened, because a part of a credential may not look like one.
    const text = redact(value.slice(0, 2_000))
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined) return 'nothing'
  if (typeof value === 'bigint') return `the bigint ${String(value).slice(0, 30)}`
  const length = lengthOf(value)
  if (length !== undefined) return `an array of ${length}`
  return typeof value === 'function' ? 'a function' : 'an object'
}

/** JSON of an optional field, which is left out when it is absent. */
export function optionalJson(fields: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

// An error that is created from another one may already have it in its message.
function withRequestId(message: string, requestId: string | undefined): string {
  const note = `(request ${requestId})`
  return requestId === undefined || message.includes(note) ? message : `${message} ${note}`
}
