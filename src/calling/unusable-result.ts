import { SubmissionUnknownError } from '../contracts/run-errors.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'

// Errors of accepted submissions whose response cannot be read.
const unreadable = new WeakSet<object>()

/**
 * The error of a strategy whose result breaks its contract. It is not retryable: a retry would give the same, and the effect has
 * happened.
 */
export function unusableResult(
  strategy: { readonly name: string },
  method: string,
  flaw: string,
): UpstreamResponseError {
  const { name } = strategy
  const message = `Could not use the result of ${method}() of ${name}: ${flaw}`
  return new UpstreamResponseError(message, { strategy: name, isRetryable: false })
}

/** The same for a submission: it was accepted, so submitting again, here or elsewhere, would pay twice. */
export function unreadableSubmission(
  generator: { readonly name: string },
  method: 'start' | 'generate',
  flaw: string,
): SubmissionUnknownError {
  const cause = unusableResult(generator, method, flaw)
  const error = new SubmissionUnknownError(cause.message, { cause, strategy: generator.name })
  unreadable.add(error)
  return error
}

/**
 * Whether an error is about the result of a generator for an accepted submission. A lookup does not help then: the same code
 * would read the response again.
 */
export function isUnreadableSubmission(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unreadable.has(error)
}
