import { isOfOtherRun, strategyErrorOf } from '../../calling/error-of-other-run.js'
import { flawOfStatus } from '../../calling/result-flaws.js'
import { pollTask } from '../../calling/tasks.js'
import { unusableResult } from '../../calling/unusable-result.js'
import { isSoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import type { Generator, TaskStatus } from '../../contracts/generator.js'
import type { PollReading } from '../../contracts/poll-schedule.js'
import { requestIdOf } from '../../contracts/request-id.js'
import { bugNameOf, errorStatusOf } from '../../contracts/submission.js'
import { fieldOf } from '../../contracts/thrown-value.js'
import {
  isRetryableStatus,
  NetworkError,
  UpstreamHttpError,
  UpstreamResponseError,
} from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { isRatio } from '../progress-gauge.js'
import { type RunSession, warn } from '../run-session.js'
import { contextOf, type StageWork, warnOfProgress } from '../stage-work.js'
import { type AcceptedSubmission, answered, missed } from '../state/submission.js'

// A poll that hangs is a missed poll, whatever the generator does about it itself.
const POLL_TIMEOUT_MS = 30_000
// A job that was just accepted may not be listed yet.
const NOT_FOUND_GRACE_MS = 60_000
// A failure that does not pass by itself (a vanished job) must be seen this often in a row: gateways hiccup.
const LASTING_MISSES = 3
// The wait has a bound of its own; a factor without one would not be a number with a schedule of 0.
const MOST_DOUBLINGS = 16

/** What a poll came to. A poll that was missed counts as a job that still runs. */
export type PollOutcome = {
  readonly status: TaskStatus
  readonly job: AcceptedSubmission
  readonly roundTripMs: number
  /** By how much the next poll waits longer than the schedule has it. */
  readonly slowdown?: number
}

/**
 * Polls a job once. A status that cannot be read and a bug of the generator's own code are misses that last: a few of them in a row
 * end the wait, for the job is paid and the deadline may be far. A refused credential does not: it can be replaced until the deadline,
 * and the polls back off meanwhile. Rejects only when the job cannot be polled any more.
 */
export async function pollJob(
  session: RunSession,
  poll: {
    readonly generator: Generator
    readonly job: AcceptedSubmission
    readonly work: StageWork
    readonly limitMs: number
    /** Whether the job is given up unless this poll brings its end. */
    readonly isLast: boolean
  },
): Promise<PollOutcome> {
  const { generator, job, work } = poll
  const { clock } = session.config
  const { handle } = job
  const timeoutMs = Math.min(POLL_TIMEOUT_MS, poll.limitMs)
  const error = () => new NetworkError(`Could not ask ${generator.name} for the job, no answer within: ${timeoutMs} ms`)
  const askedAt = clock.monotonic()
  const read = (status?: TaskStatus): PollReading => ({
    atMs: session.time.now() - handle.startedAt,
    ...ratioOf(status),
  })
  let status: TaskStatus | undefined
  let failure: unknown
  try {
    status = await withDeadline({ clock, signal: session.signal, timeoutMs, error }, (signal) =>
      pollTask(generator, handle.operation, contextOf(session, work, signal)),
    )
    const flaw = flawOfStatus(status)
    if (flaw === undefined) {
      delete session.lastMiss
      return { status, job: answered(job, read(status)), roundTripMs: clock.monotonic() - askedAt }
    }
    failure = unusableResult(generator, 'poll', flaw)
  } catch (thrown) {
    session.signal.throwIfAborted()
    failure = typed(generator, thrown)
  }
  session.lastMiss = { error: failure }
  const roundTripMs = clock.monotonic() - askedAt
  const isRefused = isRefusal(failure)
  const isLasting = !isRefused && !mayPass(failure, session.time.now() - handle.startedAt)
  const after = missed(job, read(), isLasting)
  if (after.lastingMisses >= LASTING_MISSES || poll.isLast) {
    // That of a finished job, whose video has a flaw: it ends the stage as such.
    if (fieldOf(status, 'state') === 'completed' && status) return { status, job: after, roundTripMs }
    if (!poll.isLast) throw failure
  }
  warnOfMiss(session, { generator, job, failure, code: isRefused ? 'poll-refused' : 'poll-missed' })
  const slowdown = isRefused ? 2 ** Math.min(job.misses, MOST_DOUBLINGS) : 1
  return { status: { state: 'running', pollAfterMs: retryAfterMsOf(failure) }, job: after, roundTripMs, slowdown }
}

// Once for each row of misses; a refused credential also in the middle of one, for only a person can replace it.
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

// The upstream refuses the credential, as it does while a key is rotated; the job that was paid is not affected.
function isRefusal(error: unknown): boolean {
  if (!isSoraPipelineError(error)) return false
  if (error.code === 'authentication') return true
  return error.code === 'upstream-http' && 'status' in error && (error.status === 401 || error.status === 403)
}

/** The ratio of an answer as a reading has it; nothing where the upstream gave none. */
export function ratioOf(status: TaskStatus | undefined): { readonly ratio?: number } {
  const ratio = status !== undefined && 'ratio' in status ? status.ratio : undefined
  return isRatio(ratio) ? { ratio } : {}
}

/** The lower bound for the next poll that a status gives, in milliseconds; 0 without one, and with a warning for nonsense. */
export function readPollAfterMs(session: RunSession, work: StageWork, value: unknown): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value
  warnOfProgress(session, work, { field: 'pollAfterMs', value, fix: 'give milliseconds from 0' })
  return 0
}

// What a poll threw, as an error of the library where it cannot pass by itself: a bug of the generator's own code, and a status that a
// client of its own reports. Anything else may be what keeps the upstream from being reached.
function typed(generator: Generator, thrown: unknown): unknown {
  if (isOfOtherRun(thrown)) return strategyErrorOf(generator, thrown)
  if (isSoraPipelineError(thrown)) return thrown
  const status = errorStatusOf(thrown)
  const isLasting = status === undefined ? isBug(thrown) : status >= 400 && !isRetryableStatus(status)
  if (!isLasting) return thrown
  const { name, message } = toErrorJson(thrown)
  const text = `Could not poll the job, poll() of ${generator.name} threw ${name}: ${message}`
  const options = { cause: thrown, isRetryable: false, requestId: requestIdOf(thrown) }
  return status === undefined
    ? new UpstreamResponseError(text, options)
    : new UpstreamHttpError(text, { ...options, status })
}

// Not a SyntaxError: a parser throws it for a page or half an answer, which costs one poll.
function isBug(error: unknown): boolean {
  const name = bugNameOf(error)
  return name !== undefined && name !== 'SyntaxError'
}

function mayPass(error: unknown, ageMs: number): boolean {
  // Whatever keeps the upstream from being reached: the job that was paid goes on there.
  if (!isSoraPipelineError(error) || error.isRetryable || error.code === 'network') return true
  return 'status' in error && error.status === 404 && ageMs < NOT_FOUND_GRACE_MS
}
