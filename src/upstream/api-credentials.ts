import {
  type ApiCredential,
  headerSecrets,
  type Mask,
  maskOf,
  queryValuesOf,
  rememberConfigured,
  resolveCredential,
  resolvePassword,
} from './secret.js'

/** A user with a password. */
export interface Login {
  readonly user: string
  readonly password: ApiCredential
}

/** How a key is sent: after a word in `Authorization`, or alone in a header of its own. */
export type AuthScheme = 'Bearer' | 'Key' | 'Token' | 'x-api-key' | 'x-goog-api-key'

/** The credentials of a request. */
export interface ApiCredentials {
  readonly headers: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
  readonly mask: Mask
}

interface CredentialOptions {
  readonly subject: string
  readonly baseUrl: string
  readonly apiKey?: ApiCredential | undefined
  readonly authScheme?: AuthScheme | undefined
  readonly login?: Login | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** The secrets that are configured beside the key, and the credentials for the next request. */
export function apiCredentials(options: CredentialOptions) {
  const { subject, baseUrl, apiKey, authScheme = 'Bearer', login, headers: ownHeaders = {} } = options
  const queryValues = queryValuesOf(new URL(baseUrl))
  const ownSecrets = [...headerSecrets(ownHeaders), ...queryValues]
  rememberConfigured(ownHeaders, queryValues)
  const named = inLowerCase(ownHeaders)
  const keyHeader = authScheme.startsWith('x-') ? authScheme : 'authorization'
  let latest: { readonly sent: string | undefined; readonly credentials: ApiCredentials } | undefined

  // Built again only when the key changes, because a mask compiles the patterns of its secrets.
  async function credentials(signal: AbortSignal): Promise<ApiCredentials> {
    const key = apiKey === undefined ? undefined : await resolveCredential(apiKey, subject, signal)
    const basic = login && (await basicOf(login, subject, signal))
    const sent = key === undefined ? basic?.header : keyHeader === authScheme ? key : `${authScheme} ${key}`
    if (latest !== undefined && latest.sent === sent) return latest.credentials
    const headers = { ...(sent !== undefined && { [keyHeader]: sent }), ...named }
    const secrets = [...ownSecrets, ...(key === undefined ? [] : [key]), ...(basic?.secrets ?? [])]
    const made = { headers, secrets, mask: maskOf(secrets) }
    latest = { sent, credentials: made }
    return made
  }

  return { ownSecrets, credentials }
}

/** The credentials with more secrets to hide. */
export function withSecrets(known: ApiCredentials, more: readonly string[]): ApiCredentials {
  const secrets = [...known.secrets, ...more]
  return { ...known, secrets, mask: maskOf(secrets) }
}

// As `Headers` does, which would load Node's whole `fetch`.
function inLowerCase(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const named = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    const before = named.get(lower)
    named.set(lower, before === undefined ? value.trim() : `${before}, ${value.trim()}`)
  }
  return Object.fromEntries(named)
}

async function basicOf({ user, password }: Login, subject: string, signal: AbortSignal) {
  const known = await resolvePassword(password, subject, signal)
  const pair = Buffer.from(`${user}:${known}`).toString('base64')
  return { header: `Basic ${pair}`, secrets: [known, pair] }
}
