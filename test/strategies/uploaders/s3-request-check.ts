import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The keys that a server of the tests knows. */
export interface ServerKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  readonly region: string
}

/** What a signature of a request is made of, as the server sees it. */
export interface SignedParts {
  readonly method: string
  /** Path and query as they came. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

const SKEW_MS = 15 * 60_000

/**
 * Checks a request by signature version 4, written from its documentation and not with the package that signs. Gives the code of the
 * error, or the hash that the body must have.
 */
export function checkSignature(parts: SignedParts, keys: ServerKeys, now: number): { code: string } | { hash: string } {
  const url = new URL(parts.url, 'http://store')
  return url.searchParams.has('X-Amz-Signature')
    ? checkPresigned(parts, url, keys, now)
    : checkHeader(parts, url, keys, now)
}

function checkHeader({ method, headers }: SignedParts, url: URL, keys: ServerKeys, now: number) {
  const pattern = /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([\da-f]{64})$/
  const [, credential = '', names = '', signature = ''] = pattern.exec(headers.authorization ?? '') ?? []
  if (signature === '') return { code: 'AccessDenied' }
  const flaw = credentialFlaw(credential, keys)
  if (flaw !== undefined) return { code: flaw }
  const date = String(headers['x-amz-date'])
  if (Math.abs(timeOf(date) - now) > SKEW_MS) return { code: 'RequestTimeTooSkewed' }
  if (headers['x-amz-security-token'] !== keys.sessionToken) return { code: 'InvalidToken' }
  const signed = names.split(';')
  // What a store acts on must be signed.
  const bound = Object.keys(headers).filter((name) => /^(?:host|if-.*|content-md5|x-amz-.*)$/.test(name))
  if (bound.some((name) => !signed.includes(name))) return { code: 'AccessDenied' }
  const hash = String(headers['x-amz-content-sha256'])
  const canonical = canonicalRequest({ method, url, headers, signed, hash })
  return isSigned({ canonical, date, credential, signature }, keys) ? { hash } : { code: 'SignatureDoesNotMatch' }
}

function checkPresigned({ method, headers }: SignedParts, url: URL, keys: ServerKeys, now: number) {
  const query = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? ''
  const [credential, date, signature] = [query('Credential'), query('Date'), query('Signature')]
  const flaw = credentialFlaw(credential, keys)
  if (flaw !== undefined) return { code: flaw }
  const endsAt = timeOf(date) + Number(query('Expires')) * 1_000
  if (now > endsAt || timeOf(date) > now + SKEW_MS) return { code: 'AccessDenied' }
  if (query('Security-Token') !== (keys.sessionToken ?? '')) return { code: 'InvalidToken' }
  const signed = query('SignedHeaders').split(';')
  const rest = new URL(url)
  rest.searchParams.delete('X-Amz-Signature')
  const hash = 'UNSIGNED-PAYLOAD'
  const canonical = canonicalRequest({ method, url: rest, headers, signed, hash })
  return isSigned({ canonical, date, credential, signature }, keys) ? { hash } : { code: 'SignatureDoesNotMatch' }
}

function credentialFlaw(credential: string, { accessKeyId, region }: ServerKeys): string | undefined {
  const [id, , place, service, end] = credential.split('/')
  if (id !== accessKeyId) return 'InvalidAccessKeyId'
  if (place !== region) return 'AuthorizationHeaderMalformed'
  return service === 's3' && end === 'aws4_request' ? undefined : 'AccessDenied'
}

interface Canonical {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly signed: readonly string[]
  readonly hash: string
}

function canonicalRequest({ method, url, headers, signed, hash }: Canonical): string {
  const path = url.pathname.split('/').map((segment) => encoded(decodeURIComponent(segment)))
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort()
  const lines = [...signed].sort().map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/ +/g, ' ')}\n`,
  )
  return [method, path.join('/'), query.join('&'), lines.join(''), [...signed].sort().join(';'), hash].join('\n')
}

interface Signature {
  readonly canonical: string
  readonly date: string
  readonly credential: string
  readonly signature: string
}

function isSigned({ canonical, date, credential, signature }: Signature, { secretAccessKey }: ServerKeys): boolean {
  const scope = credential.split('/').slice(1)
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  )
  const key = scope.reduce<Buffer | string>(
    (last, part) => createHmac('sha256', last).update(part).digest(),
    `AWS4${secretAccessKey}`,
  )
  const expected = createHmac('sha256', key).update(text).digest()
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
}

function timeOf(date: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

function encoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte)) && byte < 128
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
}
