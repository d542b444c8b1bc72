import { createHash } from 'node:crypto'
import { startTask } from '../combinators/combined-generator.js'
import { flawOfVideo } from '../combinators/stage-calls.js'
import type { GeneratedVideo, Generator, StartedTask, TaskStatus } from '../contracts/generator.js'
import { type GeneratorRoute, type GeneratorRoutes, generatorRoutesOf } from '../contracts/generator-route.js'
import { SubmissionUnknownError } from '../contracts/run-errors.js'
import { mayHaveBeenAccepted } from '../contracts/submission.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { withDeadline } from '../timing/deadline.js'
import { asUnknown, attemptFailed, endOfChain, failStage, tooLate } from './generate-failure.js'
import { pollJob } from './poll-job.js'
import {
  contextOf,
  openStage,
  placeOf,
  type RunSession,
  remainingMs,
  type StageWork,
  saveState,
} from './run-session.js'
import { type Submission, storableVideo } from './run-state.js'

/** One step towards the video: begin, submit, or poll. Rejects when the stage has failed. */
export async function advanceGenerate(session: RunSession): Promise<void> {
  const routes = generatorRoutesOf(session.config.generator)
  const { submission } = session.state
  if (submission === undefined) return begin(session, routes)
  const route = routes.at(submission.cursor)
  const work = openStage('generate', session.state.stepStartedAt ?? session.config.clock.now(), route.generator)
  try {
    if (submission.state === 'ready') return await submit(session, { routes, route, work, submission })
    if (submission.state === 'accepted') return await poll(session, { routes, route, work, submission })
  } catch (error) {
    throw failStage(session, error, route.generator)
  } finally {
    work.isOpen = false
  }
  // Whoever saved the intent is gone, and with it the answer.
  session.upstream = { state: 'unknown', generator: route.generator.name }
  const lost = new SubmissionUnknownError(`Could not learn what became of the submission to: ${route.generator.name}`)
  throw failStage(session, lost, route.generator)
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
  await saveState(session, {
    stepStartedAt: session.config.clock.now(),
    submission: { cursor, number: 1, state: 'ready', readings: [], lastingMisses: 0, misses: 0 },
  })
}

async function submit(session: RunSession, step: Step): Promise<void> {
  const { work, submission } = step
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { clock, deadlines } = session.config
  const limitMs = Math.min(remainingMs(session, deadlines.generateMs), timeoutMs)
  if (limitMs <= 0) throw tooLate(generator, deadlines.generateMs)
  const intentAt = clock.now()
  await saveState(session, { submission: { ...submission, state: 'intent', intentAt } })
  const idempotencyKey = keyOf(session.id, generator.name, submission.number)
  const limit = { clock, signal: session.signal, timeoutMs: limitMs, error: () => tooLate(generator, limitMs) }
  const sentAt = clock.monotonic()
  let started: StartedTask
  try {
    started = await withDeadline(limit, (signal) => {
      const context = { ...contextOf(session, work, signal), idempotencyKey }
      session.submitting = startTask(generator, session.request, context)
      return session.submitting
    })
  } catch (error) {
    const durationMs = clock.monotonic() - sentAt
    if (session.signal.aborted) {
      session.upstream = { state: 'unknown', generator: generator.name }
      throw error
    }
    if (!mayHaveBeenAccepted(error)) return refused(session, step, { error, durationMs })
    session.upstream = { state: 'unknown', generator: generator.name }
    const unknown = asUnknown(error, generator)
    attemptFailed(session, generator, { error: unknown, durationMs })
    throw unknown
  }
  delete session.submitting
  const handle = { generator: generator.name, operation: started.operation, startedAt: clock.now() }
  const accepted: Submission = {
    ...submission,
    state: 'accepted',
    intentAt,
    handle,
    readings: [{ atMs: 0, ...ratioOf(started.status) }],
  }
  await follow(session, { ...step, submission: accepted }, started.status ?? { state: 'queued' }, {
    durationMs: clock.monotonic() - sentAt,
    roundTripMs: 0,
  })
}

async function poll(session: RunSession, step: Step): Promise<void> {
  const { work, submission } = step
  const { generator, timeoutMs = Number.POSITIVE_INFINITY } = step.route
  const { clock, deadlines } = session.config
  const startedAt = submission.handle?.startedAt ?? clock.now()
  const limitMs = jobLimitMs(session, step)
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
  const leftMs = Math.min(gapMs, jobLimitMs(session, step))
  await saveState(session, { submission, wakeAt: clock.now() + Math.max(0, leftMs) })
}

// What is left of the stage, of the run, and of the generator's own time limit.
function jobLimitMs(session: RunSession, { route, submission }: Step): number {
  const { clock, deadlines } = session.config
  const { timeoutMs = Number.POSITIVE_INFINITY } = route
  const jobEndsAt = (submission.handle?.startedAt ?? clock.now()) + timeoutMs
  return Math.min(remainingMs(session, deadlines.generateMs), jobEndsAt - clock.now())
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
  session.video = video
  session.upstream = upstreamOf('finished', step.submission, generator)
  const attempt = { stage: 'generate', strategy: generator.name, outcome: 'succeeded', durationMs } as const
  const { clock } = session.config
  const { stepStartedAt = clock.now(), ...state } = session.state
  session.state = state
  await saveState(session, {
    step: 'publish',
    wakeAt: clock.now(),
    submission: step.submission,
    video: storableVideo(video),
    attempts: [...state.attempts, attempt],
  })
  session.log.append({
    type: 'stage-completed',
    ...placeOf('generate', generator),
    durationMs: clock.now() - stepStartedAt,
  })
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
    submission: {
      cursor: next.cursor,
      number: submission.number + 1,
      state: 'ready',
      readings: [],
      lastingMisses: 0,
      misses: 0,
    },
  })
}

function upstreamOf(state: 'running' | 'finished' | 'failed', { handle }: Submission, generator: Generator) {
  return { state, generator: generator.name, ...(handle && { handle }) }
}

function ratioOf(status: TaskStatus | undefined): { ratio?: number } {
  const ratio = status !== undefined && 'ratio' in status ? status.ratio : undefined
  return ratio === undefined ? {} : { ratio }
}

// At most 64 characters, and the same for the same submission in every process.
function keyOf(runId: string, generator: string, number: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([runId, generator, number]))
    .digest('hex')
  return `sora_${digest.slice(0, 48)}`
}
