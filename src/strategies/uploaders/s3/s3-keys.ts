import { isSoraPipelineError } from '../../../contracts/errors.js'
import { rememberSecret } from '../../../contracts/secrets/known-secrets.js'
import { fieldOf } from '../../../contracts/thrown-value.js'
import { AuthenticationError, NetworkError } from '../../../contracts/upstream-errors.js'
import { withTimeLimit } from '../../../upstream/time-limit.js'
import type { CheckedS3Options } from './checked-s3-options.js'

/** Keys that can sign. */
export interface S3Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
  /** Epoch milliseconds after which they are refused. */
  readonly expiresAt: number | undefined
  /** What no message may show. */
  readonly secrets: readonly string[]
}

/**
 * The keys to sign a request with.
 * @throws AuthenticationError when the function of the caller fails, or gives something that is not a pair of keys.
 * @throws NetworkError when it takes longer than `timeoutMs`.
 */
export async function s3Keys(options: CheckedS3Options, signal: AbortSignal): Promise<S3Keys> {
  const given: unknown = options.credentials === undefined ? options : await askFor(options, signal)
  const [accessKeyId, secretAccessKey] = [fieldOf(given, 'accessKeyId'), fieldOf(given, 'secretAccessKey')]
  const sessionToken = fieldOf(given, 'sessionToken')
  if (!isKey(accessKeyId) || !isKey(secretAccessKey) || (sessionToken !== undefined && !isKey(sessionToken))) {
    const problem = 'it gave no accessKeyId with a secretAccessKey'
    throw new AuthenticationError(`Could not use the credentials of ${options.name}: ${problem}`)
  }
  const expiration = fieldOf(given, 'expiration')
  const secrets = sessionToken === undefined ? [secretAccessKey] : [secretAccessKey, sessionToken]
  for (const secret of secrets) rememberSecret(secret)
  const expiresAt = expiration instanceof Date && !Number.isNaN(expiration.getTime()) ? expiration.getTime() : undefined
  return { accessKeyId, secretAccessKey, sessionToken, expiresAt, secrets }
}

async function askFor({ name, credentials, timeoutMs }: CheckedS3Options, signal: AbortSignal): Promise<unknown> {
  const message = `Could not get the credentials of ${name}: its function took longer than ${timeoutMs} ms`
  const error = () => new NetworkError(message, { isRefusal: true })
  try {
    return await withTimeLimit({ timeoutMs, signal, error }, async () => credentials?.())
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    if (isSoraPipelineError(thrown)) throw thrown
    // Only its class is shown: its text and its fields may hold the very secrets that it failed to give.
    const kind = thrown instanceof Error ? thrown.name : typeof thrown
    throw new AuthenticationError(`Could not get the credentials of ${name}: its function threw ${kind}`)
  }
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}
