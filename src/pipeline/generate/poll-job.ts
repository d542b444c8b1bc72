import { flawOfStatus } from '../../calling/result-flaws.js'
import { pollTask } from '../../calling/tasks.js'
import { unusableResult } from '../../calling/unusable-result.js'
import { toErrorJson } from '../../contracts/errors.js'
import type { Generator, TaskStatus } from '../../contracts/generator.js'
import type { PollReading } from '../../contracts/poll-schedule.js'
import { fieldOf } from '../../contracts/thrown-value.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { isRatio } from '../progress-gauge.js'
import { type RunSession, warn } from '../run-session.js'
import { contextOf, type StageWork, warnOfProgress } from '../stage-work.js'
import { type AcceptedSubmission, answered, missed } from '../state/submission.js'
import { jobCall } from '../tracing/job-trace.js'
import { isPassingPoll, isRefusedPoll, pollFailureOf } from './poll-failure.js'
import type { SweptJob } from './swept-job.js'

// A poll that hangs is a missed poll, also if the generator has no time limit.
const POLL_TIMEOUT_MS = 30_000
// A new job may not be listed yet.
const NOT_FOUND_GRACE_MS = 60_000
// A permanent failure (a vanished job) must occur this often in a row, because gateways hiccup.
const LASTING_MISSES = 3
// A deploy of a gateway answers 404 for some seconds, in which several polls near the end of a job may fall.
const LASTING_PAUSE_MS = 10_000
// The wait has its own bound; an infinite factor would make it NaN with a schedule of 0.
const MOST_DOUBLINGS = 16

/** The result of a poll. After a missed poll the job counts as running. */
export type PollOutcome = {
  readonly status: TaskStatus
  readonly job: AcceptedSubmission
  readonly roundTripMs: number
  /** Factor that delays the next poll against the schedule. */
  readonly slowdown?: number
}

/**
 * Polls a job once. A status that cannot be read and a bug of the generator are permanent failures: a few in a row end the wait,
 * because the deadline may be far away. A refused credential does not end it: it can be replaced until the deadline, and the
 * polls back off meanwhile. Rejects only when the job can no longer be polled.
 */
export async function pollJob(
  session: RunSession,
  poll: {
    readonly generator: Generator
    readonly job: AcceptedSubmission
    readonly work: StageWork
    readonly limitMs: number
    /** Whether this is the last poll: the wait ends unless the job has ended. */
    readonly isLast: boolean
  },
): Promise<PollOutcome> {
  const { generator, job, work } = poll
  const { clock } = session.config
  const { handle } = job
  const timeoutMs = Math.min(POLL_TIMEOUT_MS, poll.limitMs)
  const error = () => new NetworkError(`Could not poll ${generator.name}, no answer within: ${timeoutMs} ms`)
  const sweptAt = clock.monotonic()
  const swept = session.swept && (await sweptStatus(session, session.swept, poll))
  const startedAt = swept === undefined ? clock.monotonic() : sweptAt
  const read = (status?: TaskStatus): PollReading => ({
    atMs: session.time.now() - handle.startedAt,
    ...ratioOf(status),
  })
  let status: TaskStatus | undefined
  let failure: unknown
  try {
    status =
      swept ??
      (await withDeadline({ clock, signal: session.signal, timeoutMs, error }, (limit) =>
        jobCall(session, generator, () => pollTask(generator, handle.operation, contextOf(session, work, limit))),
      ))
    const flaw = flawOfStatus(status)
    if (flaw === undefined) {
      session.lastMiss = undefined
      return { status, job: answered(job, read(status)), roundTripMs: clock.monotonic() - startedAt }
    }
    failure = unusableResult(generator, 'poll', flaw)
  } catch (thrown) {
    session.signal.throwIfAborted()
    failure = pollFailureOf(generator, thrown)
  }
  session.lastMiss = { error: failure }
  const roundTripMs = clock.monotonic() - startedAt
  const isRefused = isRefusedPoll(failure)
  const isLasting = !isRefused && !mayPass(failure, session.time.now() - handle.startedAt)
  const after = missed(job, read(), isLasting)
  if (after.lastingMisses >= LASTING_MISSES || poll.isLast) {
    // A completed job with a flawed video ends the stage.
    if (fieldOf(status, 'state') === 'completed' && status) return { status, job: after, roundTripMs }
    if (!poll.isLast) throw failure
  }
  warnOfMiss(session, { generator, job, failure, code: isRefused ? 'poll-refused' : 'poll-missed' })
  const slowdown = isRefused ? 2 ** Math.min(job.misses, MOST_DOUBLINGS) : 1
  const pauseMs = isLasting ? LASTING_PAUSE_MS : 0
  const pollAfterMs = Math.max(pauseMs, retryAfterMsOf(failure) ?? 0)
  return { status: { state: 'running', pollAfterMs }, job: after, roundTripMs, slowdown }
}

// Near the deadline a job is polled alone, because a sweep may take as long as a poll.
async function sweptStatus(
  session: RunSession,
  swept: SweptJob,
  poll: { readonly generator: Generator; readonly job: AcceptedSubmission; readonly limitMs: number },
): Promise<TaskStatus | undefined> {
  const { id: runId, config, signal, isResident } = session
  const { clock, sweeps } = config
  const { generator, job, limitMs } = poll
  const mayWait = isResident && limitMs > 2 * POLL_TIMEOUT_MS && !swept.isOverdue(clock.monotonic())
  const { operation, startedAt } = job.handle
  const status = mayWait ? await sweeps.join({ generator, operation, runId, startedAt, signal }) : undefined
  if (status === undefined) swept.polled(clock.monotonic())
  return status
}

// Once for each series of misses; a refused credential also within a series, because only a person can replace it.
function warnOfMiss(
  session: RunSession,
  miss: {
    readonly generator: Generator
    readonly job: AcceptedSubmission
    readonly failure: unknown
    readonly code: 'poll-refused' | 'poll-missed'
  },
): void {
  const { generator, job } = miss
  const isKnown = session.state.warnings.some(({ code }) => code === miss.code)
  if (job.misses > 0 && (isKnown || miss.code === 'poll-missed')) return
  const { code, message } = toErrorJson(miss.failure)
  warn(session, { code: miss.code, message: `${message} (${code})` }, 'generate', generator.name)
}

/** The ratio of a status as a reading; empty if the upstream gave none. */
export function ratioOf(status: TaskStatus | undefined): { readonly ratio?: number } {
  const ratio = status !== undefined && 'ratio' in status ? status.ratio : undefined
  return isRatio(ratio) ? { ratio } : {}
}

/** The minimum wait before the next poll of a status, in milliseconds; 0 without one, and with a warning for an invalid one. */
export function readPollAfterMs(session: RunSession, work: StageWork, value: unknown): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value
  warnOfProgress(session, work, { field: 'pollAfterMs', value, fix: 'give milliseconds from 0' })
  return 0
}

function mayPass(error: unknown, ageMs: number): boolean {
  return isPassingPoll(error) || (fieldOf(error, 'status') === 404 && ageMs < NOT_FOUND_GRACE_MS)
}
