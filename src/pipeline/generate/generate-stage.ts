import { type GeneratorRoutes, generatorRoutesOf } from '../../calling/generator-routes.js'
import { isUnreadableSubmission } from '../../calling/unusable-result.js'
import type { StartedTask } from '../../contracts/generator.js'
import { requestIdOf } from '../../contracts/request-id.js'
import { SubmissionUnknownError } from '../../contracts/run-errors.js'
import { bugNameOf } from '../../contracts/submission.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { isFenced } from '../journal/store-calls.js'
import { type RunSession, remainingMs } from '../run-session.js'
import { openStage, placeOf } from '../stage-work.js'
import {
  absent,
  accepted,
  boundOf,
  firstSubmission,
  inquired,
  lost,
  newHandle,
  placed,
  type ReadySubmission,
  type SendingSubmission,
  type Submission,
  type UnknownSubmission,
} from '../state/submission.js'
import { upstreamOf } from './accepted-job.js'
import { admitJob } from './admit-job.js'
import { followJob, pollStep } from './follow-job.js'
import {
  asUnknown,
  attemptFailed,
  type Failure,
  failStage,
  lostAnswer,
  tooLate,
  tooLateToSubmit,
} from './generate-failure.js'
import { firstInquiry } from './inquiry-times.js'
import { type GenerateStep, tryNext } from './next-generator.js'
import { claimOwnJob } from './own-job.js'
import { unpaidPlace } from './paid-generators.js'
import { ratioOf } from './poll-job.js'
import { lookupFailure, reconcileJob } from './reconcile-job.js'
import { inItsPlace } from './submission-place.js'
import { canLookUp, canReconcile } from './submission-support.js'
import { submitJob } from './submit-job.js'

/** One step towards the video: submit, find out the outcome of a submission, or poll. Rejects when the stage has failed. */
export async function advanceGenerate(session: RunSession): Promise<void> {
  const routes = generatorRoutesOf(session.config.generator)
  if (session.state.submission === undefined) return begin(session, routes)
  const submission = placeSubmission(session, routes, session.state.submission)
  const route = routes.at(submission.cursor)
  const work = openStage(
    'generate',
    session.state.stepStartedAt ?? session.time.now(),
    route.generator,
    session.generation,
  )
  const step = { routes, route, work }
  try {
    if (session.admission === undefined) return await admitJob(session, { ...step, submission })
    const { refusal } = session.admission
    if (refusal !== undefined) return await refused(session, step, submission, { error: refusal, durationMs: 0 })
    switch (submission.state) {
      case 'ready':
        return await submit(session, step, submission)
      case 'sending':
        // The process that saved this exited, and the response with it.
        return await handleUnknown(session, step, lost(submission), {
          error: lostAnswer(route.generator),
          durationMs: 0,
        })
      case 'unknown':
        return await reconcile(session, step, submission)
      case 'accepted':
        return await pollStep(session, step, submission)
    }
  } catch (error) {
    throw failStage(session, error, route.generator)
  } finally {
    work.isOpen = false
  }
}

// A single garbled response can look like a bug.
const MOST_BUGS = 3

function placeSubmission(session: RunSession, routes: GeneratorRoutes, former: Submission): Submission {
  try {
    const submission = unpaidPlace(session, routes, { former, placed: inItsPlace(session.id, routes, former) })
    if (submission !== former) session.journal.note({ submission })
    return submission
  } catch (error) {
    throw failStage(session, error, session.config.generator)
  }
}

// Only a state of version 0.1.0 has not started.
async function begin(session: RunSession, routes: GeneratorRoutes): Promise<void> {
  const cursor = routes.first()
  announceGenerate(session)
  const { journal, time } = session
  const submission = firstSubmission(cursor, boundOf(routes.at(cursor)))
  journal.note({ stepStartedAt: time.now(), submission })
}

/** Reports that the generation starts. */
export function announceGenerate({ log, config }: RunSession): void {
  const routes = generatorRoutesOf(config.generator)
  log.append({ type: 'stage-started', ...placeOf('generate', routes.at(routes.first()).generator) })
}

async function submit(
  session: RunSession,
  step: GenerateStep,
  submission: ReadySubmission | UnknownSubmission,
): Promise<void> {
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { deadlines } = session.config
  const limitMs = Math.min(remainingMs(session, deadlines.generateMs), timeoutMs)
  if (limitMs <= 0) {
    if (submission.state === 'ready') throw tooLateToSubmit(generator, deadlines.generateMs)
    throw asUnknown(tooLate(generator, deadlines.generateMs), generator)
  }
  const outcome = await submitJob(session, { generator, submission, work: step.work, limitMs })
  switch (outcome.kind) {
    case 'accepted':
      return take(session, step, outcome.sent, outcome.started, outcome.durationMs)
    case 'refused':
      // A refusal of a second send under the same key does not prove that the first was refused as well.
      return outcome.sent.isResend
        ? handleUnknown(session, step, lost(outcome.sent), outcome)
        : refused(session, step, submission, outcome)
    case 'unknown':
      return handleUnknown(session, step, lost(outcome.sent), outcome)
    case 'unsent':
      return takeBack(session, submission)
  }
}

