import { isSoraPipelineError } from '../contracts/errors.js'
import { RunStateError } from '../contracts/run-errors.js'

/** The code of a failed system call, such as `ENOSPC`; `undefined` for any other value. */
export function codeOfFailure(error: unknown): string | undefined {
  const { code } = Object(error)
  return typeof code === 'string' ? code : undefined
}

/**
 * Runs a store operation, and reports on failure what could not be done.
 * @throws RunStateError, retryable, when the operation fails with any error but one of this library.
 */
export async function asStateFailure<T>(
  task: { readonly verb: string; readonly subject: string; readonly place: string },
  work: () => Promise<T> | T,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isSoraPipelineError(error)) throw error
    const { verb, subject, place } = task
    const reason = `${reasonOf(error)} at ${place}`
    const message = `Could not ${verb}, ${reason}: ${subject}`
    // The store is unavailable, which may be temporary; a broken state is reported by an error that is not retryable.
    throw new RunStateError(message, { cause: error, isRetryable: true, reason })
  }
}

// A database has its own message; the message of a system call would repeat the path.
function reasonOf(error: unknown): string {
  const { errstr, message } = Object(error)
  return String(errstr ?? codeOfFailure(error) ?? message)
}
