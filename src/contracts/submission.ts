import { isSoraPipelineError } from './errors.js'

// Node's and undici's words for failures that happen before a request has left the machine.
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_INVALID_URL',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
])

const CUT: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
])

/** Whether an error code of the network says that the request never left. */
export function wasNeverSent(networkCode: string | undefined): boolean {
  return networkCode !== undefined && NEVER_SENT.has(networkCode)
}

/** The first error code of the network in a chain of causes, at most five deep. */
export function networkCodeOf(error: unknown): string | undefined {
  let current: unknown = error
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    const code: unknown = 'code' in current ? current.code : undefined
    if (typeof code === 'string' && (NEVER_SENT.has(code) || CUT.has(code))) return code
    current = 'cause' in current ? current.cause : undefined
  }
  return undefined
}

/**
 * Whether a failed submission may have been accepted all the same. An adapter of ours decides that when it makes the error;
 * of a foreign error only what the network says of itself is known, and anything else counts as its author's verdict.
 */
export function mayHaveBeenAccepted(error: unknown): boolean {
  if (isSoraPipelineError(error)) {
    if (error.code === 'submission-unknown' || error.code === 'stage-timeout' || error.code === 'upstream-response')
      return true
    return (
      (error.code === 'network' || error.code === 'upstream-http') && 'isRefusal' in error && error.isRefusal !== true
    )
  }
  const networkCode = networkCodeOf(error)
  if (networkCode !== undefined) return !wasNeverSent(networkCode)
  if (!(error instanceof Error)) return false
  return (
    error.name === 'AbortError' || error.name === 'TimeoutError' || /^(fetch failed|terminated)$/.test(error.message)
  )
}
