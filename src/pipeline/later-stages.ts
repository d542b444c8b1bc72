import { callStrategy, firstPlainOf } from '../calling/call-strategy.js'
import { strategyErrorOf } from '../calling/error-of-other-run.js'
import type { StageCalls } from '../calling/stage-calls.js'
import { toErrorJson } from '../contracts/errors.js'
import { StageTimeoutError } from '../contracts/run-errors.js'
import { withDeadline } from '../timing/deadline.js'
import type { HasSignal } from '../timing/lazy-signal.js'
import { stageOfStep } from './configured-stages.js'
import type { StatePatch } from './journal/state-patch.js'
import { withRightExpiry } from './result-expiry.js'
import { type RunSession, remainingMs, warn } from './run-session.js'
import { observerOf } from './stage-attempts.js'
import { contextOf, openStage, placeOf, savablePart, warnOfBug } from './stage-work.js'
import { failedAttempt } from './state/attempts.js'
import { withFound } from './state/candidates.js'
import type { Step } from './state/run-state.js'
import { tracedCleanup } from './tracing/cleanup-trace.js'
import { videoOf } from './video/generated-video.js'
import { uploadSource } from './video/video-source.js'

type LaterStage = 'publish' | 'resolve' | 'upload'

const FOLLOWING: Readonly<Record<LaterStage, Exclude<Step, 'generate'>>> = {
  publish: 'resolve',
  resolve: 'upload',
  upload: 'unpublish',
}

/** Publishes, if a publisher is configured. A failure of the publisher never rejects. */
export function advancePublish(session: RunSession): Promise<void> {
  const { publisher } = session.config
  return advanceStage(
    session,
    'publish',
    publisher,
    (limit) => videoOf(session, limit),
    (publication) => ({ publication }),
  )
}

/** Resolves, if a resolver is configured. A failure of the resolver never rejects. */
export function advanceResolve(session: RunSession): Promise<void> {
  const input = async (limit: HasSignal) => {
    const { publication } = session.state
    return { video: await videoOf(session, limit), ...(publication && { publication }) }
  }
  return advanceStage(session, 'resolve', session.config.resolver, input, (resolved) => ({
    resolved,
    candidates: withFound(session.state, 'resolver', resolved, session.config.clock.now()),
  }))
}

/** Uploads, if an uploader is configured. A failure of the uploader never rejects. */
export function advanceUpload(session: RunSession): Promise<void> {
  return advanceStage(
    session,
    'upload',
    session.config.uploader,
    (limit) => uploadSource(session, limit),
    (uploaded) => ({
      uploaded,
      candidates: withFound(session.state, 'uploader', uploaded, session.config.clock.now()),
    }),
  )
}

/** Removes the post after an upload, if that is configured. Best effort. */
export async function advanceUnpublish(session: RunSession): Promise<void> {
  const { state, config } = session
  const { publisher, unpublishAfterUpload, clock, deadlines } = config
  if (unpublishAfterUpload && publisher && state.publication && state.uploaded) {
    const { publication } = state
    const work = openStage('publish', session.time.now(), publisher)
    const limit = {
      clock,
      signal: session.signal,
      timeoutMs: deadlines.publishMs,
      error: () => tooLate('publish', deadlines.publishMs),
    }
    try {
      if (publisher.unpublish === undefined)
        throw new TypeError(`Could not unpublish, the publisher does not implement unpublish(): ${publisher.name}`)
      const about = { action: 'unpublish', stage: 'publish', strategy: publisher.name } as const
      await tracedCleanup(session, about, () =>
        withDeadline(limit, async (own) => publisher.unpublish?.(publication, contextOf(session, work, own))),
      )
    } catch (error) {
      session.signal.throwIfAborted()
      const { message } = toErrorJson(error)
      warn(
        session,
        { code: 'unpublish-failed', message: `Could not remove the post: ${message}` },
        'publish',
        publisher.name,
      )
    }
    work.isOpen = false
  }
  // The end of the run is saved by the next step.
  session.journal.note({ step: 'finish' })
}

async function advanceStage<S extends LaterStage>(
  session: RunSession,
  stage: S,
  strategy: StageCalls[S]['strategy'] | undefined,
  input: (limit: HasSignal) => Promise<StageCalls[S]['input']>,
  keep: (output: StageCalls[S]['output']) => StatePatch,
): Promise<void> {
  if (strategy === undefined) return skip(session, stage, 'not-configured')
  await callStage(session, stage, strategy, input, keep)
}

