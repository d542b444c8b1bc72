import { toErrorJson } from '../../contracts/errors.js'
import type { UpstreamState } from '../../contracts/events.js'
import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { CancelOutcome, TaskGenerator, TaskStatus } from '../../contracts/generator.js'
import { jsonCopy } from '../../contracts/is-json.js'
import type { StageContext } from '../../contracts/stage.js'
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

type JobState = UpstreamState['state']

const STATES: Readonly<Record<CancelOutcome, JobState>> = {
  cancelled: 'cancelled',
  'too-late': 'finished',
  unsupported: 'running',
}
const POLLED: Readonly<Record<TaskStatus['state'], JobState>> = {
  queued: 'running',
  running: 'running',
  completed: 'finished',
  failed: 'failed',
}

/**
 * Cancels a job, and returns its state at the upstream. A failure that may pass, such as a 500 to the poll before the
 * cancellation, is retried up to six times within a minute: the job costs money while it runs. If every try fails, one poll
 * shows what became of the job, and a job that may still be running gives a warning with the failure. Does not keep the process alive. Rejects with the last failure if the poll fails as well.
 */
export async function cancelJob(
  session: RunSession,
  generator: TaskGenerator,
  { handle, work }: { readonly handle: GenerationHandle; readonly work: StageWork },
): Promise<JobState> {
  const clock = backgroundOf(session.config.clock)
  const startedAt = clock.monotonic()
  const { name: strategy, upstream } = generator
  const place = { stage: 'generate', strategy, ...(upstream !== undefined && { upstream }) } as const
  const error = () => new NetworkError(`Could not cancel the job, no answer within: ${TIMEOUT_MS} ms`)
  const limited = <T>(call: (context: StageContext) => Promise<T> | undefined) =>
    withDeadline({ clock, timeoutMs: TIMEOUT_MS, error }, async (limit) => call(contextOf(session, work, limit)))
  const once = () =>
    tracedCleanup(session, { action: 'cancel', ...place, handle }, () =>
      limited((context) => generator.cancel?.(jsonCopy(handle.operation), context)),
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
    // An outcome outside the contract counts as unknown.
    if (failed === undefined || outcome !== 'unsupported') return STATES[outcome ?? 'unsupported'] ?? 'unknown'
    break
  }
  const poll = () => limited((context) => generator.poll(jsonCopy(handle.operation), context))
  const state = await poll().then(
    (status) => status && POLLED[status.state],
    () => undefined,
  )
  if (failed !== undefined && state !== 'finished' && state !== 'failed') {
    const { message } = toErrorJson(failed.error)
    const warning = { code: 'cancel-failed', message: `${message}; the job may still be running` }
    contextOf(session, work, { signal: session.signal }).warn?.(warning)
  }
  if (state !== undefined) return state
  throw failed?.error
}
