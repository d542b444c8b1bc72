import { isSoraPipelineError } from '../contracts/errors.js'
import { AuthenticationError, NetworkError } from '../contracts/upstream-errors.js'
import { withTimeLimit } from './time-limit.js'

// A token service that is retried answers within it; a function that never settles would hold a run until its deadline.
const LONGEST_WAIT_MS = 30_000

/** What a function of the caller's own is called for. */
export interface AskedValue {
  /** Such as `the credential of my-api`. */
  readonly what: string
  /** `its function`, or `their function` of several. */
  readonly function: 'its function' | 'their function'
}

/**
 * The value of a function that gives a credential. It has 30 seconds.
 * @throws AuthenticationError when the function throws; NetworkError, with `isRefusal`, when it does not settle in time.
 */
export async function askedValue<T>(asked: AskedValue, signal: AbortSignal, ask: () => T | Promise<T>): Promise<T> {
  const { what, function: name } = asked
  const error = () =>
    new NetworkError(`Could not get ${what}: ${name} did not settle within ${LONGEST_WAIT_MS} ms`, { isRefusal: true })
  try {
    return await withTimeLimit({ timeoutMs: LONGEST_WAIT_MS, signal, error }, async () => ask())
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    if (isSoraPipelineError(thrown)) throw thrown
    // Only its class is reported: its text and its fields may contain the secret.
    const kind = thrown instanceof Error ? thrown.name : typeof thrown
    throw new AuthenticationError(`Could not get ${what}: ${name} threw ${kind}`)
  }
}
