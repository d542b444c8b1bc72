import { streamOf } from '../chunks.js'
import { isEncoded } from '../content-range.js'
import { networkFailure, timeoutFailure } from '../network-failure.js'
import { maskOf } from '../secret.js'
import { withTimeLimit } from '../time-limit.js'
import type { Downloader, DownloadRequest } from './download.js'
import type { Exchange } from './exchange.js'
import { createGuardedExchange, type GuardedExchangeOptions } from './guarded-exchange.js'
import { type BodyLimits, limitedBody } from './limited-body.js'
import { firstHop, misled, nextHop, type Scheme } from './next-hop.js'

/** Options of {@link createDownloader}. */
export interface DownloaderOptions extends GuardedExchangeOptions {
  /** Milliseconds until the headers of the last hop; `Infinity` for no limit. @defaultValue 10000 */
  readonly headerTimeoutMs?: number | undefined
  /** Whether an upstream named `ownOrigin`: it receives the headers, but must be public. @defaultValue `false` */
  readonly isOwnForeign?: boolean | undefined
  /** @defaultValue https and http */
  readonly schemes?: readonly Scheme[] | undefined
  /**
   * The lowest rate and the largest body of a peer. @defaultValue 20 GiB, 30 s of silence, 1,000 bytes a second over
   * 60 s
   */
  readonly limits?: Partial<BodyLimits> | undefined
}

const MOST_HOPS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const LIMITS: BodyLimits = { maxBytes: 20 * 2 ** 30, idleMs: 30_000, slowMs: 60_000, minBytesPerSecond: 1_000 }
const DEFAULT_HEADERS = { accept: '*/*', 'user-agent': 'sora-pipeline' }
const FOR_STRANGERS: ReadonlySet<string> = new Set(['accept', 'accept-language', 'if-range', 'range', 'user-agent'])

/**
 * Creates the function that fetches third-party URLs: http and https, public addresses on ports 80 and 443, and
 * everything that `allowPrivateAddresses` lists. Every hop is checked: its literal address, or each address that its
 * name resolves to, and the connection goes to a checked address. At most five redirects are followed, none from
 * https to http; foreign origins receive no credential. The body comes as it was sent (an encoded one is refused), no
 * faster than it is read, within the limits. A body shorter than announced errors, a longer one is cut.
 */
export function createDownloader(options: DownloaderOptions = {}): Downloader {
  const { headerTimeoutMs = 10_000, schemes = ['https', 'http'] } = options
  const limits = { ...LIMITS, ...options.limits }
  const exchangeOf = createGuardedExchange(options)

  async function ask(url: URL, isOwn: boolean, request: DownloadRequest, signal: AbortSignal): Promise<Exchange> {
    const { what, method = 'GET', headers = {}, ownHeaders = {}, isLarge } = request
    const plain = lowerCased(headers)
    const allowed = isOwn ? { ...plain, ...lowerCased(ownHeaders) } : forStrangers(plain)
    // Bytes that are counted, compared and resumed must be those of the file.
    const sent = { ...DEFAULT_HEADERS, ...allowed, 'accept-encoding': 'identity' }
    const isTrusted = isOwn && options.isOwnForeign !== true
    return exchangeOf({ what, url, isOwn: isTrusted, method, headers: sent, isLarge, signal })
  }

  async function follow(start: URL, request: DownloadRequest, signal: AbortSignal) {
    let url = start
    let isOwn = true
    for (let hops = 0; hops <= MOST_HOPS; hops += 1) {
      // A redirect back to the own origin comes from a third party, so it is treated as foreign.
      isOwn &&= url.origin === request.ownOrigin
      const exchange = await ask(url, isOwn, request, signal)
      if (!REDIRECTS.has(exchange.status)) return { exchange, url }
      exchange.close()
      url = nextHop(url, exchange.headers.get('location'), request.what, schemes)
    }
    throw misled(request.what, url, `more than ${MOST_HOPS} redirects, the last one to ${url.host}`)
  }

  return async (address, request) => {
    const { what, method, signal, mask = maskOf([]) } = request
    signal.throwIfAborted()
    const start = firstHop(address, what, schemes)
    const place = { what, url: start.href, mask }
    const connection = new AbortController()
    const abort = () => connection.abort(signal.reason)
    const release = () => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort, { once: true })
    try {
      const late = () => timeoutFailure(place, headerTimeoutMs)
      const limit = { timeoutMs: headerTimeoutMs, signal: connection.signal, error: late }
      const { exchange, url } = await withTimeLimit(limit, () => follow(start, request, connection.signal))
      const { status, headers } = exchange
      const ok = status >= 200 && status < 300
      if (method !== 'HEAD' && (ok || !isEncoded(headers))) {
        const body = streamOf(limitedBody({ exchange, place: { ...place, url: url.href }, limits, signal, release }))
        return { status, ok, headers, body, url }
      }
      exchange.close()
      release()
      return { status, ok, headers, body: null, url }
    } catch (error) {
      release()
      connection.abort()
      throw networkFailure(error, place, signal)
    }
  }
}

function forStrangers(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => FOR_STRANGERS.has(name)))
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
