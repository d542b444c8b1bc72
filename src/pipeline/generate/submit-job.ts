import { strategyErrorOf } from '../../calling/error-of-other-run.js'
import { startTask } from '../../calling/tasks.js'
import { callbackUrlFlaw } from '../../contracts/callback-url.js'
import { describeValue, toErrorJson } from '../../contracts/errors.js'
import type { Generator, StartedTask } from '../../contracts/generator.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import { sha256Of } from '../../contracts/sha256.js'
import { mayHaveBeenAccepted } from '../../contracts/submission.js'
import { raceAbort, withDeadline } from '../../timing/deadline.js'
import { isFenced } from '../journal/store-calls.js'
import { overtaken, type RunSession, remainingMs } from '../run-session.js'
import { contextOf, type StageWork } from '../stage-work.js'
import {
  placed,
  type ReadySubmission,
  type SendingSubmission,
  sending,
  type UnknownSubmission,
} from '../state/submission.js'
import { jobCall } from '../tracing/job-trace.js'
import { tooLate, tooLateToSubmit } from './generate-failure.js'
import { hearLateAnswer } from './late-answer.js'
import { type PreparedRequest, prepareRequest } from './prepare-request.js'
import type { SubmissionPlace } from './submission-lines.js'
import { honoursKeys } from './submission-support.js'

/** Outcome of a submission. `unsent`: this process noticed in time that it no longer holds the run. */
export type SubmitOutcome = { readonly durationMs: number; readonly sent: SendingSubmission } & (
  | { readonly kind: 'accepted'; readonly started: StartedTask }
  | { readonly kind: 'refused' | 'unknown'; readonly error: unknown }
  | { readonly kind: 'unsent' }
)

const NO_PLACE: SubmissionPlace = { leave() {} }

/** What is to be submitted. */
interface Job {
  readonly generator: Generator
  readonly submission: ReadySubmission | UnknownSubmission
  readonly work: StageWork
  readonly limitMs: number
}

/**
 * Waits for its turn at the upstream, saves the intent and sends the submission once. Rejects only with an error that ends the
 * run: an abort, a deadline that passes before the send, a store that is down before it, a takeover by another process.
 */
export async function submitJob(session: RunSession, job: Job): Promise<SubmitOutcome> {
  const { generator } = job
  const { clock, deadlines } = session.config
  const callbackUrl = callbackUrlOf(session)
  // Reads and fetches the media first, so that a failure leaves no intent.
  const preparedAt = clock.monotonic()
  const prepared = await prepareRequest(session, job)
  if ('refusal' in prepared) {
    return {
      kind: 'refused',
      error: strategyErrorOf(generator, prepared.refusal),
      sent: intentOf(session, job),
      durationMs: clock.monotonic() - preparedAt,
    }
  }
  const free = placeNow(session, job)
  const place = free ?? (await waitForPlace(session, generator))
  try {
    // The wait takes from the deadline of the stage; the time limit of the generator starts when the submission is sent.
    const limitMs = free ? job.limitMs : Math.min(job.limitMs, remainingMs(session, deadlines.generateMs))
    if (limitMs <= 0) throw tooLateToSubmit(generator, deadlines.generateMs)
    return await sendJob(session, { ...job, limitMs }, { ...prepared, callbackUrl })
  } finally {
    place.leave()
  }
}

function placeNow({ config }: RunSession, { generator, submission }: Job): SubmissionPlace | undefined {
  // The response of one long call is the video: its connection is open for minutes anyway.
  if (!('start' in generator)) return NO_PLACE
  // What was sent before may have been accepted: it does not wait.
  return submission.state === 'ready' ? config.submissions.enter(generator) : config.submissions.take(generator)
}

// Nothing is saved or sent meanwhile. The wait ends with the deadline of the stage.
async function waitForPlace(session: RunSession, generator: Generator): Promise<SubmissionPlace> {
  const { clock, deadlines, submissions } = session.config
  const timeoutMs = remainingMs(session, deadlines.generateMs)
  const error = () => tooLateToSubmit(generator, deadlines.generateMs)
  return session.waits.until(session.signal, (signal) =>
    withDeadline({ clock, signal, timeoutMs, error }, (limit) => submissions.wait(generator, limit.signal)),
  )
}

function intentOf({ config }: RunSession, { generator, submission }: Job): SendingSubmission {
  return sending(placed(submission, submission.cursor, generator), config.clock.now(), honoursKeys(generator))
}

