import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { hostOf } from '../network-failure.js'
import { isPlainHttp } from '../plain-http.js'

/** What a URL may begin with. */
export type Scheme = 'http' | 'https'

/**
 * The URL of an address that a third party wrote.
 * @throws UpstreamResponseError when it cannot be read, is of another scheme, or names a user.
 */
export function firstHop(address: string, what: string, schemes: readonly Scheme[]): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url !== undefined && isFetchable(url, schemes)) return url
  const problem = `${url?.host || 'the address'} is not plain ${schemes.join(' or ')}`
  throw new UpstreamResponseError(`Could not ${what}: ${problem}`, { isRetryable: false })
}

/**
 * Where a redirect leads.
 * @throws UpstreamResponseError when that is nowhere, not plain http or https, or from https to http.
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

/** The error of an answer that leads nowhere. */
export function misled(what: string, from: URL, problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not ${what}: ${hostOf(from.href)} answered with ${problem}`, {
    isRetryable: false,
  })
}

function isFetchable(url: URL, schemes: readonly Scheme[]): boolean {
  return isPlainHttp(url) && schemes.some((scheme) => url.protocol === `${scheme}:`)
}
