import pRetry from 'p-retry'
import type { Clock } from '../contracts/clock.js'
import { fieldOf } from '../contracts/thrown-value.js'

/** Number of retries and the delays between them. */
export interface RetryPlan {
  /** Number of retries after the first failure. */
  readonly retries: number
  /** Upper bound of the first delay, in milliseconds. */
  readonly minDelayMs: number
  /** Upper bound of every delay, in milliseconds. */
  readonly maxDelayMs: number
  /** Longest requested wait that is retried, in milliseconds. */
  readonly maxRetryAfterMs: number
  /** Returns 0 up to, but not including, 1. */
  readonly random: () => number
  readonly shouldRetry: (error: unknown) => boolean
}

/** Calls until it succeeds, with full jitter between the calls. Rejects with the last error, or with `signal.reason`. */
export async function retry<T>(
  call: () => Promise<T>,
  plan: RetryPlan,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<T> {
  const guarded = async () => {
    try {
      return await call()
    } catch (error) {
      throw new Failure(error)
    }
  }
  try {
    return await pRetry(guarded, {
      retries: plan.retries,
      minTimeout: 0,
      signal,
      shouldRetry: async ({ error, attemptNumber }) => {
        const delayMs = retryDelayMs((error as Failure).reason, attemptNumber, plan)
        if (delayMs === undefined) return false
        await clock.sleep(delayMs, { signal })
        return true
      },
    })
  } catch (error) {
    throw error instanceof Failure ? error.reason : error
  }
}

/**
 * How long to wait after the nth failure (from 1), in milliseconds; `undefined` without a retry. The wait that the upstream
 * requests is a lower bound, and the jitter comes on top, so that many clients do not retry at the same time.
 */
export function retryDelayMs(error: unknown, failures: number, plan: RetryPlan): number | undefined {
  if (failures > plan.retries || !plan.shouldRetry(error)) return undefined
  const jitterMs = Math.round(plan.random() * Math.min(plan.maxDelayMs, plan.minDelayMs * 2 ** (failures - 1)))
  const askedMs = retryAfterMsOf(error) ?? 0
  return askedMs > plan.maxRetryAfterMs ? undefined : askedMs + jitterMs
}

/** The wait that an error requests, in milliseconds. */
export function retryAfterMsOf(error: unknown): number | undefined {
  const askedMs = fieldOf(error, 'retryAfterMs')
  return typeof askedMs === 'number' && askedMs >= 0 && Number.isFinite(askedMs) ? askedMs : undefined
}

// p-retry does not retry errors that look like bugs, and wraps values that are not errors. This wrapper hides both.
class Failure extends Error {
  readonly reason: unknown
  constructor(reason: unknown) {
    super('attempt failed')
    this.reason = reason
  }
}
