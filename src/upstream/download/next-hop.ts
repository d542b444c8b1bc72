import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { hostOf } from '../network-failure.js'
import { isPlainHttp } from '../plain-http.js'

/** The schemes that a URL may have. */
export type Scheme = 'http' | 'https'

/**
 * The URL of a third-party address.
 * @throws UpstreamResponseError when it cannot be parsed, has another scheme, or contains a user name.
 */
export function firstHop(address: string, what: string, schemes: readonly Scheme[]): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url !== undefined && isFetchable(url, schemes)) return url
  const problem = `${url?.host || 'the address'} is not plain ${schemes.join(' or ')}`
  throw new UpstreamResponseError(`Could not ${what}: ${problem}`, { isRetryable: false })
}

/**
 * The target of a redirect.
 * @throws UpstreamResponseError when it is missing, not plain http or https, or leads from https to http.
 */
export function nextHop(from: URL, location: string | null, what: string, schemes: readonly Scheme[]): URL {
  if (location === null || !URL.canParse(location, from.href)) throw misled(what, from, 'a redirect without an address')
  const url = new URL(location, from)
  if (!isFetchable(url, schemes)) {
    throw misled(what, from, `a redirect to an address that is not plain ${schemes.join(' or ')}`)
  }
  if (from.protocol === 'https:' && url.protocol !== 'https:') throw misled(what, from, 'a redirect from https to http')
  return url
}

/** The error of an answer that cannot be followed. */
export function misled(what: string, from: URL, problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not ${what}: ${hostOf(from.href)} answered with ${problem}`, {
    isRetryable: false,
  })
}

function isFetchable(url: URL, schemes: readonly Scheme[]): boolean {
  return isPlainHttp(url) && schemes.some((scheme) => url.protocol === `${scheme}:`)
}
