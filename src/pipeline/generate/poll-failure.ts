import { isOfOtherRun, strategyErrorOf } from '../../calling/error-of-other-run.js'
import { isSoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import type { Generator } from '../../contracts/generator.js'
import { requestIdOf } from '../../contracts/request-id.js'
import { bugNameOf, errorStatusOf } from '../../contracts/submission.js'
import { fieldOf } from '../../contracts/thrown-value.js'
import { isRetryableStatus, UpstreamHttpError, UpstreamResponseError } from '../../contracts/upstream-errors.js'

const TEMPORARY_REDIRECTS: ReadonlySet<number> = new Set([302, 303, 307])
const REFUSED: ReadonlySet<number> = new Set([401, 402, 403])
// About a proxy on the way (407, 421), or about the moment (409, 423, 424).
const NOT_OF_THE_JOB: ReadonlySet<number> = new Set([407, 409, 421, 423, 424])
// The server has no such poll, and will not have one at the next.
const UNSUPPORTED: ReadonlySet<number> = new Set([501, 505])

/**
 * The error of a poll, as an error of the library if it is permanent: a bug of the generator, or a status that its client
 * reports. Any other error may be a connection failure.
 */
export function pollFailureOf(generator: Generator, thrown: unknown): unknown {
  if (isOfOtherRun(thrown)) return strategyErrorOf(generator, thrown)
  if (isSoraPipelineError(thrown)) return thrown
  const status = errorStatusOf(thrown)
  const isLasting = status === undefined ? isBug(thrown) : status >= 400 && !isRetryableStatus(status)
  if (!isLasting) return thrown
  const { name, message } = toErrorJson(thrown)
  const text = `Could not poll the job, poll() of ${generator.name} threw ${name}: ${message}`
  const options = { cause: thrown, isRetryable: false, requestId: requestIdOf(thrown) }
  return status === undefined
    ? new UpstreamResponseError(text, options)
    : new UpstreamHttpError(text, { ...options, status })
}

/** Whether the same call may succeed later. */
export function isPassingFailure(error: unknown): boolean {
  return !isSoraPipelineError(error) || error.isRetryable || error.code === 'network' || isTemporaryRedirect(error)
}

// To a page of maintenance or of a sign-in, with which a gateway answers every request for a while.
function isTemporaryRedirect(error: unknown): boolean {
  return TEMPORARY_REDIRECTS.has(Number(fieldOf(error, 'status')))
}

/**
 * Whether the next poll may succeed: the paid job continues at the upstream during a connection failure, and while a server in
 * front of it answers with a status of its own.
 */
export function isPassingPoll(error: unknown): boolean {
  if (isPassingFailure(error)) return true
  return fieldOf(error, 'code') === 'upstream-http' && isOfTheWay(Number(fieldOf(error, 'status')))
}

/** Whether the upstream refuses the credential, such as while a key is rotated, or its account is empty. */
export function isRefusedPoll(error: unknown): boolean {
  if (!isSoraPipelineError(error)) return false
  if (error.code === 'authentication' || error.code === 'quota-exceeded') return true
  return error.code === 'upstream-http' && 'status' in error && REFUSED.has(Number(error.status))
}

function isOfTheWay(status: number): boolean {
  return NOT_OF_THE_JOB.has(status) || (status >= 500 && !UNSUPPORTED.has(status))
}

// Not a SyntaxError: a parser throws it for HTML or a truncated response, which costs one poll.
function isBug(error: unknown): boolean {
  const name = bugNameOf(error)
  return name !== undefined && name !== 'SyntaxError'
}
