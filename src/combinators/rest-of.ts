import { isSoraPipelineError } from '../contracts/errors.js'
import { AuthenticationError, QuotaExceededError } from '../contracts/upstream-errors.js'
import { retryAfterMsOf } from '../timing/retry.js'
import type { Rest } from './waiting-line.js'

const REST_MS = 30_000
const REFUSED_REST_MS = 300_000

/** How long a failure suspends a strategy; `undefined` for a failure that another strategy would have as well. */
export function restOf(error: unknown, { name }: { readonly name: string }): Rest | undefined {
  if (!isSoraPipelineError(error)) return undefined
  const { code, message } = error
  const text = `Could not use ${name}, it was refused recently: ${message}`
  switch (code) {
    case 'rate-limited':
    case 'overloaded':
      return { ms: retryAfterMsOf(error) ?? REST_MS, isForAll: true }
    case 'circuit-open':
      return { ms: retryAfterMsOf(error) ?? REST_MS }
    case 'authentication':
      return { ms: REFUSED_REST_MS, refusal: () => new AuthenticationError(text, { strategy: name }) }
    case 'quota-exceeded':
      return { ms: REFUSED_REST_MS, refusal: () => new QuotaExceededError(text, { strategy: name }) }
    default:
      return undefined
  }
}