// This send was not accepted; an earlier send of the same submission may have been.
function refused(session: RunSession, step: GenerateStep, submission: Submission, failure: Failure): Promise<void> {
  const { refusals = 0 } = session.state
  if (submission.state === 'ready' && submission.sentAt === null) session.journal.note({ refusals: refusals + 1 })
  return tryNext(session, step, submission, failure)
}

// The intent is in the store, and must not be mistaken for a submission whose response was lost.
async function takeBack({ journal }: RunSession, submission: ReadySubmission | UnknownSubmission): Promise<void> {
  try {
    await journal.save({ submission })
  } catch (error) {
    if (!isFenced(error)) journal.saveLater()
    throw error
  }
}

async function take(
  session: RunSession,
  step: GenerateStep,
  submission: SendingSubmission | UnknownSubmission,
  started: StartedTask,
  durationMs: number,
): Promise<void> {
  const { generator } = step.route
  session.admission?.answered()
  const handle = newHandle(generator, started.operation, session.time.now())
  const reading = { atMs: 0, ...ratioOf(started.status) }
  const taken = accepted(placed(submission, submission.cursor, generator), handle, reading, started.usage)
  session.upstream = upstreamOf('running', taken, generator)
  // Before the job is saved: afterwards a lookup of another run could take the unclaimed job.
  const job = 'start' in generator ? await claimOwnJob(session, taken) : taken
  const status = started.status ?? { state: 'queued' as const }
  await followJob(session, step, job, status, { durationMs, roundTripMs: 0, isNews: true })
}

// The outcome is unknown: it is looked up if that is possible. The submission is never repeated blindly, and never sent to
// another generator.
async function handleUnknown(
  session: RunSession,
  step: GenerateStep,
  submission: UnknownSubmission,
  failure: Failure,
): Promise<void> {
  const { generator } = step.route
  session.upstream = { state: 'unknown', generator: generator.name }
  const error = asUnknown(failure.error, generator)
  attemptFailed(session, generator, { ...failure, error })
  session.admission?.answered(error)
  if (!canReconcile(generator, submission) || isHopeless(failure.error, submission)) throw error
  const laterMs = retryAfterMsOf(failure.error) ?? 0
  const first = firstInquiry(session, generator, submission)
  const wakeAt = Math.max(first.wakeAt, session.config.clock.now() + laterMs)
  await session.journal.save({ submission: first.submission, wakeAt })
}

// Another send under the same key would run into the same bug.
function isHopeless(error: unknown, { inquiries }: UnknownSubmission): boolean {
  return isUnreadableSubmission(error) || (bugNameOf(error) !== undefined && inquiries >= MOST_BUGS - 1)
}

async function reconcile(session: RunSession, step: GenerateStep, submission: UnknownSubmission): Promise<void> {
  const { generator } = step.route
  const { clock, deadlines } = session.config
  session.upstream = { state: 'unknown', generator: generator.name }
  const isLate = remainingMs(session, deadlines.generateMs) <= 0
  const late = () => {
    const { lastLookup } = session
    if (lastLookup === undefined) return asUnknown(tooLate(generator, deadlines.generateMs), generator)
    const said = lookupFailure(lastLookup.error)
    const cause = tooLate(generator, deadlines.generateMs, { cause: lastLookup.error })
    const message = `Could not learn the outcome of the submission in time, the last lookup failed, ${said}: ${generator.name}`
    return new SubmissionUnknownError(message, { cause, requestId: requestIdOf(lastLookup.error) })
  }
  // A job that was accepted while no process ran is looked up once more. It is not sent again after its deadline.
  if (isLate && !canLookUp(generator, submission)) throw late()
  const inquiry = await reconcileJob(session, { generator, submission, work: step.work, isLast: isLate })
  switch (inquiry.kind) {
    case 'found':
      return take(session, step, submission, { operation: inquiry.operation }, 0)
    case 'absent':
      // Certainly not accepted: the same submission may be sent now.
      return session.journal.save({ submission: absent(submission), wakeAt: clock.now() })
    case 'send-again':
      return submit(session, step, submission)
    case 'later':
      // An empty result is one of the two that prove that nothing was accepted; without a result there is no time left.
      if (isLate && inquiry.inquiries === submission.inquiries) throw late()
      return session.journal.save({ submission: inquired(submission, inquiry.inquiries), wakeAt: inquiry.wakeAt })
    case 'early':
      return session.journal.save({ submission, wakeAt: inquiry.wakeAt })
    case 'unclear':
      if ('flaw' in inquiry)
        throw new SubmissionUnknownError(`Could not use the result of find() of ${generator.name}: ${inquiry.flaw}`)
      throw new SubmissionUnknownError(
        `Could not learn the outcome of the submission, ${inquiry.reason}: ${generator.name}`,
      )
  }
}
