import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { CancelOutcome, TaskGenerator } from '../../contracts/generator.js'
import { jsonCopy } from '../../contracts/is-json.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { backgroundOf } from '../../timing/system-clock.js'
import type { RunSession } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import { tracedCleanup } from '../tracing/cleanup-trace.js'
import { isPassingFailure, pollFailureOf } from './poll-failure.js'

const TIMEOUT_MS = 30_000
const WAITS_MS = [250, 750, 2_000, 4_000, 8_000, 16_000]
const LONGEST_MS = 60_000

/**
 * Cancels a job. A failure that may pass, such as a 500 to the poll before the cancellation, is retried up to six times within a
 * minute: the job costs money while it runs. Does not keep the process alive. Rejects with the last failure.
 */
export async function cancelJob(
  session: RunSession,
  generator: TaskGenerator,
  { handle, work }: { readonly handle: GenerationHandle; readonly work: StageWork },
): Promise<CancelOutcome | undefined> {
  const clock = backgroundOf(session.config.clock)
  const startedAt = clock.monotonic()
  const { name: strategy, upstream } = generator
  const place = { stage: 'generate', strategy, ...(upstream !== undefined && { upstream }) } as const
  const error = () => new NetworkError(`Could not cancel the job, no answer within: ${TIMEOUT_MS} ms`)
  const once = () =>
    tracedCleanup(session, { action: 'cancel', ...place, handle }, () =>
      withDeadline({ clock, timeoutMs: TIMEOUT_MS, error }, async (limit) =>
        generator.cancel?.(jsonCopy(handle.operation), contextOf(session, work, limit)),
      ),
    )
  let failed: { readonly error: unknown } | undefined
  for (const waitMs of [...WAITS_MS, Number.POSITIVE_INFINITY]) {
    let outcome: CancelOutcome | undefined
    try {
      outcome = await once()
    } catch (error) {
      failed = { error }
      const pauseMs = Math.max(waitMs, retryAfterMsOf(error) ?? 0)
      const isOver = clock.monotonic() - startedAt + pauseMs > LONGEST_MS
      if (isOver || !isPassingFailure(pollFailureOf(generator, error))) break
      await clock.sleep(pauseMs)
      continue
    }
    // A server that no longer knows the job may have cancelled it although an earlier answer was lost.
    if (failed === undefined || outcome !== 'unsupported') return outcome
    break
  }
  throw failed?.error
}
