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
