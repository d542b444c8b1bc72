import { toErrorJson } from '../../contracts/errors.js'
import type { CancelOutcome } from '../../contracts/generator.js'
import type { RunSession } from '../run-session.js'
import { openTrace } from './trace.js'
import type { CleanupTrace } from './trace-messages.js'

const OUTCOMES: readonly unknown[] = ['cancelled', 'too-late', 'unsupported'] satisfies CancelOutcome[]

/** Cancels a job or removes a post in the async context of that call. */
export async function tracedCleanup<T>(
  { id, config: { clock } }: RunSession,
  about: Pick<CleanupTrace, 'action' | 'stage' | 'strategy' | 'upstream' | 'handle'>,
  call: () => Promise<T>,
): Promise<T> {
  const trace = openTrace<CleanupTrace>('cleanup', () => ({ runId: id, ...about }))
  if (trace === undefined) return call()
  const startedAt = clock.monotonic()
  const end = (outcome: Pick<CleanupTrace, 'outcome' | 'error'>) =>
    trace.end({ ...outcome, durationMs: Math.round(clock.monotonic() - startedAt) })
  try {
    const output = await trace.within(call)
    end(OUTCOMES.includes(output) ? { outcome: output as CancelOutcome } : {})
    return output
  } catch (error) {
    end({ error: toErrorJson(error) })
    throw error
  }
}
