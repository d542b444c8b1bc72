import { type GeneratorRoute, type GeneratorRoutes, generatorRoutesOf } from '../../calling/generator-routes.js'
import { flawOfVideo } from '../../calling/stage-calls.js'
import type { GeneratedVideo, Generator, StartedTask, TaskStatus } from '../../contracts/generator.js'
import { SubmissionUnknownError } from '../../contracts/run-errors.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { retryAfterMsOf } from '../../timing/retry.js'
import { saveState } from '../journal/run-journal.js'
import {
  contextOf,
  jobRemainingMs,
  openStage,
  placeOf,
  type RunSession,
  remainingMs,
  type StageWork,
} from '../run-session.js'
import { withGenerated } from '../state/candidates.js'
import { newSubmission, type Submission, storableVideo } from '../state/run-state.js'
import { recordAccepted } from './accepted-job.js'
import { admitJob, releaseJob } from './admit-job.js'
import { asUnknown, attemptFailed, endOfChain, failStage, lostAnswer, tooLate } from './generate-failure.js'
import { pollJob, ratioOf } from './poll-job.js'
import { canReconcile, inquiryAt, reconcileJob, tellOwner } from './reconcile-job.js'
import { submitJob } from './submit-job.js'

/** One step towards the video: begin, submit, learn of a submission, or poll. Rejects when the stage has failed. */
export async function advanceGenerate(session: RunSession): Promise<void> {
  const routes = generatorRoutesOf(session.config.generator)
  const { submission } = session.state
  if (submission === undefined) return begin(session, routes)
  const route = routes.at(submission.cursor)
  const work = openStage('generate', session.state.stepStartedAt ?? session.config.clock.now(), route.generator)
  const step = { routes, route, work, submission }
  try {
    if (session.admission === undefined) return await admitJob(session, step)
    const { refusal } = session.admission
    if (refusal !== undefined) return await refused(session, step, { error: refusal, durationMs: 0 })
    switch (submission.state) {
      case 'ready':
        return await submit(session, step)
      case 'intent':
        // Whoever saved the intent is gone, and with it the answer.
        return await unknown(session, step, { error: lostAnswer(route.generator), durationMs: 0 })
      case 'unknown':
        return await reconcile(session, step)
      case 'accepted':
        return await poll(session, step)
    }
  } catch (error) {
    throw failStage(session, error, route.generator)
  } finally {
    work.isOpen = false
  }
}

type Step = {
  readonly routes: GeneratorRoutes
  readonly route: GeneratorRoute
  readonly work: StageWork
  readonly submission: Submission
}

async function begin(session: RunSession, routes: GeneratorRoutes): Promise<void> {
  const cursor = routes.first()
  session.log.append({ type: 'stage-started', ...placeOf('generate', routes.at(cursor).generator) })
  await saveState(session, { stepStartedAt: session.config.clock.now(), submission: newSubmission(cursor, 1) })
}

async function submit(session: RunSession, step: Step): Promise<void> {
  const { work, submission } = step
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { deadlines } = session.config
  const limitMs = Math.min(remainingMs(session, deadlines.generateMs), timeoutMs)
  if (limitMs <= 0) throw tooLate(generator, deadlines.generateMs)
  const outcome = await submitJob(session, { generator, submission, work, limitMs })
  switch (outcome.kind) {
    case 'accepted':
      return accepted(session, step, outcome.started, outcome.durationMs)
    case 'refused':
      // A refusal of a second send under the same key does not say that the first was refused as well.
      return submission.inquiries === undefined ? refused(session, step, outcome) : unknown(session, step, outcome)
    case 'unknown':
      return unknown(session, step, outcome)
    case 'unsent':
      return saveState(session, { submission })
  }
}

async function accepted(session: RunSession, step: Step, started: StartedTask, durationMs: number): Promise<void> {
  const { generator } = step.route
  const { clock } = session.config
  session.admission?.answered()
  const taken: Submission = {
    ...step.submission,
    state: 'accepted',
    intentAt: session.state.submission?.intentAt ?? clock.now(),
    handle: { generator: generator.name, operation: started.operation, startedAt: clock.now() },
    readings: [{ atMs: 0, ...ratioOf(started.status) }],
  }
  session.upstream = upstreamOf('running', taken, generator)
  // Before the job is saved: once it is, a look-up of another run could take a job that nobody claims any more.
  if ('start' in generator) await tellOwner(session, generator, started.operation)
  await follow(session, { ...step, submission: taken }, started.status ?? { state: 'queued' }, {
    durationMs,
    roundTripMs: 0,
  })
}

// The outcome is not known: ask, where there is a way to. Never again by itself, and never another generator.
async function unknown(
  session: RunSession,
  step: Step,
  failure: { readonly error: unknown; readonly durationMs: number },
): Promise<void> {
  const { generator } = step.route
  session.upstream = { state: 'unknown', generator: generator.name }
  const error = asUnknown(failure.error, generator)
  attemptFailed(session, generator, { ...failure, error })
  session.admission?.answered(error)
  if (!canReconcile(generator)) throw error
  const present = session.state.submission ?? step.submission
  const submission: Submission = { ...present, state: 'unknown', inquiries: present.inquiries ?? 0 }
  const wakeAt = Math.max(
    inquiryAt(session, generator, submission),
    session.config.clock.now() + (retryAfterMsOf(failure.error) ?? 0),
  )
  await saveState(session, { submission, wakeAt })
}

