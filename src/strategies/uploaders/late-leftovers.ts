import type { Clock } from '../../contracts/clock.js'
import { isSoraPipelineError } from '../../contracts/errors.js'

const LONGEST_MS = 15_000
const ABSENT_MS = 8_000
const STEP_MS = 1_000
// A lock of the request that has failed ends within seconds.
const SOON_MS = 5_000

/**
 * Removes what a cut request may still make: a server may apply it seconds after its client has left. Tries once a second until it was
 * seen removed or has been missing for 8 s, for at most 15 s.
 * @throws the last failure when neither came about, and at once one that is not retryable, such as a missing permission.
 */
export async function removeLate(clock: Clock, remove: () => Promise<'removed' | 'missing'>): Promise<void> {
  const endsAt = clock.monotonic() + LONGEST_MS
  let missingSince: number | undefined
  for (;;) {
    let failure: unknown
    try {
      if ((await remove()) === 'removed') return
      missingSince ??= clock.monotonic()
      if (clock.monotonic() - missingSince >= ABSENT_MS) return
    } catch (error) {
      if (isSoraPipelineError(error) && !error.isRetryable) throw error
      failure = error
      missingSince = undefined
    }
    if (clock.monotonic() + STEP_MS > endsAt) {
      if (failure === undefined) return
      throw failure
    }
    await clock.sleep(STEP_MS)
  }
}

/**
 * Removes what a failed request has left. A removal that fails in a way that passes, such as with 423 while the server still holds the
 * file of the request, is repeated once a second, for 5 s.
 * @throws the last failure.
 */
export async function removeSoon<T>(clock: Clock, remove: () => Promise<T>): Promise<T> {
  const endsAt = clock.monotonic() + SOON_MS
  for (;;) {
    try {
      return await remove()
    } catch (error) {
      const isFinal = !isSoraPipelineError(error) || !error.isRetryable
      if (isFinal || clock.monotonic() + STEP_MS > endsAt) throw error
      await clock.sleep(STEP_MS)
    }
  }
}
