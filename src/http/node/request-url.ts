/** What the URL of a request is made of. */
export interface RequestUrlParts {
  /** Whether it came over TLS. */
  readonly isSecure: boolean
  /** The `Host` header, or `:authority` of HTTP/2; anybody can write anything into it. */
  readonly host: string | undefined
  /** The request target: `/v1/models?limit=2`, `http://host.example/v1/models`, `*`. */
  readonly target: string
}

// With letters of names and addresses alone there can be no user, path or second host in it.
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/**
 * The URL of a request, such as `http://localhost:3000/v1/models?limit=2`, for anything that a client can send: a host that
 * is missing or cannot be one becomes `localhost`, bytes above ASCII are percent-encoded, and the target for the server as a
 * whole, `*`, becomes the path `/*`. The host of a target in absolute form goes before that of the header, as RFC 9112 has it.
 */
export function requestUrl({ isSecure, host, target }: RequestUrlParts): string {
  const scheme = isSecure ? 'https' : 'http'
  const [, authority, rest = target] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(target) ?? []
  return `${originOf(scheme, authority ?? host)}${pathOf(rest)}`
}

function originOf(scheme: string, host: string | undefined): string {
  const origin = `${scheme}://${host}`
  return host !== undefined && HOST.test(host) && URL.canParse(origin) ? origin : `${scheme}://localhost`
}

// Joined as text: resolved against the origin, a target of two slashes would name a host of its own.
function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : `/${target}`
  // Node hands each byte over as the letter of its number.
  return path.replaceAll(/[\x80-\xff]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}
