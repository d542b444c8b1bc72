import { firstPlainOf } from '../../calling/call-strategy.js'
import { generatorRoutesOf } from '../../calling/generator-routes.js'
import type { ObservedStrategy } from '../../contracts/attempt-observer.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { LoadedRun } from '../../contracts/run-store.js'
import type { StageName } from '../../contracts/stage.js'
import type { RunSession } from '../run-session.js'
import { placeOf } from '../stage-work.js'
import { jobOf, type RunProgress } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'
import { isAnswer, STORE_DOWN } from './store-calls.js'

// About two minutes in total: longer than the failover of a store.
const STORE_TRIES = 8
const ASK_AGAIN_MS = 1000
// How often a run of another worker is checked.
const WATCH_MS = 1000
// The same, when its events arrive without that.
const FOLLOWED_MS = 3000

/**
 * The result of a store operation for a started run. A short outage must not end a run that may continue elsewhere: the operation
 * is retried for about two minutes, within the deadline of the run.
 * @throws RunStateError with the handle of the job when the store stays down; an error that is an answer of the store, at once.
 */
export async function retryPatiently<T>(session: RunSession, operation: () => Promise<T>): Promise<T> {
  const { clock } = session.config
  for (let tries = 1; ; tries += 1) {
    try {
      return await operation()
    } catch (cause) {
      if (isAnswer(cause)) throw cause
      const { deadlineAt, submission } = session.state
      // A paid job is polled once more, also after the deadline.
      const leftMs = submission?.state === 'accepted' ? Number.POSITIVE_INFINITY : session.time.leftMs(deadlineAt)
      if (tries === STORE_TRIES || leftMs <= 0) {
        const message = `Could not continue the run, the store is down: ${session.id}`
        throw new RunStateError(message, { cause, handle: handleOf(submission), isRetryable: true, reason: STORE_DOWN })
      }
      const pauseMs = Math.min(ASK_AGAIN_MS * 2 ** (tries - 1), leftMs)
      // A job that the store does not know yet is not abandoned.
      if (hasUnsavedJob(session)) await clock.sleep(pauseMs, { signal: session.callerSignal })
      else await session.waits.sleep(clock, pauseMs, session.callerSignal)
    }
  }
}

/**
 * Takes a run that no live worker holds, with a beat and a compare-and-set save. A run of this worker with a paid job does not
 * wait for a store that is down.
 * @throws FencedError when another process was faster.
 * @throws RunStateError when the store stays down.
 */
export async function takeRun(session: RunSession): Promise<void> {
  const { journal } = session
  const isTakenOver = isNamedElsewhere(session)
  const hold = () => journal.hold()
  if (isOwnJob(session)) {
    await hold().catch((error: unknown) => {
      if (isAnswer(error)) throw error
    })
  } else await retryPatiently(session, hold)
  session.hold()
  const { step, stage } = session.state
  if (isTakenOver) session.isPublishedAgain = step === 'publish' && stage === 'publish'
}

/**
 * Whether this process may take the next step. A run with a paid job continues while its store is down, after one attempt to hold
 * it again, because another process may have taken it over.
 */
export function mayContinue(session: RunSession): boolean {
  const { journal } = session
  return journal.isHeld || (isOwnJob(session) && journal.isResting)
}

function hasUnsavedJob({ journal }: RunSession): boolean {
  const { submission } = journal.state
  return submission?.state === 'accepted' && submission.number !== jobOf(journal.saved)
}

function isOwnJob({ journal }: RunSession): boolean {
  return journal.isOwn && journal.state.submission?.state === 'accepted'
}

/**
 * Waits until the worker that holds a run has released it or is dead, or the run has ended. Meanwhile its progress is reported
 * here as well.
 * @throws RunStateError when the store stays down.
 */
export async function watchRun(session: RunSession): Promise<void> {
  const { events } = session
  events?.follow()
  try {
    await watchUntilFree(session)
  } finally {
    events?.unfollow()
  }
  await events?.catchUp(session.state.status !== 'running')
}

async function watchUntilFree(session: RunSession): Promise<void> {
  const { config, events } = session
  const { clock, watch } = config
  for (let lastText = ''; session.state.status === 'running'; ) {
    const { worker, formerLease } = session.state
    const loaded = await retryPatiently(session, () => session.journal.reload())
    if (session.state.status !== 'running' || !isHeldNow(session, loaded)) return
    // A worker of an earlier version has no event log.
    if (events?.hasLog) await events.catchUp(false)
    else lastText = relay(session, loaded.progress, lastText)
    const watchMs = events?.hasLog ? FOLLOWED_MS : WATCH_MS
    const formerMs = (formerLease?.until ?? Number.POSITIVE_INFINITY) - clock.now() + 1
    const quarterMs = worker === undefined ? WATCH_MS : (loaded.beat?.ttlMs ?? WATCH_MS) / 4
    await session.waits.sleep(clock, Math.min(watchMs, quarterMs, formerMs), session.callerSignal)
  }

  function isHeldNow({ state }: RunSession, { beat }: Pick<LoadedRun, 'beat'>): boolean {
    if (state.formerLease) return state.formerLease.until > clock.now()
    return state.worker !== undefined && !watch.isDead(state.worker, beat)
  }
}

/** Whether the store names another worker for the run, dead or alive. */
export function isNamedElsewhere({ journal, state }: RunSession): boolean {
  return state.formerLease !== undefined || (state.worker !== undefined && !journal.isOwn)
}

function relay(session: RunSession, reported: LoadedRun['progress'], lastText: string): string {
  const progress = reported as RunProgress | undefined
  const text = JSON.stringify(progress) ?? ''
  if (progress === undefined || text === lastText || progress.stage !== session.state.step) return lastText
  const { stage, ratio, phase } = progress
  session.log.progress({
    type: 'stage-progressed',
    ...placeOf(stage, strategyAt(session, stage)),
    ...(ratio !== undefined && { ratio }),
    ...(phase !== undefined && { phase }),
    elapsedMs: Math.max(0, session.time.now() - (session.state.stepStartedAt ?? session.time.now())),
  })
  return text
}

// The last known one: reports do not name the current strategy of a chain.
function strategyAt({ config, state }: RunSession, stage: StageName): ObservedStrategy {
  const { generator, publisher, resolver, uploader } = config
  const generating = generatorRoutesOf(generator).generators.find(({ name }) => name === state.submission?.generator)
  const present = { generate: generating ?? generator, publish: publisher, resolve: resolver, upload: uploader }[stage]
  return present === undefined ? { name: stage } : firstPlainOf(present)
}
