import { hideKnownSecrets, holdsKnownSecret, rememberSecret } from '../contracts/secrets/known-secrets.js'
import { looksRandom } from '../contracts/secrets/looks-random.js'
import { redact } from '../contracts/secrets/redact.js'
import { SecretFinder } from '../contracts/secrets/secret-finder.js'
import { HIDDEN } from '../contracts/secrets/secret-hider.js'
import { AuthenticationError } from '../contracts/upstream-errors.js'
import { type AskedValue, askedValue } from './asked-value.js'
import { secretHeadPattern, secretPattern } from './secret-pattern.js'

/** A key or token: its value, or a function that is called before each request, so that it can be renewed, and has 30 seconds. */
export type ApiCredential = string | (() => string | Promise<string>)

/** Removes the secrets of one request from a text, in every form in which a service may echo them. */
export type Mask = (text: string) => string

// Shorter ones would match parts of ordinary words.
const SHORTEST_KEY = 4
const SHORTEST_HEADER = 6
const SHORTEST_CARRIED = 12
// A shorter one, such as a language or a flag of a cookie, is a word that messages need.
const SHORTEST_NAMED = 8
// The value of any other header, such as a media type, stays readable.
const CREDENTIAL_HEADER = /auth|key|token|secret|cookie|password|signature|session|credential/i
const MEDIA_TYPE = /^[a-z]+\/[\w.+-]+(?:;|$)/i
// A pattern that matches nothing.
const NOTHING = '(?!)'

/**
 * The value of a credential.
 * @param subject - The owner of the credential for the message, such as `videos-api`.
 * @throws AuthenticationError when the function fails, or returns nothing or a value that a header cannot contain.
 */
export async function resolveCredential(
  credential: ApiCredential,
  subject: string,
  signal: AbortSignal,
): Promise<string> {
  const value = typeof credential === 'string' ? credential : await askedValue(askedFor(subject), signal, credential)
  const problem = keyProblemOf(value)
  if (problem !== undefined) throw new AuthenticationError(`Could not use the credential of ${subject}: ${problem}`)
  rememberSecret(value)
  return value
}

/**
 * The value of a password. It goes into a body, so it may contain any characters.
 * @param subject - The owner of the password for the message, such as `url2drive`.
 * @throws AuthenticationError when the function fails or returns nothing.
 */
export async function resolvePassword(password: ApiCredential, subject: string, signal: AbortSignal): Promise<string> {
  const value: unknown = typeof password === 'string' ? password : await askedValue(askedFor(subject), signal, password)
  if (typeof value === 'string' && value !== '') {
    rememberSecret(value)
    return value
  }
  throw new AuthenticationError(
    `Could not use the password of ${subject}: it is ${value === '' ? 'empty' : 'not a text'}`,
  )
}

/** The reason why a value cannot be sent as a credential; `undefined` if it can. */
export function credentialProblemOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'it is not a text'
  if (value.trim() === '') return 'it is empty'
  return /^[\x20-\x7e]+$/.test(value) ? undefined : 'it holds characters that a header cannot carry'
}

