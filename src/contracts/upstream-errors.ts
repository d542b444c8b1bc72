import { optionalJson, SoraPipelineError, type SoraPipelineErrorOptions } from './errors.js'
import type { JsonObject } from './json.js'
import { hideKnownSecrets } from './secrets/known-secrets.js'
import { redact } from './secrets/redact.js'

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([
  408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529,
])

/** Whether the same request may be answered otherwise later: 408, 425, 429, 500, 502 to 504, 52x and 529. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE_STATUSES.has(status)
}

/** What is known of the answer that an error is about. */
export interface UpstreamErrorOptions extends SoraPipelineErrorOptions {
  /**
   * HTTP status that the upstream answered with. Any number is kept: nothing is checked or rejected.
   * @defaultValue none: no answer came, or its status is not known
   */
  readonly status?: number | undefined
  /** Address of the request; its query is removed. @defaultValue none */
  readonly url?: string | undefined
  /**
   * How long the upstream asks to wait, in milliseconds from 0. `withRetry` does not retry where it is longer than
   * `maxRetryAfterMs`.
   * @defaultValue none
   */
  readonly retryAfterMs?: number | undefined
  /**
   * For an answer to a submission: whether it proves that nothing was accepted, so that another generator may be tried.
   * @defaultValue of `UpstreamHttpError` by its status: `true` for 503, 529 and a 4xx other than 408 and 409; else `false`
   */
  readonly isRefusal?: boolean | undefined
}

abstract class UpstreamError extends SoraPipelineError {
  declare readonly status?: number
  /** Without query. */
  declare readonly url?: string
  declare readonly retryAfterMs?: number

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, options)
    if (options.status !== undefined) this.status = options.status
    if (options.url !== undefined) this.url = hideKnownSecrets(withoutQuery(options.url))
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }

  protected override details(): JsonObject {
    return optionalJson({ status: this.status, url: this.url, retryAfterMs: this.retryAfterMs })
  }
}

/**
 * An upstream answered with an HTTP status that is no success and has no class of its own. Retryable for 408, 425, 429, 500,
 * 502 to 504, 52x and 529.
 */
export class UpstreamHttpError extends UpstreamError {
  override readonly name = 'UpstreamHttpError'
  readonly code = 'upstream-http'
  declare readonly status: number
  /** At most 200 characters of the answer, without tags and secrets. */
  readonly bodyExcerpt: string
  /** Whether the answer to a submission proves that nothing was accepted. */
  readonly isRefusal: boolean

  constructor(
    message: string,
    options: UpstreamErrorOptions & { readonly status: number; readonly bodyExcerpt?: string | undefined },
  ) {
    super(message, { isRetryable: isRetryableStatus(options.status), ...options })
    this.bodyExcerpt = redact(options.bodyExcerpt ?? '')
    this.isRefusal = options.isRefusal ?? refusesSubmission(options.status)
  }
}

/** An upstream answered with success, but with something that cannot be read as what was asked for. Retryable. */
export class UpstreamResponseError extends UpstreamError {
  override readonly name = 'UpstreamResponseError'
  readonly code = 'upstream-response'
  readonly bodyExcerpt: string

  constructor(message: string, options: UpstreamErrorOptions & { readonly bodyExcerpt?: string | undefined } = {}) {
    super(message, { isRetryable: true, ...options })
    this.bodyExcerpt = redact(options.bodyExcerpt ?? '')
  }
}

/** No answer came: the address did not resolve, the connection was refused or cut, or the time was up. Retryable. */
export class NetworkError extends UpstreamError {
  override readonly name = 'NetworkError'
  readonly code = 'network'
  /** Whether the request surely never reached the upstream (no address, no connection, no TLS). */
  readonly isRefusal: boolean

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
    this.isRefusal = options.isRefusal ?? false
  }
}

/** The credential is missing, wrong or not allowed to do this. Not retryable. */
export class AuthenticationError extends UpstreamError {
  override readonly name = 'AuthenticationError'
  readonly code = 'authentication'
}

/** The account has no credit or quota left. Not retryable. */
export class QuotaExceededError extends UpstreamError {
  override readonly name = 'QuotaExceededError'
  readonly code = 'quota-exceeded'
}

/** Too many requests; `retryAfterMs` says how long to wait, when the upstream does. Retryable. */
export class RateLimitError extends UpstreamError {
  override readonly name = 'RateLimitError'
  readonly code = 'rate-limited'

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
  }
}

/** The upstream is overloaded and took nothing; `retryAfterMs` says how long to wait, when the upstream does. Retryable. */
export class OverloadedError extends UpstreamError {
  override readonly name = 'OverloadedError'
  readonly code = 'overloaded'

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
  }
}

/**
 * A strategy was not called, because it failed several times in a row and rests; `retryAfterMs` says how long it still does.
 * Retryable.
 */
export class CircuitOpenError extends UpstreamError {
  override readonly name = 'CircuitOpenError'
  readonly code = 'circuit-open'

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
  }
}

/** The upstream does not serve the country or region that the request comes from. Not retryable. */
export class RegionError extends UpstreamError {
  override readonly name = 'RegionError'
  readonly code = 'region-unsupported'
}

/** A moderation verdict on the prompt, the image or the video. It ends a fallback chain. Not retryable. */
export class ContentRejectedError extends UpstreamError {
  override readonly name = 'ContentRejectedError'
  readonly code = 'content-rejected'
}

/** The upstream gave the job up, or ended it without a video. Not retryable; another generator may be tried. */
export class GenerationFailedError extends UpstreamError {
  override readonly name = 'GenerationFailedError'
  readonly code = 'generation-failed'
  /** The upstream's own word for the failure, such as `server_error`. */
  declare readonly upstreamCode?: string

  constructor(message: string, options: UpstreamErrorOptions & { readonly upstreamCode?: string | undefined } = {}) {
    super(message, options)
    if (options.upstreamCode !== undefined) this.upstreamCode = redact(options.upstreamCode)
  }
}

// Of these a server says that a time limit passed, that another request is under way, or that its client went away: 444, 460 and 499 are
// what proxies say of a connection that was closed before the answer.
const OPEN_STATUSES: ReadonlySet<number> = new Set([408, 409, 444, 460, 499])

/** Whether a 4xx leaves open whether what was asked for was done: 408, 409, 444, 460 and 499. */
export function isOpenStatus(status: number): boolean {
  return OPEN_STATUSES.has(status)
}

/**
 * Whether an HTTP status in answer to a submission proves that nothing was accepted: 503, 529, and every 4xx but those of
 * {@link isOpenStatus}. What was asked for may have been done after any other, a 2xx that cannot be read among them.
 */
export function refusesSubmission(status: number): boolean {
  if (status === 503 || status === 529) return true
  return status >= 400 && status < 500 && !isOpenStatus(status)
}

function withoutQuery(address: string): string {
  if (!URL.canParse(address)) return address.split(/[?#]/, 1)[0] ?? ''
  const { origin, pathname } = new URL(address)
  return `${origin}${pathname}`
}
