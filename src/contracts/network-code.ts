import { causeChainOf, fieldOf, gatheredErrorsOf } from './thrown-value.js'

// Codes of Node and undici for failures before a request leaves the machine. The client verifies certificates before it sends
// anything. Alerts of the server are listed only if they come before the end of the handshake.
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_INVALID_ARG',
  'ERR_INVALID_URL',
  'ERR_INVALID_PROTOCOL',
  'ERR_UNSUPPORTED_PROTOCOL',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  'ERR_SSL_TLSV1_UNRECOGNIZED_NAME',
  'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
])

// Codes of Node, undici, axios, got and node-fetch for failures after which the request may have arrived.
const CUT: ReadonlySet<string> = new Set([
  'ABORT_ERR',
  'ECONNRESET',
  'ECONNABORTED',
  'ENETDOWN',
  'ENETRESET',
  'EPIPE',
  'EPROTO',
  'ESOCKETTIMEDOUT',
  'ETIMEDOUT',
  'ERR_BAD_RESPONSE',
  'ERR_BODY_PARSE_FAILURE',
  'ERR_CANCELED',
  'ERR_NETWORK',
  'ERR_READING_RESPONSE_STREAM',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_UPLOAD',
  'Z_BUF_ERROR',
  'Z_DATA_ERROR',
])
const CUT_FAMILY = /^(?:UND_ERR|HPE|ERR_HTTP2|ERR_SSL)_[A-Z\d_]{1,60}$/

const NO_TLS = /SSL routines:.{0,80}:(?:wrong version number|packet length too long|unsupported protocol)/
// A connection of Node that is cut in its handshake has the same code as one that is cut later.
const HANDSHAKE_CUT = 'Client network socket disconnected before secure TLS connection was established'
// The phases of a timeout of got.
const PHASES_BEFORE_SEND: ReadonlySet<unknown> = new Set(['lookup', 'connect', 'secureConnect'])

/** The first network error code in a chain of causes, at most five deep. */
export function networkCodeOf(error: unknown): string | undefined {
  for (const link of causeChainOf(error)) {
    const code = fieldOf(link, 'code')
    if (typeof code === 'string' && (NEVER_SENT.has(code) || CUT.has(code) || CUT_FAMILY.test(code))) return code
  }
  return undefined
}

/** Whether an error or one of its causes proves that its request was never sent: no address, no connection, no TLS. */
export function provesNeverSent(error: unknown): boolean {
  return causeChainOf(error).some((link, depth) => {
    // Without the wrapping error it may be about an address in the response.
    if (depth === 0 && fieldOf(link, 'name') === 'TypeError' && fieldOf(link, 'code') === 'ERR_INVALID_URL')
      return false
    const gathered = gatheredErrorsOf(link)
    return gathered.length > 0 ? gathered.every(isBeforeSend) : isBeforeSend(link)
  })
}

function isBeforeSend(link: unknown): boolean {
  const code = fieldOf(link, 'code')
  const syscall = fieldOf(link, 'syscall')
  // Node's own client has this code for a port that does not speak TLS; `fetch` has one of OpenSSL.
  if (code === 'EPROTO') return NO_TLS.test(String(fieldOf(link, 'message')))
  if (typeof code !== 'string' || syscall === 'read' || syscall === 'write') return false
  if (NEVER_SENT.has(code)) return true
  if (code === 'ECONNRESET') return fieldOf(link, 'message') === HANDSHAKE_CUT
  return code === 'ETIMEDOUT' && (syscall === 'connect' || PHASES_BEFORE_SEND.has(fieldOf(link, 'event')))
}
