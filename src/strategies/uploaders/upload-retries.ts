import { isSoraPipelineError } from '../../contracts/errors.js'
import type { StageContext } from '../../contracts/stage.js'
import { type RetryPlan, retry } from '../../timing/retry.js'
import { isSourceFailure } from './streamed-video.js'

/** Repeats a call that failed in a way that passes, and gives what it gives at last. */
export type Retrying = <T>(call: () => Promise<T>) => Promise<T>

/**
 * Repeats requests of an upload. A source that broke is not among the reasons: it was resumed often enough by then.
 * @param maxAttempts - How often to call in all, from 1.
 */
export function uploadRetries(
  maxAttempts: number,
  { clock, signal }: Pick<StageContext, 'clock' | 'signal'>,
): Retrying {
  const plan: RetryPlan = {
    retries: maxAttempts - 1,
    minDelayMs: 1_000,
    maxDelayMs: 32_000,
    maxRetryAfterMs: 60_000,
    random: Math.random,
    shouldRetry: (error) =>
      !signal.aborted && isSoraPipelineError(error) && error.isRetryable && !isSourceFailure(error),
  }
  return (call) => retry(call, plan, { clock, signal })
}
