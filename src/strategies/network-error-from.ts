import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { isSoraPipelineError, type SoraPipelineError } from '../contracts/errors.js'
import { required, someTexts, text } from '../contracts/option-rules.js'
import { requestIdOf } from '../contracts/request-id.js'
import { errorStatusOf } from '../contracts/submission.js'
import { UpstreamHttpError } from '../contracts/upstream-errors.js'
import { hostOf, networkFailure } from '../upstream/network-failure.js'
import { maskOf, schemedSecrets } from '../upstream/secret.js'

/** Options of {@link networkErrorFrom}. */
export interface NetworkErrorFromOptions {
  /** The action that failed, such as `create the video`: the message begins with `Could not create the video`. */
  readonly what: string
  /** Address of the request. The message contains its host; the error contains it without its query. */
  readonly url: string
  /**
   * Secrets that the cause may contain, such as the key. Each is removed from the message.
   * @defaultValue none
   */
  readonly secrets?: readonly string[] | undefined
}

const RULES: OptionRules<NetworkErrorFromOptions> = {
  what: required(text("give the action that failed, such as 'create the video'")),
  url: required(text('give the address of the request')),
  secrets: someTexts,
}

const NEVER = new AbortController().signal

/**
 * Creates the library's error for a rejection of `fetch`, or of another HTTP client, when no answer came. `isRefusal`
 * of the `NetworkError` is true only if the cause proves that nothing was sent: an unknown host, a connection that
 * was refused or took too long, a failed TLS handshake. Then another generator may be tried; after anything else the
 * outcome of a submission is unknown.
 *
 * An error of a client that carries an HTTP status becomes `UpstreamHttpError`, whose `isRefusal` depends on the
 * status; for a `Response`, {@link errorFromResponse} is more precise. An error of the library is returned unchanged.
 * The cause of the new error is a copy of the innermost one without its fields, which may contain the request and its
 * headers.
 *
 * An abort is not a network error: call `signal.throwIfAborted()` first, where it matters.
 *
 * @example
 * ```ts
 * import { networkErrorFrom } from 'sora-pipeline/strategies'
 *
 * const url = 'https://api.example/v1/jobs/job_1'
 * const poll = (signal: AbortSignal) =>
 *   fetch(url, { signal }).catch((error: unknown) => {
 *     signal.throwIfAborted()
 *     throw networkErrorFrom(error, { what: 'poll the job', url })
 *   })
 * console.log(typeof poll)
 * ```
 */
export function networkErrorFrom(cause: unknown, options: NetworkErrorFromOptions): SoraPipelineError {
  checkOptions('networkErrorFrom', options, RULES)
  const { what, secrets = [] } = options
  if (isSoraPipelineError(cause)) return cause
  const mask = maskOf([...secrets, ...schemedSecrets(secrets)])
  const status = errorStatusOf(cause)
  if (status === undefined) return networkFailure(cause, { what, url: options.url, mask }, NEVER) as SoraPipelineError
  const url = mask(options.url)
  return new UpstreamHttpError(`Could not ${what}: ${hostOf(url)} answered ${status}`, {
    status,
    url,
    requestId: requestIdOf(cause),
  })
}
