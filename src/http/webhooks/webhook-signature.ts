import type { OptionProblem } from '../../contracts/check-options.js'

/** The signed parts of a webhook. */
export interface SignedWebhook {
  /** The header `webhook-id`. */
  readonly id: string
  /** The unchanged header `webhook-timestamp`: Unix seconds. */
  readonly timestamp: string
  /** The body as sent. */
  readonly body: Uint8Array
}

const PREFIX = 'whsec_'
// Some services show a secret with the version of the signature in front.
const VERSIONED = /^v1,(?=whsec_)/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
const SECRET_FIX = 'give "whsec_" and base64, any other text, or a list of them'
const HMAC = { name: 'HMAC', hash: 'SHA-256' }

/**
 * Signs a webhook as Standard Webhooks v1: HMAC-SHA256 over `id.timestamp.body`. Returns the value of the header
 * `webhook-signature`, one signature for each secret, such as `v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=`.
 * @param secrets - Valid according to {@link webhookSecretsProblem}.
 */
export async function signWebhook(webhook: SignedWebhook, secrets: readonly string[]): Promise<string> {
  const signatures = await Promise.all(secrets.map((secret) => signatureOf(webhook, keyOf(secret))))
  return signatures.join(' ')
}

/**
 * Whether one of the signatures in a header was made with one of the secrets, in a time that does not depend on the
 * secret or on how much of a signature is right.
 * @param header - Several signatures are separated by spaces, as while a secret is being replaced; those of other
 * versions than `v1` do not count.
 * @param secrets - Valid according to {@link webhookSecretsProblem}.
 */
export async function isSignedBy(webhook: SignedWebhook, header: string, secrets: readonly string[]): Promise<boolean> {
  // A proxy that joins two headers separates them with a comma.
  const given = header.split(/,?\s+/)
  let isSigned = false
  for (const secret of secrets) {
    const expected = await signatureOf(webhook, keyOf(secret))
    for (const signature of given) isSigned = isSameText(signature, expected) || isSigned
  }
  return isSigned
}

/** The secrets of an option `secret`. */
export function webhookSecretsOf(secret: string | readonly string[]): readonly string[] {
  return typeof secret === 'string' ? [secret] : secret
}

/** The reason why an option `secret` cannot be used; its value is never shown. */
export function webhookSecretsProblem(secret: unknown): OptionProblem {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (
    secrets.length > 0 &&
    secrets.every((one) => typeof one === 'string' && !isQuoted(one) && keyOf(one).byteLength > 0)
  ) {
    return undefined
  }
  const fix = secrets.some(isQuoted) ? 'it has quotes around it; remove them' : SECRET_FIX
  return { field: 'secret', value: 'unusable', fix }
}

// A shell or a file of environment variables may leave them there, and no receiver would have the same secret.
function isQuoted(secret: unknown): boolean {
  return typeof secret === 'string' && /^(["'`]).*\1$/s.test(secret)
}

async function signatureOf({ id, timestamp, body }: SignedWebhook, key: Uint8Array<ArrayBuffer>): Promise<string> {
  const start = new TextEncoder().encode(`${id}.${timestamp}.`)
  const signed = new Uint8Array(start.byteLength + body.byteLength)
  signed.set(start)
  signed.set(body, start.byteLength)
  const imported = await crypto.subtle.importKey('raw', key, HMAC, false, ['sign'])
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', imported, signed))
  return `v1,${btoa(String.fromCharCode(...signature))}`
}

/** The bytes of a secret; empty for an invalid one. */
function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const plain = secret.replace(VERSIONED, '')
  if (!plain.startsWith(PREFIX)) return new TextEncoder().encode(plain)
  const text = plain.slice(PREFIX.length)
  return BASE64.test(text) ? Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)) : new Uint8Array()
}

// Compared as texts: base64 has several spellings of the same bytes, of which a signer uses one.
function isSameText(given: string, expected: string): boolean {
  if (given.length !== expected.length) return false // The length is not a secret.
  let difference = 0
  for (let at = 0; at < expected.length; at += 1) difference |= given.charCodeAt(at) ^ expected.charCodeAt(at)
  return difference === 0
}