async function reconcile(session: RunSession, step: Step): Promise<void> {
  const { work, submission } = step
  const { generator } = step.route
  const { clock, deadlines } = session.config
  session.upstream = { state: 'unknown', generator: generator.name }
  if (remainingMs(session, deadlines.generateMs) <= 0)
    throw asUnknown(tooLate(generator, deadlines.generateMs), generator)
  const inquiry = await reconcileJob(session, { generator, submission, work })
  const { inquiries: _done, ...settled } = submission
  switch (inquiry.kind) {
    case 'found':
      return accepted(session, { ...step, submission: settled }, { operation: inquiry.operation }, 0)
    case 'absent':
      // Surely not accepted: the same submission may be sent now.
      return saveState(session, { submission: { ...settled, state: 'ready' }, wakeAt: clock.now() })
    case 'send-again':
      return submit(session, { ...step, submission: { ...submission, inquiries: (submission.inquiries ?? 0) + 1 } })
    case 'later': {
      const { wakeAt, inquiries } = inquiry
      return saveState(session, { submission: { ...submission, inquiries }, wakeAt })
    }
    case 'unclear':
      throw new SubmissionUnknownError(`Could not learn what became of the submission to: ${generator.name}`)
  }
}

async function poll(session: RunSession, step: Step): Promise<void> {
  const { work, submission } = step
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { clock, deadlines } = session.config
  const startedAt = submission.handle?.startedAt ?? clock.now()
  const limitMs = jobRemainingMs(session, step)
  session.upstream = upstreamOf('running', submission, generator)
  if (limitMs <= 0) {
    const error = tooLate(generator, Math.min(timeoutMs, deadlines.generateMs))
    attemptFailed(session, generator, { error, durationMs: clock.now() - startedAt })
    throw error
  }
  const { status, submission: read, roundTripMs } = await pollJob(session, { generator, submission, work, limitMs })
  await follow(session, { ...step, submission: read }, status, { durationMs: clock.now() - startedAt, roundTripMs })
}

// What an answer of the upstream means for the run, whether it came with the submission or from a poll.
async function follow(
  session: RunSession,
  step: Step,
  status: TaskStatus & { readonly pollAfterMs?: number | undefined },
  took: { readonly durationMs: number; readonly roundTripMs: number },
): Promise<void> {
  const { work, submission } = step
  const { generator } = step.route
  const { clock, pollSchedule } = session.config
  if (status.state === 'completed') return complete(session, step, status.video, took.durationMs)
  if (status.state === 'failed') {
    session.upstream = upstreamOf('failed', submission, generator)
    session.state = { ...session.state, submission }
    return refused(session, step, { error: status.error, durationMs: took.durationMs })
  }
  const { ratio, phase = status.state, pollAfterMs = 0 } = status
  if (submission.misses === 0) contextOf(session, work, session.signal).report({ ratio, phase })
  const gapMs = Math.max(pollSchedule({ readings: submission.readings, roundTripMs: took.roundTripMs }), pollAfterMs)
  const leftMs = Math.min(gapMs, jobRemainingMs(session, step))
  await recordAccepted(session, submission, { wakeAt: clock.now() + Math.max(0, leftMs) })
}

async function complete(session: RunSession, step: Step, video: GeneratedVideo, durationMs: number): Promise<void> {
  const { generator } = step.route
  const flaw = typeof video === 'object' && video !== null ? flawOfVideo(video) : 'no video'
  if (flaw !== undefined) {
    session.upstream = upstreamOf('finished', step.submission, generator)
    const message = `Could not use the video of ${generator.name}, its result is unusable: ${flaw}`
    const error = new UpstreamResponseError(message, { isRetryable: false })
    attemptFailed(session, generator, { error, durationMs })
    throw error
  }
  releaseJob(session)
  session.video = video
  session.upstream = upstreamOf('finished', step.submission, generator)
  const attempt = { stage: 'generate', strategy: generator.name, outcome: 'succeeded', durationMs } as const
  const { clock } = session.config
  const { state } = session
  await recordAccepted(session, step.submission, {
    step: 'publish',
    wakeAt: clock.now(),
    video: storableVideo(video),
    candidates: withGenerated(state, video),
    attempts: [...state.attempts, attempt],
  })
  const tookMs = clock.now() - (state.stepStartedAt ?? clock.now())
  session.log.append({ type: 'stage-completed', ...placeOf('generate', generator), durationMs: tookMs })
}

// Nothing was accepted, or the upstream gave the job up: the next generator of the chain may be paid.
async function refused(
  session: RunSession,
  step: Step,
  failure: { readonly error: unknown; readonly durationMs: number },
): Promise<void> {
  const { routes, route, submission } = step
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
  await saveState(session, {
    wakeAt: session.config.clock.now() + (next.delayMs ?? 0),
    submission: newSubmission(next.cursor, submission.number + 1),
  })
}

function upstreamOf(state: 'running' | 'finished' | 'failed', { handle }: Submission, generator: Generator) {
  return { state, generator: generator.name, ...(handle && { handle }) }
}
