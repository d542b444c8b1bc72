import { isSoraPipelineError } from '../contracts/errors.js'
import { RunStateError, STORE_IS } from '../contracts/run-errors.js'

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
    const reason = reasonOf(error, place)
    const message = `Could not ${verb}, ${reason}: ${subject}`
    // The store is unavailable, which may be temporary; a broken state is reported by an error that is not retryable.
    throw new RunStateError(message, { cause: error, isRetryable: true, reason })
  }
}

// Failures that last until a person has fixed them, with the fix: by the texts of SQLite and the codes of system calls.
const WRITABLE = ['read-only', 'let this user write the file and its directory'] as const
const ALLOWED = ['not accessible', 'let this user read and write it and its directory'] as const
const LASTING: Readonly<Record<string, readonly [state: string, fix: string]>> = {
  'attempt to write a readonly database': WRITABLE,
  'file is not a database': ['not a database of SQLite', 'give the path of one, or restore it from a backup'],
  'database disk image is malformed': ['damaged', 'restore it from a backup'],
  'unable to open database file': ALLOWED,
  EROFS: ['read-only', 'mount its disk for writing'],
  EACCES: ALLOWED,
  EPERM: ALLOWED,
  ENOTDIR: ['not a directory', 'give the path of one'],
}

// A database has its own message; the message of a system call would repeat the path.
function reasonOf(error: unknown, place: string): string {
  const { errstr, message } = Object(error)
  const reason = String(errstr ?? codeOfFailure(error) ?? message)
  const [state, fix] = (Object.hasOwn(LASTING, reason) ? LASTING[reason] : undefined) ?? []
  return state === undefined ? `${reason} at ${place}` : `${STORE_IS}${state} (${reason}) at ${place}; ${fix}`
}