// Another process would skip it as well, so it is saved with the next step that has an effect. A stage that is not configured
// uses no time of the next one.
function skip(session: RunSession, stage: LaterStage, reason: 'not-configured' | 'deadline'): void {
  session.log.append({ type: 'stage-skipped', stage, reason })
  if (reason === 'not-configured') session.journal.note({ step: FOLLOWING[stage] })
  else session.journal.note({ ...entering(session, stage), isDegraded: true })
}

async function callStage<S extends LaterStage>(
  session: RunSession,
  stage: S,
  strategy: StageCalls[S]['strategy'],
  input: (limit: HasSignal) => Promise<StageCalls[S]['input']>,
  keep: (output: StageCalls[S]['output']) => StatePatch,
): Promise<void> {
  const { clock, deadlines } = session.config
  const stageMs = deadlines[`${stage}Ms`]
  const first = firstPlainOf(strategy)
  const startedAt = session.state.stepStartedAt ?? session.time.now()
  if (remainingMs(session, stageMs) <= 0) return skip(session, stage, 'deadline')
  session.log.append({ type: 'stage-started', ...placeOf(stage, first) })
  session.journal.note({ stepStartedAt: startedAt })
  if (stage === 'publish' && session.isPublishedAgain) warnOfSecondPost(session, first.name)
  const work = openStage(stage, startedAt, first)
  const attempts = observerOf(session, work, { isChain: first !== strategy })
  const timeoutMs = Math.max(0, remainingMs(session, stageMs))
  let late: StageTimeoutError | undefined
  const endLate = () => {
    late = tooLate(stage, timeoutMs, attempts.lastError)
    return late
  }
  try {
    const limit = { clock, signal: session.signal, timeoutMs, error: endLate }
    const output = await withDeadline(limit, async (own) => {
      const context = contextOf(session, work, own, attempts.observer)
      const given = await input(own).catch((thrown: unknown) => {
        // Without its input no strategy is called, and none reports why.
        attempts.observer.failed({ strategy: first, durationMs: session.time.now() - startedAt, error: thrown })
        throw thrown
      })
      return callStrategy(stage, strategy, given, context).catch((thrown: unknown) => {
        throw strategyErrorOf(strategy, thrown)
      })
    })
    work.isOpen = false
    const durationMs = session.time.now() - startedAt
    await leave(session, stage, keep(savablePart(session, work, withRightExpiry(session, work, output))))
    session.log.append({ type: 'stage-completed', ...placeOf(stage, work.strategy), durationMs })
  } catch (error) {
    work.isOpen = false
    session.signal.throwIfAborted()
    const failure = { error: toErrorJson(error), durationMs: session.time.now() - startedAt }
    if (failure.error.code === 'run-fenced') throw error
    warnOfBug(session, stage, work.strategy.name, error)
    session.log.append({ type: 'stage-failed', ...placeOf(stage, work.strategy), ...failure })
    // A strategy that the deadline cuts short has failed: it no longer reports that itself.
    const cut = error === late ? [failedAttempt(stage, work.strategy.name, failure.error, failure.durationMs)] : []
    await leave(session, stage, { isDegraded: true, attempts: [...session.state.attempts, ...cut] })
  }
}

// Nothing can prove afterwards whether the process that ended has made a post.
function warnOfSecondPost(session: RunSession, publisher: string): void {
  session.isPublishedAgain = false
  const message =
    'Could not confirm the post of a process that ended while it published: it is published again, and two posts may exist'
  warn(session, { code: 'publication-unknown', message }, 'publish', publisher)
}

async function leave(session: RunSession, stage: LaterStage, patch: StatePatch): Promise<void> {
  await session.journal.save({ ...patch, ...entering(session, stage) })
}

function entering({ config, time }: RunSession, left: LaterStage) {
  const step = FOLLOWING[left]
  return { step, stage: stageOfStep(step, config), stepStartedAt: time.now(), wakeAt: config.clock.now() }
}

function tooLate(stage: LaterStage, timeoutMs: number, last?: { readonly error: unknown }): StageTimeoutError {
  const after = last === undefined ? '' : `, the last attempt failed: ${toErrorJson(last.error).message}`
  const message = `Could not ${stage} in time: ${timeoutMs} ms${after}`
  return new StageTimeoutError(message, { timeoutMs, stage, ...(last && { cause: last.error }) })
}
