import { isSoraPipelineError } from '../contracts/errors.js'
import { redact } from '../contracts/redact.js'
import { AuthenticationError } from '../contracts/upstream-errors.js'
import { abortable } from './abortable.js'
import { secretHeadPattern, secretPattern } from './secret-pattern.js'

/** A key or token: its value, or a function that is asked before each request, so that it can be renewed. */
export type Credential = string | (() => string | Promise<string>)

/** Takes the secrets of one request out of a text, in every form in which a service may echo them. */
export type Mask = (text: string) => string

// Shorter ones would tear holes into ordinary words.
const SHORTEST_KEY = 4
const SHORTEST_HEADER = 6
const SHORTEST_CARRIED = 12
// A pattern that fits no text.
const NOTHING = '(?!)'

/**
 * The value of a credential.
 * @param subject - Whose credential it is, for the message, such as `videos-api`.
 * @throws AuthenticationError when the function fails, or gives nothing or something that no header can hold.
 */
export async function resolveCredential(credential: Credential, subject: string, signal: AbortSignal): Promise<string> {
  const value = typeof credential === 'string' ? credential : await askForCredential(credential, subject, signal)
  const problem = credentialProblemOf(value)
  if (problem !== undefined) throw new AuthenticationError(`Could not use the credential of ${subject}: ${problem}`)
  return value
}

/**
 * The value of a password, which goes into a body and so may hold any characters.
 * @param subject - Whose password it is, for the message, such as `url2drive`.
 * @throws AuthenticationError when the function fails or gives nothing.
 */
export async function resolvePassword(password: Credential, subject: string, signal: AbortSignal): Promise<string> {
  const value: unknown = typeof password === 'string' ? password : await askForCredential(password, subject, signal)
  if (typeof value === 'string' && value !== '') return value
  throw new AuthenticationError(
    `Could not use the password of ${subject}: it is ${value === '' ? 'empty' : 'not a text'}`,
  )
}

/** What keeps a value from being sent as a credential; `undefined` when nothing does. */
export function credentialProblemOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'it is not a text'
  if (value.trim() === '') return 'it is empty'
  return /^[\x20-\x7e]+$/.test(value) ? undefined : 'it holds characters that a header cannot carry'
}

/** The secrets among the values of headers that a caller configured: each value, and what follows its scheme. */
export function headerSecrets(headers: Readonly<Record<string, string>>): string[] {
  return schemedSecrets(Object.values(headers))
}

/** The secrets in values such as `Bearer key`: each value, and what follows its scheme. */
export function schemedSecrets(values: readonly string[]): string[] {
  return values
    .flatMap((value) => [value, value.split(' ').at(-1) ?? ''])
    .filter((value) => value.length >= SHORTEST_HEADER)
}

/** A mask for the given secrets, which also takes out what looks like a credential of somebody else. */
export function maskOf(secrets: readonly string[]): Mask {
  const known = longEnough(secrets)
  let patterns: ReturnType<typeof patternsOf> | undefined
  return (text) => {
    if (known.length === 0) return redact(text)
    patterns ??= patternsOf(known)
    // The beginnings last: without its own a key would not be known by its shape any more.
    return redact(text.replace(patterns.whole, '[redacted]')).replace(patterns.head, '[redacted]')
  }
}

/** Whether a text holds one of the secrets, in any form. */
export function holdsSecret(text: string, secrets: readonly string[]): boolean {
  return longEnough(secrets).some((secret) => new RegExp(secretPattern(secret), 'iu').test(text))
}

/**
 * Whether what is handed on as it is, such as an id that a service made, holds one of the secrets. Shorter ones than 12 letters may
 * be in it by chance.
 */
export function carriesSecret(text: string, secrets: readonly string[]): boolean {
  return holdsSecret(
    text,
    secrets.filter((secret) => secret.length >= SHORTEST_CARRIED),
  )
}

// The longest first, so that none leaves the rest of a longer one behind.
function longEnough(secrets: readonly string[]): readonly string[] {
  const unique = new Set(secrets.filter((secret) => secret.length >= SHORTEST_KEY))
  return [...unique].sort((a, b) => b.length - a.length)
}

function patternsOf(secrets: readonly string[]) {
  const heads = secrets.flatMap((secret) => secretHeadPattern(secret) ?? [])
  return {
    whole: new RegExp(secrets.map(secretPattern).join('|'), 'giu'),
    head: new RegExp(heads.join('|') || NOTHING, 'giu'),
  }
}

async function askForCredential(ask: () => string | Promise<string>, subject: string, signal: AbortSignal) {
  try {
    return await abortable(signal, Promise.resolve().then(ask))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (isSoraPipelineError(error)) throw error
    // Only its class is told: its text and its fields may hold the very secret that it failed to give.
    const kind = error instanceof Error ? error.name : typeof error
    throw new AuthenticationError(`Could not get the credential of ${subject}: its function threw ${kind}`)
  }
}
