import { SubmissionUnknownError } from '../contracts/run-errors.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'

// Errors of submissions that were accepted with an answer that cannot be read.
const unreadable = new WeakSet<object>()

/**
 * The error of a strategy that resolved with what its contract does not have. A repetition would not change it, and what was made is
 * made: it is not retryable.
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

/** The same for a submission: it was accepted, so that to submit again, here or elsewhere, would pay twice. */
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
 * Whether an error is about what a generator made of an accepted submission. No inquiry helps then: the same code would read the
 * answer again.
 */
export function isUnreadableSubmission(error: unknown): boolean {
  return typeof error === 'object' && error !== null && unreadable.has(error)
}
