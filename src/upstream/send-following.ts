import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { discard } from './body-text.js'
import { hostOf } from './network-failure.js'
import { type Fetch, send } from './request.js'
import type { Mask } from './secret.js'

/** A request that only reads, and may be sent on. */
export interface ReadingRequest {
  /** What it is for, such as `download the video`. */
  readonly what: string
  readonly method: 'GET' | 'HEAD'
  readonly url: string
  /** Sent to every hop; nothing secret. */
  readonly headers: Readonly<Record<string, string>>
  /** Headers that only their own origin may see. */
  readonly credentials?: { readonly origin: string; readonly headers: Readonly<Record<string, string>> } | undefined
  readonly signal: AbortSignal
  readonly fetch?: Fetch | undefined
  readonly mask: Mask
}

/** The answer at the end of the way. */
export interface FollowedAnswer {
  readonly response: Response
  readonly url: URL
}

const MOST_HOPS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Sends a request and follows at most five redirects by hand. Once the way has left the credentials' origin they are not sent
 * any more, not even when it leads back. An abort closes the connection and leaves nothing running.
 * @throws UpstreamResponseError for a redirect that leads nowhere, in circles, or to something that is not http.
 */
export async function sendFollowing(request: ReadingRequest): Promise<FollowedAnswer> {
  const { method, headers, credentials, signal, fetch } = request
  let url = new URL(request.url)
  let isAtHome = credentials !== undefined
  for (let hops = 0; hops <= MOST_HOPS; hops += 1) {
    isAtHome &&= url.origin === credentials?.origin
    const response = await send({
      method,
      url: url.href,
      headers: isAtHome ? { ...headers, ...credentials?.headers } : headers,
      signal,
      fetch,
    })
    if (!REDIRECTS.has(response.status)) return { response, url }
    discard(response.body)
    url = nextHop(response, url, request)
  }
  throw misled(request, url, `more than ${MOST_HOPS} redirects, the last one to ${url.host}`)
}

function nextHop(response: Response, from: URL, request: ReadingRequest): URL {
  const location = response.headers.get('location')
  if (location === null || !URL.canParse(location, from.href))
    throw misled(request, from, 'a redirect without an address')
  const url = new URL(location, from)
  if (!isPlainHttp(url)) throw misled(request, from, 'a redirect to an address that is not plain http or https')
  return url
}

/** Whether an address is http or https and names no user. */
export function isPlainHttp(url: URL): boolean {
  return /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}

function misled({ what, mask }: ReadingRequest, url: URL, problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not ${what}: ${hostOf(url.href)} answered with ${problem}`, {
    url: mask(url.href),
    isRetryable: false,
  })
}