/** The reason why a value cannot be sent as a key after `Bearer`; `undefined` if it can. */
export function keyProblemOf(value: unknown): string | undefined {
  const problem = credentialProblemOf(value)
  if (problem !== undefined) return problem
  const key = value as string
  if (/^(["'`]).*\1$/.test(key)) return 'it has quotes around it; remove them'
  if (/^bearer\s/i.test(key)) return "it begins with 'Bearer', which is added to it, leave it out"
  return key.trim() === key ? undefined : 'it has blanks around it; remove them'
}

/** The secrets in the values of configured headers: those of {@link schemedSecrets}, and the values that a credential names. */
export function headerSecrets(headers: Readonly<Record<string, string>>): string[] {
  const credentials = Object.entries(headers).flatMap(([name, value]) => (CREDENTIAL_HEADER.test(name) ? [value] : []))
  return [...schemedSecrets(Object.values(headers)), ...credentials.flatMap(namedValues)]
}

/** Removes the credentials in configured headers and queries from every message from now on. */
export function rememberConfigured(headers: Readonly<Record<string, string>>, query: readonly string[] = []): void {
  const named = Object.entries(headers).filter(([name]) => CREDENTIAL_HEADER.test(name))
  for (const value of [...headerSecrets(Object.fromEntries(named)), ...query])
    if (value.length >= SHORTEST_CARRIED && looksRandom(value)) rememberSecret(value)
}

/** The secrets in values such as `Bearer key`: each value, the part after its scheme, and the password in one of `Basic`. */
export function schemedSecrets(values: readonly string[]): string[] {
  const written = values.flatMap((value) => [value, value.split(' ').at(-1) ?? ''])
  return [...written.filter((value) => value.length >= SHORTEST_HEADER), ...values.flatMap(basicSecrets)]
}

// A server decodes them, and may name the password in a message. Bytes of either encoding, as clients write them.
function basicSecrets(value: string): readonly string[] {
  const [, pair] = /^\s*Basic\s+([\w+/-]+=*)\s*$/i.exec(value) ?? []
  if (pair === undefined) return []
  const decoded = (['utf8', 'latin1'] as const).map((encoding) => Buffer.from(pair, 'base64').toString(encoding))
  return [...new Set(decoded)].flatMap((text) => {
    const password = /:(.*)$/s.exec(text)?.[1] ?? ''
    return password.length >= SHORTEST_KEY ? [text, password] : []
  })
}

// Such as `session=…` of a cookie, or `token="…"` of an authorization.
function namedValues(value: string): readonly string[] {
  const values = [...value.matchAll(/[\w-]=(?:"([^"]*)"|([^\s";,=][^\s";,]*))/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? '',
  )
  return values.filter((named) => named.length >= SHORTEST_NAMED)
}

/** A mask for the given secrets, which also removes anything that looks like a credential of another service. */
export function maskOf(secrets: readonly string[]): Mask {
  let known: readonly string[] | undefined
  let finders: ReturnType<typeof findersOf> | undefined
  return (text) => {
    known ??= longEnough(secrets)
    if (known.length === 0) return redact(text)
    finders ??= findersOf(known)
    const clean = hideKnownSecrets(text.replace(finders.whole, HIDDEN), { finder: finders.finder, secrets: known })
    // The beginnings last: without its own beginning a key would no longer be recognised by its shape.
    return redact(clean).replace(finders.head, HIDDEN)
  }
}

/** Whether a text holds one of the secrets, in any form. */
export function holdsSecret(text: string, secrets: readonly string[]): boolean {
  return isFound(text, secrets, SHORTEST_KEY)
}

/**
 * Whether a text that is passed on unchanged, such as an id that a service created, contains one of the secrets.
 * Secrets shorter than 12 characters may be in it by chance.
 */
export function carriesSecret(text: string, secrets: readonly string[]): boolean {
  return isFound(text, secrets, SHORTEST_CARRIED)
}

// An answer may have many addresses, each of which is compared with the same secrets.
const searches = new WeakMap<readonly string[], Map<number, ReturnType<typeof searchFor>>>()

function isFound(text: string, secrets: readonly string[], shortest: number): boolean {
  const known = searches.get(secrets) ?? new Map<number, ReturnType<typeof searchFor>>()
  const search = known.get(shortest) ?? searchFor(secrets.filter((secret) => secret.length >= shortest))
  searches.set(secrets, known.set(shortest, search))
  return search.pattern.test(text) || holdsKnownSecret(text, search.finder)
}

function searchFor(secrets: readonly string[]) {
  const known = longEnough(secrets)
  const pattern = new RegExp(known.map(secretPattern).join('|') || NOTHING, 'iu')
  return { pattern, finder: new SecretFinder(known) }
}

// The longest first, so that no rest of a longer one remains.
function longEnough(secrets: readonly string[]): readonly string[] {
  const unique = new Set(secrets.filter((secret) => secret.length >= SHORTEST_KEY))
  return [...unique].sort((a, b) => b.length - a.length)
}

function findersOf(secrets: readonly string[]) {
  const heads = secrets.flatMap((secret) => (MEDIA_TYPE.test(secret) ? [] : (secretHeadPattern(secret) ?? [])))
  return {
    finder: new SecretFinder(secrets.flatMap(credentialsIn)),
    whole: new RegExp(secrets.map(secretPattern).join('|'), 'giu'),
    head: new RegExp(heads.join('|') || NOTHING, 'giu'),
  }
}

// Only the part of an address that may be a key: its rest has to stay readable, and so have the words of a media
// type.
function credentialsIn(secret: string): readonly string[] {
  if (MEDIA_TYPE.test(secret)) return []
  if (!secret.includes('://')) return [secret]
  return secret.split(/[/?&=#:@]+/).filter((part) => part.length >= SHORTEST_CARRIED && looksRandom(part))
}

function askedFor(subject: string): AskedValue {
  return { what: `the credential of ${subject}`, function: 'its function' }
}

/** The values of the query of an address, both decoded and raw, because a server may echo either. */
export function queryValuesOf({ search, searchParams }: URL): readonly string[] {
  const written = search.slice(1).split('&')
  return [...searchParams.values(), ...written.map((pair) => pair.slice(pair.indexOf('=') + 1))]
}
