import { RunStateError } from 'sora-pipeline'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { STORE_IS } from '../../contracts/run-errors.js'
import { printable } from '../printable.js'

/**
 * Makes a change in the store. One that fails with the store, such as by a time limit, may be made all the same, and the error reports
 * that.
 */
export async function changeInDoubt<T>(id: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change()
  } catch (error) {
    if (!isSoraPipelineError(error) || error.code !== 'run-state' || !error.isRetryable) throw error
    // A store refuses the write by this: it was not made.
    if (String(Object(error).reason).startsWith(`${STORE_IS}read-only`)) throw error
    const fix = 'it may have been made, run sora-pipeline runs show before you repeat it'
    const message = `Could not confirm the change (${reasonIn(error)}), ${fix}: ${printable(id)}`
    throw new RunStateError(message, { cause: error, isRetryable: true })
  }
}

// A time limit is only in the cause.
function reasonIn({ message, cause }: Error): string {
  return cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message
}
