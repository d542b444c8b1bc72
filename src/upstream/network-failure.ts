import { isSoraPipelineError } from '../contracts/errors.js'
import { networkCodeOf, provesNeverSent } from '../contracts/network-code.js'
import { causeChainOf, fieldOf, isErrorObject } from '../contracts/thrown-value.js'
import { NetworkError } from '../contracts/upstream-errors.js'
import type { Mask } from './secret.js'

// A refused certificate, or a port that does not speak TLS: waiting does not fix it.
const TLS_CODE = /CERT|SIGNATURE|_SSL_|^INVALID_(?:CA|PURPOSE)$|^HOSTNAME_MISMATCH$/
// Of fetch, where the body of a stream was answered with a redirect, which would need it once more.
const REDIRECTED = 'unexpected redirect'

/** The request that got no answer. */
export interface FailedExchange {
  /** Such as `create the video`. */
  readonly what: string
  readonly url: string
  readonly mask: Mask
}

/**
 * The error to throw for a broken exchange: the caller's own reason for an abort, an error of this library unchanged,
 * and a `NetworkError` for anything else, which is not retryable where TLS failed, or where a stream was answered with a
 * redirect. Its cause is a plain copy of the innermost error: the outer ones may contain the request and its headers.
 */
export function networkFailure(error: unknown, exchange: FailedExchange, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (isSoraPipelineError(error)) return error
  const code = networkCodeOf(error)
  const innermost = innermostOf(error)
  const reason = code === undefined ? describe(innermost, exchange.mask) : exchange.mask(code)
  const url = exchange.mask(exchange.url)
  return new NetworkError(`Could not ${exchange.what}: no answer from ${hostOf(url)} (${reason})`, {
    url,
    isRefusal: provesNeverSent(error),
    isRetryable: code === undefined ? fieldOf(innermost, 'message') !== REDIRECTED : !TLS_CODE.test(code),
    cause: plainCopy(innermost, code, exchange.mask),
  })
}

/** The `NetworkError` of an exchange that took too long. Whatever was sent until then may have been accepted. */
export function timeoutFailure(
  exchange: FailedExchange,
  timeoutMs: number,
  options: { readonly isRefusal?: boolean } = {},
): NetworkError {
  const url = exchange.mask(exchange.url)
  const message = `Could not ${exchange.what}: ${hostOf(url)} did not answer within ${timeoutMs} ms`
  return new NetworkError(message, { url, ...options })
}

/** The `NetworkError` of an exchange whose time limit passed before the function of its credential settled: nothing was sent. */
export function credentialTimeout(what: string, asked: string, timeoutMs: number): NetworkError {
  const reason = `the function of ${asked} did not settle within ${timeoutMs} ms`
  return new NetworkError(`Could not ${what}: ${reason}; nothing was sent`, { isRefusal: true })
}

/** Host and port of an address, for messages. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an address that cannot be read'
}

function innermostOf(error: unknown): unknown {
  return causeChainOf(error).findLast(isErrorObject)
}

function describe(error: unknown, mask: Mask): string {
  const message = fieldOf(error, 'message')
  return typeof message === 'string' && message !== '' ? mask(message.slice(0, 2_000)).slice(0, 200) : 'unknown error'
}

function plainCopy(error: unknown, code: string | undefined, mask: Mask): Error {
  return Object.assign(new Error(describe(error, mask)), code === undefined ? {} : { code })
}
