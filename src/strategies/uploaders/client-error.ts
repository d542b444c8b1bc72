import { describeValue, isSoraPipelineError, type SoraPipelineError } from '../../contracts/errors.js'
import { foreignText } from '../../contracts/foreign-error.js'
import { networkCodeOf, provesNeverSent } from '../../contracts/network-code.js'
import { requestIdOf } from '../../contracts/request-id.js'
import { errorStatusOf } from '../../contracts/submission.js'
import { causeChainOf, errorNamesOf, fieldOf, isErrorObject } from '../../contracts/thrown-value.js'
import {
  AuthenticationError,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  UpstreamHttpError,
  UpstreamResponseError,
} from '../../contracts/upstream-errors.js'
import { excerptOf } from '../../upstream/error-details.js'
import { maskOf } from '../../upstream/secret.js'

/**
 * The library's error of what a client of the caller's own threw: by its HTTP status, or by its code of the network. Only an error that
 * has neither is not retryable. An error of the library is given back unchanged.
 * @param call - What was called, such as `put of blob`.
 */
export function clientError(thrown: unknown, call: string): SoraPipelineError {
  if (isSoraPipelineError(thrown)) return thrown
  const said = isErrorObject(thrown) ? excerptOf(foreignText(String(fieldOf(thrown, 'message') ?? '')), maskOf([])) : ''
  const kind = isErrorObject(thrown) ? (errorNamesOf(thrown)[0] ?? 'Error') : describeValue(thrown)
  const message = `Could not upload the video: ${call} threw ${kind}${said && `, ${said}`}`
  const status = errorStatusOf(thrown)
  const isRetryable = status === CONFLICT && isPassing(thrown)
  const options = { cause: thrown, status, requestId: requestIdOf(thrown), ...(isRetryable && { isRetryable }) }
  if (status !== undefined && status >= 400) return statusError(status, message, options)
  const isNetwork = networkCodeOf(thrown) !== undefined || errorNamesOf(thrown).some((name) => name === 'TimeoutError')
  if (isNetwork) return new NetworkError(message, { cause: thrown, isRefusal: provesNeverSent(thrown) })
  return new UpstreamResponseError(message, { cause: thrown, isRetryable: false })
}

const CONFLICT = 409
// Another request for the key is under way.
const PASSING: ReadonlySet<unknown> = new Set(['ConditionalRequestConflict', 'OperationAborted'])

function isPassing(thrown: unknown): boolean {
  return causeChainOf(thrown).some((link) => PASSING.has(fieldOf(link, 'name')) || PASSING.has(fieldOf(link, 'code')))
}

function statusError(status: number, message: string, options: ConstructorParameters<typeof AuthenticationError>[1]) {
  if (status === 401 || status === 403) return new AuthenticationError(message, options)
  if (status === 402 || status === 413 || status === 507) return new QuotaExceededError(message, options)
  if (status === 429) return new RateLimitError(message, options)
  if (status === 503 || status === 529) return new OverloadedError(message, options)
  return new UpstreamHttpError(message, { ...options, status })
}
