import { type GeneratorRoute, type GeneratorRoutes, generatorRoutesOf } from '../../calling/generator-routes.js'
import { isUnreadableSubmission } from '../../calling/unusable-result.js'
import type { StartedTask, TaskStatus } from '../../contracts/generator.js'
import { SubmissionUnknownError } from '../../contracts/run-errors.js'
import { bugNameOf } from '../../contracts/submission.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import {
  contextOf,
  jobRemainingMs,
  openStage,
  placeOf,
  type RunSession,
  remainingMs,
  type StageWork,
} from '../run-session.js'
import {
  type AcceptedSubmission,
  absent,
  accepted,
  firstSubmission,
  inquired,
  lost,
  nextSubmission,
  type ReadySubmission,
  type SendingSubmission,
  type Submission,
  type UnknownSubmission,
} from '../state/submission.js'
import { completeJob, recordAccepted, upstreamOf } from './accepted-job.js'
import { admitJob, releaseJob } from './admit-job.js'
import { asUnknown, attemptFailed, endOfChain, failStage, lostAnswer, tooLate } from './generate-failure.js'
import { pollJob, ratioOf, readPollAfterMs } from './poll-job.js'
import { canReconcile, claimOwnJob, inquiryAt, reconcileJob } from './reconcile-job.js'
import { submitJob } from './submit-job.js'

/** One step towards the video: submit, learn of a submission, or poll. Rejects when the stage has failed. */
export async function advanceGenerate(session: RunSession): Promise<void> {
  const routes = generatorRoutesOf(session.config.generator)
  const { submission } = session.state
  if (submission === undefined) return begin(session, routes)
  const route = routes.at(submission.cursor)
  const work = openStage('generate', session.state.stepStartedAt ?? session.config.clock.now(), route.generator)
  const step = { routes, route, work }
  try {
    refuseUnplaced(routes, submission)
    if (session.admission === undefined) return await admitJob(session, { ...step, submission })
    const { refusal } = session.admission
    if (refusal !== undefined) return await refused(session, step, submission, { error: refusal, durationMs: 0 })
    switch (submission.state) {
      case 'ready':
        return await submit(session, step, submission)
      case 'sending':
        // The process that saved this is gone, and with it the answer.
        return await unknown(session, step, lost(submission), { error: lostAnswer(route.generator), durationMs: 0 })
      case 'unknown':
        return await reconcile(session, step, submission)
      case 'accepted':
        return await poll(session, step, submission)
    }
  } catch (error) {
    throw failStage(session, error, route.generator)
  } finally {
    work.isOpen = false
  }
}

// An answer that is garbage once can look like a bug.
const MOST_BUGS = 3

type Step = { readonly routes: GeneratorRoutes; readonly route: GeneratorRoute; readonly work: StageWork }
type Failure = { readonly error: unknown; readonly durationMs: number }

// Version 0.1.0 saved the place of a submission only. In a chain that may have changed since, it could be anywhere.
function refuseUnplaced({ generators }: GeneratorRoutes, { state, generator }: Submission): void {
  if (generator !== null || generators.length === 1 || state === 'ready') return
  const names = generators.map(({ name }) => name).join(', ')
  throw new SubmissionUnknownError(
    `Could not tell which generator the submission went to, version 0.1.0 did not save it: one of ${names}`,
  )
}

// Only a state of version 0.1.0 has not begun.
async function begin(session: RunSession, routes: GeneratorRoutes): Promise<void> {
  const cursor = routes.first()
  const { generator } = routes.at(cursor)
  announceGenerate(session)
  const { journal, config } = session
  journal.note({ stepStartedAt: config.clock.now(), submission: firstSubmission(cursor, generator.name) })
}

/** Reports that the generation begins. */
export function announceGenerate({ log, config }: RunSession): void {
  const routes = generatorRoutesOf(config.generator)
  log.append({ type: 'stage-started', ...placeOf('generate', routes.at(routes.first()).generator) })
}

async function submit(session: RunSession, step: Step, submission: ReadySubmission | UnknownSubmission): Promise<void> {
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { deadlines } = session.config
  const limitMs = Math.min(remainingMs(session, deadlines.generateMs), timeoutMs)
  if (limitMs <= 0) throw tooLate(generator, deadlines.generateMs)
  const outcome = await submitJob(session, { generator, submission, work: step.work, limitMs })
  switch (outcome.kind) {
    case 'accepted':
      return take(session, step, outcome.sent, outcome.started, outcome.durationMs)
    case 'refused':
      // A refusal of a second send under the same key does not prove that the first was refused as well.
      return outcome.sent.isResend
        ? unknown(session, step, lost(outcome.sent), outcome)
        : refused(session, step, outcome.sent, outcome)
    case 'unknown':
      return unknown(session, step, lost(outcome.sent), outcome)
    case 'unsent':
      return session.journal.save({ submission })
  }
}

async function take(
  session: RunSession,
  step: Step,
  submission: SendingSubmission | UnknownSubmission,
  started: StartedTask,
  durationMs: number,
): Promise<void> {
  const { generator } = step.route
  const { clock } = session.config
  session.admission?.answered()
  const handle = { generator: generator.name, operation: started.operation, startedAt: clock.now() }
  const job = accepted({ ...submission, generator: generator.name }, handle, { atMs: 0, ...ratioOf(started.status) })
  session.upstream = upstreamOf('running', job, generator)
  // Before the job is saved: once it is, a lookup of another run could take a job that nothing claims any more.
  if ('start' in generator) await claimOwnJob(session, generator, started.operation)
  const status = started.status ?? { state: 'queued' as const }
  await follow(session, step, job, status, { durationMs, roundTripMs: 0, isNews: true })
}

