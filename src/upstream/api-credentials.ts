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
  readonly login?: Login | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** The secrets that are configured beside the key, and the credentials for the next request. */
export function apiCredentials({ subject, baseUrl, apiKey, login, headers: ownHeaders = {} }: CredentialOptions) {
  const queryValues = queryValuesOf(new URL(baseUrl))
  const ownSecrets = [...headerSecrets(ownHeaders), ...queryValues]
  rememberConfigured(ownHeaders, queryValues)
  const named = inLowerCase(ownHeaders)
  let latest: { readonly authorization: string | undefined; readonly credentials: ApiCredentials } | undefined

  // Built again only when the key changes, because a mask compiles the patterns of its secrets.
  async function credentials(signal: AbortSignal): Promise<ApiCredentials> {
    const key = apiKey === undefined ? undefined : await resolveCredential(apiKey, subject, signal)
    const basic = login && (await basicOf(login, subject, signal))
    const authorization = key === undefined ? basic?.header : `Bearer ${key}`
    if (latest !== undefined && latest.authorization === authorization) return latest.credentials
    const headers = { ...(authorization !== undefined && { authorization }), ...named }
    const secrets = [...ownSecrets, ...(key === undefined ? [] : [key]), ...(basic?.secrets ?? [])]
    const made = { headers, secrets, mask: maskOf(secrets) }
    latest = { authorization, credentials: made }
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