async function sendJob(
  session: RunSession,
  job: Job,
  prepared: Exclude<PreparedRequest, { readonly refusal: unknown }> & { readonly callbackUrl: string | undefined },
): Promise<SubmitOutcome> {
  const { generator, submission, work, limitMs } = job
  const { clock } = session.config
  const { journal } = session
  const { request, fetchedMedia, callbackUrl } = prepared
  const sent = intentOf(session, job)
  try {
    await journal.saveHeld({ submission: sent, ...(fetchedMedia !== undefined && { fetchedMedia }) })
  } catch (error) {
    // Another process saved: this intent is not in the store, and the other state must stay.
    if (isFenced(error)) journal.note({ submission })
    else journal.takeBack({ submission })
    throw error
  }
  const startedAt = clock.monotonic()
  if (submission.sentAt === null) session.firstSend = { wall: sent.sentAt, monotonic: startedAt }
  const durationMs = () => clock.monotonic() - startedAt
  // Created when they are thrown: an error is expensive.
  let lapsed: Error | undefined
  let late: Error | undefined
  const confirm = () => {
    // A submission that was not sent when the pipeline closes is sent by the process that continues.
    if (journal.isHeld && session.waits.leaving === undefined) return
    lapsed ??= overtaken(session.id)
    throw lapsed
  }
  // The response is awaited to its end, also after the deadline, an abort, or the loss of the run: no other process can receive
  // it.
  const hangUp = new AbortController()
  session.hangUp = hangUp
  const endLate = () => {
    late = tooLate(generator, limitMs)
    return late
  }
  const limit = { clock, signal: hangUp.signal, timeoutMs: limitMs, error: endLate }
  const submit = () => {
    const idempotencyKey = idempotencyKeyOf(session.id, generator.name, submission.number)
    const context = { ...contextOf(session, work, hangUp), idempotencyKey, confirm }
    const ours = callbackUrl === undefined ? context : { ...context, callbackUrl }
    return jobCall(session, generator, () => startTask(generator, request, ours))
  }
  let answer: Promise<StartedTask> | undefined
  try {
    confirm()
    const started = await raceAbort(session.callerSignal, () =>
      withDeadline(limit, () => {
        answer = submit()
        session.submitting = answer
        return answer
      }),
    )
    session.submitting = undefined
    session.hangUp = undefined
    return { kind: 'accepted', started, sent, durationMs: durationMs() }
  } catch (error) {
    const isAborted = session.callerSignal.aborted
    // After an abort, the accepted job can still be cancelled.
    const isLate = late !== undefined && error === late
    if (answer && (isAborted || isLate)) hearLateAnswer(session, { generator, submission: sent, answer, isAborted })
    if (answer === undefined && isAborted) journal.note({ submission })
    session.callerSignal.throwIfAborted()
    session.submitting = undefined
    const isUnsent = lapsed !== undefined && error === lapsed
    // A pipeline that closes has time to withdraw the intent.
    if (!(isUnsent && session.waits.leaving)) session.signal.throwIfAborted()
    if (isUnsent) return { kind: 'unsent', sent, durationMs: durationMs() }
    if (mayHaveBeenAccepted(error)) return { kind: 'unknown', error, sent, durationMs: durationMs() }
    return { kind: 'refused', error: strategyErrorOf(generator, error), sent, durationMs: durationMs() }
  }
}

// The address that the upstream calls when the job changes. It is not shown, because it contains a token.
function callbackUrlOf({ id, config }: RunSession): string | undefined {
  const { wakeUrl } = config
  if (wakeUrl === undefined) return undefined
  const field = 'wakeUrl()'
  let url: unknown
  try {
    url = wakeUrl(id)
  } catch (error) {
    const { name, message } = toErrorJson(error)
    const fix = 'give a function that does not throw'
    const problem = { field, value: `${name}: ${message}`, fix, hasFailed: true } as const
    throw new ConfigurationError('SoraPipeline', [problem], { cause: error })
  }
  const flaw = callbackUrlFlaw(url)
  if (flaw !== undefined) {
    const value = typeof url === 'string' ? `a text of ${url.length} characters` : describeValue(url)
    throw new ConfigurationError('SoraPipeline', [{ field, value, fix: flaw }])
  }
  return url as string
}

/** The idempotency key: at most 64 characters, and the same for the same submission in every process. */
export function idempotencyKeyOf(runId: string, generator: string, number: number): string {
  const digest = sha256Of(JSON.stringify([runId, generator, number]))
  return `sora_${digest.slice(0, 48)}`
}
