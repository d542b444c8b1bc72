import type { RequestTarget } from '../incoming.js'

/** The parts of a request's URL. */
export interface RequestUrlParts {
  /** Whether it came over TLS. */
  readonly isSecure: boolean
  /** The `Host` header, or `:authority` of HTTP/2; a client can send any text. */
  readonly host: string | undefined
  /** The request target: `/v1/models?limit=2`, `http://host.example/v1/models`, `*`. */
  readonly target: string
}

// Only characters of names and addresses, so that it cannot contain a user, a path or a second host.
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/**
 * The URL of a request, such as `http://localhost:3000/v1/models?limit=2`, for any request that a client can send. A
 * missing or invalid host becomes `localhost`, bytes above ASCII are percent-encoded, and the target of the whole
 * server, `*`, becomes the path `/*`. The host of a target in absolute form takes precedence over the header, as in
 * RFC 9112.
 */
export function requestUrl({ isSecure, host, target }: RequestUrlParts): string {
  const scheme = isSecure ? 'https' : 'http'
  const [, authority, rest = target] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? []
  return `${originOf(scheme, authority ?? host)}${pathOf(rest)}`
}

/** {@link requestUrl} in parts. The usual paths need no URL parser: it would leave them unchanged. */
export function requestTarget(parts: RequestUrlParts): RequestTarget {
  const { isSecure, host, target } = parts
  if (!/^\/[\w/-]*$/.test(target)) return new URL(requestUrl(parts))
  if (latest.host !== host || latest.isSecure !== isSecure) {
    latest = { isSecure, host, origin: new URL(originOf(isSecure ? 'https' : 'http', host)).origin }
  }
  return { origin: latest.origin, pathname: target, searchParams: NO_PARAMETERS }
}

const NO_PARAMETERS = new URLSearchParams()

// Nearly all requests to a server name the same host.
let latest: Omit<RequestUrlParts, 'target'> & { readonly origin: string } = {
  isSecure: false,
  host: undefined,
  origin: 'http://localhost',
}

function originOf(scheme: string, host: string | undefined): string {
  const origin = `${scheme}://${host}`
  return host !== undefined && HOST.test(host) && URL.canParse(origin) ? origin : `${scheme}://localhost`
}

// Joined as text: a target with two slashes would be resolved as another host.
function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : `/${target}`
  // Node represents each byte as the character with its number.
  return path.replaceAll(/[\x80-\xff]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}
