import { optionalJson, SoraPipelineError, type SoraPipelineErrorOptions } from './errors.js'
import type { JsonObject } from './json.js'
import { redact } from './secrets/redact.js'
import { withoutKnownSecrets } from './secrets/secret-hider.js'

const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([
  408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529,
])

/** Whether the same request may succeed later: 408, 425, 429, 500, 502 to 504, 520 to 524 and 529. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE_STATUSES.has(status)
}

/** Facts about the response that an error is about. */
export interface UpstreamErrorOptions extends SoraPipelineErrorOptions {
  /**
   * HTTP status of the response. Any number is kept unchecked. @defaultValue none: there was no response, or its status is not
   * known
   */
  readonly status?: number | undefined
  /** URL of the request; its query is removed. @defaultValue none */
  readonly url?: string | undefined
  /**
   * Wait that the upstream requests, in milliseconds from 0. `withRetry` does not retry if it is longer than `maxRetryAfterMs`.
   * @defaultValue none
   */
  readonly retryAfterMs?: number | undefined
  /**
   * For a response to a submission: whether it proves that nothing was accepted, so that another generator may be tried.
   * @defaultValue for `UpstreamHttpError` by its status: `true` for 503, 529 and a 4xx other than 408 and 409; else `false`
   */
  readonly isRefusal?: boolean | undefined
}

abstract class UpstreamError extends SoraPipelineError {
  declare readonly status?: number
  /** URL of the request, without its query. */
  declare readonly url?: string
  declare readonly retryAfterMs?: number

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, options)
    if (options.status !== undefined) this.status = options.status
    if (options.url !== undefined) this.url = withoutKnownSecrets(withoutQuery(options.url))
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs
  }

  protected override details(): JsonObject {
    return optionalJson({ status: this.status, url: this.url, retryAfterMs: this.retryAfterMs })
  }
}

/**
 * An upstream responded with an HTTP error status that has no class of its own. Retryable for 408, 425, 429, 500, 502 to 504, 520
 * to 524 and 529.
 */
export class UpstreamHttpError extends UpstreamError {
  override readonly name = 'UpstreamHttpError'
  readonly code = 'upstream-http'
  declare readonly status: number
  /** At most 200 characters of the response, without tags and secrets. */
  readonly bodyExcerpt: string
  /** Whether the response to a submission proves that nothing was accepted. */
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

/** An upstream responded with success, but the response cannot be read. Retryable. */
export class UpstreamResponseError extends UpstreamError {
  override readonly name = 'UpstreamResponseError'
  readonly code = 'upstream-response'
  readonly bodyExcerpt: string

  constructor(message: string, options: UpstreamErrorOptions & { readonly bodyExcerpt?: string | undefined } = {}) {
    super(message, { isRetryable: true, ...options })
    this.bodyExcerpt = redact(options.bodyExcerpt ?? '')
  }
}

/** There was no response: the address did not resolve, the connection was refused or cut, or the request timed out. Retryable. */
export class NetworkError extends UpstreamError {
  override readonly name = 'NetworkError'
  readonly code = 'network'
  /** Whether the request certainly never reached the upstream (no address, no connection, no TLS). */
  readonly isRefusal: boolean

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
    this.isRefusal = options.isRefusal ?? false
  }
}

/** The credential is missing, wrong or lacks the permission. Not retryable. */
export class AuthenticationError extends UpstreamError {
  override readonly name = 'AuthenticationError'
  readonly code = 'authentication'
}

/** The account has no credit or quota left. Not retryable. */
export class QuotaExceededError extends UpstreamError {
  override readonly name = 'QuotaExceededError'
  readonly code = 'quota-exceeded'
}

/** Too many requests; `retryAfterMs` is the wait that the upstream requests, if any. Retryable. */
export class RateLimitError extends UpstreamError {
  override readonly name = 'RateLimitError'
  readonly code = 'rate-limited'

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
  }
}

/** The upstream is overloaded and accepted nothing; `retryAfterMs` is the wait that it requests, if any. Retryable. */
export class OverloadedError extends UpstreamError {
  override readonly name = 'OverloadedError'
  readonly code = 'overloaded'

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { isRetryable: true, ...options })
  }
}

/**
 * A strategy was not called, because its circuit is open after repeated failures; `retryAfterMs` is the time until it may be
 * called again. Retryable.
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

/** The job failed at the upstream, or ended without a video. Not retryable; another generator may be tried. */
export class GenerationFailedError extends UpstreamError {
  override readonly name = 'GenerationFailedError'
  readonly code = 'generation-failed'
  /** Code of the failure at the upstream, such as `server_error`. */
  declare readonly upstreamCode?: string

  constructor(message: string, options: UpstreamErrorOptions & { readonly upstreamCode?: string | undefined } = {}) {
    super(message, options)
    if (options.upstreamCode !== undefined) this.upstreamCode = redact(options.upstreamCode)
  }
}

// A server sends these when a time limit passed, another request is in progress, or the client disconnected. Proxies send 444,
// 460 and 499 for a connection that was closed before the response.
const OPEN_STATUSES: ReadonlySet<number> = new Set([408, 409, 444, 460, 499])

/** Whether a 4xx leaves open whether the request had its effect: 408, 409, 444, 460 and 499. */
export function isOpenStatus(status: number): boolean {
  return OPEN_STATUSES.has(status)
}

/**
 * Whether an HTTP status in response to a submission proves that nothing was accepted: 503, 529, and every 4xx except those of
 * {@link isOpenStatus}. After any other status the request may have had its effect, also after a 2xx that cannot be read.
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
