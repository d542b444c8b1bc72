import { checkOptions, type OptionRules, optionProblem, throwProblems } from '../contracts/check-options.js'
import type { SoraPipelineError } from '../contracts/errors.js'
import { aSignal, aTimeout, required, someTexts, text, trueOrFalse } from '../contracts/option-rules.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { answerError } from '../upstream/answer-error.js'
import { readBodyText } from '../upstream/body-text.js'
import { excerptOf } from '../upstream/error-details.js'
import { hostOf, timeoutFailure } from '../upstream/network-failure.js'
import { requestIdFrom } from '../upstream/request-id.js'
import { type Mask, maskOf, schemedSecrets } from '../upstream/secret.js'
import { withTimeLimit } from '../upstream/time-limit.js'

/** Options of {@link errorFromResponse}. */
export interface ErrorFromResponseOptions {
  /** The action that failed, such as `create the video`: the message begins with `Could not create the video`. */
  readonly what: string
  /**
   * Whether the response answers a submission. Only then is the reason in the body of a 5xx read, because it can
   * prove that nothing was accepted. In answer to a poll, a 5xx is a temporary failure.
   * @defaultValue `false`
   */
  readonly isSubmission?: boolean | undefined
  /**
   * The key and anything else that the upstream may echo. Each is removed from the message in every form, as is
   * anything that looks like a credential; texts of fewer than 4 characters stay.
   * @defaultValue none
   */
  readonly secrets?: readonly string[] | undefined
  /** Address of the request, for a `Response` without one. @defaultValue `response.url` */
  readonly url?: string | undefined
  /**
   * Time limit to read the body, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past
   * it the error is created from the status, without the body.
   * @defaultValue `10_000` (10 s)
   */
  readonly timeoutMs?: number | undefined
  /** Ends the reading of the body; the error is created without it. @defaultValue none */
  readonly signal?: AbortSignal | undefined
}

const MAX_BYTES = 64_000

const RULES: OptionRules<ErrorFromResponseOptions> = {
  what: required(text("give the action that failed, such as 'create the video'")),
  isSubmission: trueOrFalse,
  secrets: someTexts,
  url: text('give the address of the request'),
  timeoutMs: aTimeout,
  signal: aSignal,
}

/**
 * Creates the library's error for a `Response` of `fetch` that is not usable, so that a custom generator need not
 * know which answers prove a refusal. Reads at most 64,000 bytes of the body, if it was not read yet, and closes it.
 *
 * 401 and 403 become `AuthenticationError`, 402 and a 4xx that names a quota `QuotaExceededError`, 429
 * `RateLimitError`, 503 and 529 `OverloadedError`, a moderation verdict `ContentRejectedError`, a 4xx about the
 * country `RegionError`, any other status outside 2xx `UpstreamHttpError`. A 2xx that you could not read becomes
 * `UpstreamResponseError`. `retryAfterMs` and `requestId` (`x-request-id` and similar) are read from the headers.
 * After a submission, a pipeline treats `UpstreamHttpError` of a 3xx, 408, 409, 444, 460, 499 or 5xx and
 * `UpstreamResponseError` as an unknown outcome, and every other error as a refusal.
 *
 * Rejects only with `ConfigurationError`, for an invalid option. The message contains an excerpt of the body: at most
 * 200 characters, without tags and without `secrets`.
 *
 * @example
 * ```ts
 * import type { TaskGenerator } from 'sora-pipeline'
 * import { errorFromResponse, networkErrorFrom } from 'sora-pipeline/strategies'
 *
 * const url = 'https://api.example/v1/jobs'
 * const key = 'your-key'
 *
 * export const start: TaskGenerator<string>['start'] = async ({ prompt }, { idempotencyKey, signal }) => {
 *   const headers = { authorization: `Bearer ${key}`, 'idempotency-key': idempotencyKey }
 *   const what = 'create the video'
 *   const init = { method: 'POST', headers, body: JSON.stringify({ prompt }), redirect: 'manual', signal } as const
 *   const response = await fetch(url, init).catch((error: unknown) => {
 *     throw networkErrorFrom(error, { what, url, secrets: [key] })
 *   })
 *   if (!response.ok) throw await errorFromResponse(response, { what, isSubmission: true, secrets: [key] })
 *   const job = (await response.json()) as { id: string }
 *   return { operation: job.id }
 * }
 * ```
 */
export async function errorFromResponse(
  response: Response,
  options: ErrorFromResponseOptions,
): Promise<SoraPipelineError> {
  checkResponse(response)
  checkOptions('errorFromResponse', options, RULES)
  const { what, isSubmission = false, secrets = [] } = options
  const { status, headers } = response
  const url = options.url ?? response.url
  // An authorization is masked with its scheme and without.
  const mask = maskOf([...secrets, ...schemedSecrets(secrets)])
  const text = await bodyOf(response, { ...options, url, mask })
  if (!response.ok) return answerError({ what, url, status, headers, text, mask, isSubmission })
  const bodyExcerpt = excerptOf(text, mask)
  const said = bodyExcerpt && `, ${bodyExcerpt}`
  const message = `Could not ${what}: ${hostOf(url)} answered ${status} with unexpected content${said}`
  return new UpstreamResponseError(message, {
    status,
    url: mask(url),
    bodyExcerpt,
    requestId: requestIdFrom(headers, mask),
  })
}

function checkResponse(response: unknown): void {
  const { status, headers } = Object(response)
  if (typeof status === 'number' && typeof Object(headers).get === 'function') return
  throwProblems('errorFromResponse', [optionProblem('response', response, 'give a Response of fetch')])
}

async function bodyOf(
  response: Response,
  { what, url, mask, timeoutMs = 10_000, signal = new AbortController().signal }: BodyOptions,
): Promise<string> {
  const error = () => timeoutFailure({ what, url, mask }, timeoutMs)
  try {
    const read = (limited: AbortSignal) => readBodyText(response, MAX_BYTES, limited)
    return (await withTimeLimit({ timeoutMs, signal, error }, read)).text
  } catch {
    return '' // It was read before, broke off, or took too long: the status is enough.
  }
}

interface BodyOptions extends ErrorFromResponseOptions {
  readonly url: string
  readonly mask: Mask
}
