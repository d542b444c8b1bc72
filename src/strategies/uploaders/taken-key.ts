import { isSoraPipelineError } from '../../contracts/errors.js'
import { errorStatusOf } from '../../contracts/submission.js'
import { causeChainOf, errorNamesOf, fieldOf } from '../../contracts/thrown-value.js'

const PRECONDITION_FAILED = 412
// Supabase and Vercel answer 400, and the file system has no status.
const DOUBTFUL = [undefined, 400, 409]
const EXISTS = /already.?exists|duplicate|\bEEXIST\b/i
const LEASE = /lease/i

/**
 * Whether what a client of the caller's own threw means that there is something under the key: 412, the answer to a condition, unless it
 * is about a lease, and otherwise a code or a message of the known clients.
 */
export function isTakenKey(thrown: unknown): boolean {
  if (isSoraPipelineError(thrown)) return false
  const status = errorStatusOf(thrown)
  const chain = causeChainOf(thrown)
  const words = chain.flatMap((link) => [...errorNamesOf(link), fieldOf(link, 'code'), fieldOf(link, 'message')])
  const text = words.filter((word) => typeof word === 'string').join(' ')
  return status === PRECONDITION_FAILED ? !LEASE.test(text) : DOUBTFUL.includes(status) && EXISTS.test(text)
}
