import { networkFailure, timeoutFailure } from '../network-failure.js'
import { maskOf } from '../secret.js'
import { withTimeLimit } from '../time-limit.js'
import type { Exchange } from './exchange.js'
import { createGuardedExchange, type GuardedExchangeOptions } from './guarded-exchange.js'
import { firstHop } from './next-hop.js'

/** Options of {@link createPoster}. */
export interface PosterOptions extends GuardedExchangeOptions {
  /** Milliseconds of wall time until the headers of the answer. @defaultValue 15000 */
  readonly headerTimeoutMs?: number | undefined
}

/** A request to send. */
export interface Post {
  /** The purpose, such as `deliver the webhook`. */
  readonly what: string
  /** The receiver sees all of them. */
  readonly headers: Readonly<Record<string, string>>
  /** Small, because it is kept in memory. */
  readonly body: Uint8Array<ArrayBuffer>
  readonly signal: AbortSignal
}

/** The parts of an answer that are kept. Its body is discarded. */
export interface PostAnswer {
  readonly status: number
  readonly headers: Headers
}

/**
 * Sends one request to a third-party address. Redirects are not followed. An abort closes the connection.
 * @throws AddressRefusedError for an address that may not be reached.
 * @throws NetworkError when no answer came. Like its other errors, it contains only the host of the address.
 * @throws UpstreamResponseError for an address that is not plain http or https.
 */
export type Poster = (address: string, post: Post) => Promise<PostAnswer>

// A receiver that is cut off in the middle of a short answer logs an error; a long one is not worth its traffic.
const MOST_BYTES = 65_536
const MOST_MS = 1_000

/** Creates the function that sends requests to third-party URLs, guarded as downloads are. */
export function createPoster(options: PosterOptions = {}): Poster {
  const { headerTimeoutMs = 15_000 } = options
  const exchangeOf = createGuardedExchange(options)
  return async (address, { what, headers, body, signal }) => {
    const url = firstHop(address, what, ['https', 'http'])
    // The part after the host may be a secret of the receiver.
    const place = { what, url: url.origin, mask: maskOf([url.href, `${url.pathname}${url.search}`]) }
    const limit = { timeoutMs: headerTimeoutMs, signal, error: () => timeoutFailure(place, headerTimeoutMs) }
    try {
      const exchange = await withTimeLimit(limit, (limited) =>
        exchangeOf({ what, url, method: 'POST', headers, body, signal: limited }),
      )
      await drain(exchange, signal)
      return { status: exchange.status, headers: exchange.headers }
    } catch (error) {
      throw networkFailure(error, place, signal)
    }
  }
}

/** Reads a short answer to its end, then closes the connection. The status is known, so errors are ignored. */
async function drain(exchange: Exchange, signal: AbortSignal): Promise<void> {
  const close = () => exchange.close()
  const timer = setTimeout(close, MOST_MS)
  signal.addEventListener('abort', close, { once: true })
  try {
    let bytes = 0
    while (bytes < MOST_BYTES && !signal.aborted) {
      const chunk = await exchange.next()
      if (chunk === undefined) break
      bytes += chunk.byteLength
    }
  } catch {
    // The answer broke off or took too long.
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', close)
    close()
  }
}
