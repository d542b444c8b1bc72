import { pollTask } from '../../calling/tasks.js'
import { isSoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import type { Generator, TaskStatus } from '../../contracts/generator.js'
import type { PollReading } from '../../contracts/poll-schedule.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { contextOf, type RunSession, type StageWork, warn } from '../run-session.js'
import { type AcceptedSubmission, answered, missed } from '../state/submission.js'

// A poll that hangs is a missed poll, whatever the generator does about it itself.
const POLL_TIMEOUT_MS = 30_000
// A job that was just accepted may not be listed yet.
const NOT_FOUND_GRACE_MS = 60_000
// A failure that does not pass by itself (a wrong key, a vanished job) must be seen this often in a row: gateways hiccup.
const LASTING_MISSES = 3

/** What a poll came to. A poll that was missed counts as a job that still runs. */
export type PollOutcome = {
  readonly status: TaskStatus
  readonly job: AcceptedSubmission
  readonly roundTripMs: number
}

/** Asks a generator once. Rejects only when the job cannot be asked for any more. */
export async function pollJob(
  session: RunSession,
  poll: {
    readonly generator: Generator
    readonly job: AcceptedSubmission
    readonly work: StageWork
    readonly limitMs: number
  },
): Promise<PollOutcome> {
  const { generator, job, work } = poll
  const { clock } = session.config
  const { handle } = job
  const timeoutMs = Math.min(POLL_TIMEOUT_MS, poll.limitMs)
  const error = () => new NetworkError(`Could not ask ${generator.name} for the job, no answer within: ${timeoutMs} ms`)
  const askedAt = clock.monotonic()
  const read = (status?: TaskStatus): PollReading => ({ atMs: clock.now() - handle.startedAt, ...ratioOf(status) })
  try {
    const status = await withDeadline({ clock, signal: session.signal, timeoutMs, error }, (signal) =>
      pollTask(generator, handle.operation, contextOf(session, work, signal)),
    )
    return { status, job: answered(job, read(status)), roundTripMs: clock.monotonic() - askedAt }
  } catch (failure) {
    session.signal.throwIfAborted()
    const after = missed(job, read(), !mayPass(failure, clock.now() - handle.startedAt))
    if (after.lastingMisses >= LASTING_MISSES) throw failure
    const { code, message } = toErrorJson(failure)
    if (job.misses === 0)
      warn(session, { code: 'poll-missed', message: `${message} (${code})` }, 'generate', generator.name)
    const status = { state: 'running', pollAfterMs: retryAfterMsOf(failure) } as const
    return { status, job: after, roundTripMs: clock.monotonic() - askedAt }
  }
}

/** The ratio of an answer as a reading has it; nothing where the upstream told none. */
export function ratioOf(status: TaskStatus | undefined): { readonly ratio?: number } {
  const ratio = status !== undefined && 'ratio' in status ? status.ratio : undefined
  return typeof ratio === 'number' ? { ratio } : {}
}

function mayPass(error: unknown, ageMs: number): boolean {
  // Whatever keeps the upstream from being reached: the job that was paid goes on there.
  if (!isSoraPipelineError(error) || error.isRetryable || error.code === 'network') return true
  return 'status' in error && error.status === 404 && ageMs < NOT_FOUND_GRACE_MS
}