// The outcome is not known: it is inquired after, where there is a way to. Never again blindly, and never another generator.
async function unknown(
  session: RunSession,
  step: Step,
  submission: UnknownSubmission,
  failure: Failure,
): Promise<void> {
  const { generator } = step.route
  session.upstream = { state: 'unknown', generator: generator.name }
  const error = asUnknown(failure.error, generator)
  attemptFailed(session, generator, { ...failure, error })
  session.admission?.answered(error)
  if (!canReconcile(generator) || isHopeless(failure.error, submission)) throw error
  const laterMs = retryAfterMsOf(failure.error) ?? 0
  const wakeAt = Math.max(inquiryAt(session, generator, submission), session.config.clock.now() + laterMs)
  await session.journal.save({ submission, wakeAt })
}

// Another send under the same key would meet the same code.
function isHopeless(error: unknown, { inquiries }: UnknownSubmission): boolean {
  return isUnreadableSubmission(error) || (bugNameOf(error) !== undefined && inquiries >= MOST_BUGS - 1)
}

async function reconcile(session: RunSession, step: Step, submission: UnknownSubmission): Promise<void> {
  const { generator } = step.route
  const { clock, deadlines } = session.config
  session.upstream = { state: 'unknown', generator: generator.name }
  if (remainingMs(session, deadlines.generateMs) <= 0)
    throw asUnknown(tooLate(generator, deadlines.generateMs), generator)
  const inquiry = await reconcileJob(session, { generator, submission, work: step.work })
  switch (inquiry.kind) {
    case 'found':
      return take(session, step, submission, { operation: inquiry.operation }, 0)
    case 'absent':
      // Surely not accepted: the same submission may be sent now.
      return session.journal.save({ submission: absent(submission), wakeAt: clock.now() })
    case 'send-again':
      return submit(session, step, submission)
    case 'later':
      return session.journal.save({ submission: inquired(submission, inquiry.inquiries), wakeAt: inquiry.wakeAt })
    case 'unclear':
      if (inquiry.flaw !== undefined)
        throw new SubmissionUnknownError(`Could not use the result of find() of ${generator.name}: ${inquiry.flaw}`)
      throw new SubmissionUnknownError(`Could not learn what became of the submission to: ${generator.name}`)
  }
}

async function poll(session: RunSession, step: Step, job: AcceptedSubmission): Promise<void> {
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { clock, deadlines } = session.config
  const limitMs = jobRemainingMs(session, { route: step.route, submission: job })
  session.upstream = upstreamOf('running', job, generator)
  const durationMs = () => clock.now() - job.handle.startedAt
  if (limitMs <= 0) {
    const error = tooLate(generator, Math.min(timeoutMs, deadlines.generateMs))
    attemptFailed(session, generator, { error, durationMs: durationMs() })
    throw error
  }
  const { status, job: read, roundTripMs } = await pollJob(session, { generator, job, work: step.work, limitMs })
  await follow(session, step, read, status, { durationMs: durationMs(), roundTripMs, isNews: false })
}

// What an answer of the upstream means for the run, whether it came with the submission or from a poll.
async function follow(
  session: RunSession,
  step: Step,
  job: AcceptedSubmission,
  status: TaskStatus & { readonly pollAfterMs?: number | undefined },
  took: { readonly durationMs: number; readonly roundTripMs: number; readonly isNews: boolean },
): Promise<void> {
  const { work } = step
  const { generator } = step.route
  const { clock, pollSchedule } = session.config
  if (status.state === 'completed')
    return completeJob(session, { generator, job, video: status.video, durationMs: took.durationMs })
  if (status.state === 'failed') {
    session.upstream = upstreamOf('failed', job, generator)
    session.journal.note({ submission: job })
    return refused(session, step, job, { error: status.error, durationMs: took.durationMs })
  }
  const { ratio, phase = status.state } = status
  const pollAfterMs = readPollAfterMs(session, work, status.pollAfterMs)
  if (job.misses === 0) contextOf(session, work, session.signal).report({ ratio, phase })
  const gapMs = Math.max(pollSchedule({ readings: job.readings, roundTripMs: took.roundTripMs }), pollAfterMs)
  const leftMs = Math.min(gapMs, jobRemainingMs(session, { route: step.route, submission: job }))
  const wakeAt = clock.now() + Math.max(0, leftMs)
  const { journal } = session
  // While the store is down, what is new is saved once it is back.
  if (took.isNews || (journal.hasNews && journal.isHeld)) return recordAccepted(session, job, { wakeAt })
  // A poll that only moved progress changes nothing that another process could not learn by a poll of its own.
  journal.note({ submission: job, wakeAt })
  if (!session.isResident) await journal.reschedule()
}

// Nothing was accepted, or the upstream gave the job up: the next generator of the chain may be paid.
async function refused(session: RunSession, step: Step, submission: Submission, failure: Failure): Promise<void> {
  const { routes, route } = step
  const { generator } = route
  attemptFailed(session, generator, failure)
  session.admission?.answered(failure.error)
  releaseJob(session)
  session.generatorErrors.push(failure.error)
  const next = routes.next(submission.cursor, failure.error)
  if (next === undefined) throw endOfChain(session, failure.error, generator)
  const taker = routes.at(next.cursor).generator
  if (taker !== generator) {
    session.log.append({ type: 'fallback-taken', ...placeOf('generate', generator), next: taker.name })
  }
  delete session.upstream
  const wakeAt = session.config.clock.now() + (next.delayMs ?? 0)
  await session.journal.save({ wakeAt, submission: nextSubmission(submission, next.cursor, taker.name) })
}
