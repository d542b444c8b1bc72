import { InvalidRequestError } from '../../../src/contracts/input-errors.js'
import { HttpRefusal } from '../../../src/http/http-refusal.js'

/** The refusal that a promise rejects with, as `413 request_too_large`. */
export async function refusalOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof HttpRefusal) return `${error.status} ${error.code}`
    throw error
  }
  return 'taken'
}

/** The fields that a reading complains of; none when it takes the request. */
export async function wrongFields(read: () => unknown): Promise<readonly string[]> {
  try {
    await read()
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.problems.map(({ field }) => field)
    throw error
  }
  return []
}

/**
 * Whether something takes less than a time of the processor in one of three tries: what else the machine does, and the first
 * run of code that is not compiled yet, are not of interest.
 */
export function isDoneWithin(limitMs: number, action: () => unknown): boolean {
  return [1, 2, 3].some(() => {
    const start = process.cpuUsage()
    action()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000 < limitMs
  })
}
