import { toErrorJson } from '../contracts/errors.js'
import { announceRun, isUnannounced } from './announce-run.js'
import { listenerOf } from './event-listener.js'
import { EventLog } from './event-log.js'
import { leaveJob } from './generate/admit-job.js'
import { stopUpstream } from './generate/stop-upstream.js'
import { refuseForeignJob } from './generate/submission-place.js'
import { endRun } from './journal/end-run.js'
import { isNamedElsewhere, retryPatiently, takeRun } from './journal/hold-run.js'
import { continueAfterRace } from './journal/lost-race.js'
import { type Opening, openRun } from './journal/open-run.js'
import { answerOf, isFenced, type StoredState } from './journal/store-calls.js'
import type { PipelineConfig } from './pipeline-config.js'
import type { RunSession } from './run-session.js'
import type { RunWaits } from './run-waits.js'
import type { CancelRequest } from './state/run-state.js'
import { reasonOf } from './stored-events/cancel-request.js'
import { SEQUENCES } from './stored-events/event-writer.js'
import { finishRun, isConfigured, takeStep } from './take-step.js'
import { endJob } from './tracing/job-trace.js'
import { traceFailure, traceOpened, traceResult, traceRun } from './tracing/run-trace.js'

// How long the events of a step may take to reach the store.
const FLUSH_MS = 1000

/**
 * Advances a run by one step if that is due and no live worker holds the run, and releases it. Resolves to the state in the
 * store; `undefined` if only the store knows it.
 * @throws RunStateError when the store does not know the run, or does not respond.
 */
export async function advanceStored(
  config: PipelineConfig,
  id: string,
  waits: RunWaits,
): Promise<StoredState | undefined> {
  const log: EventLog = new EventLog(
    () => ({ runId: id, at: config.clock.now() }),
    listenerOf(config, () => log),
  )
  const origin = { id, isCallerId: true }
  const trace = traceRun(config, origin)
  const advance = () => advanceOpened(config, { origin, log, signal: new AbortController().signal, waits, trace })
  if (trace === undefined) return advance()
  try {
    return await trace.within(advance)
  } catch (error) {
    traceFailure(trace, undefined, toErrorJson(error))
    throw error
  } finally {
    trace.end()
  }
}

async function advanceOpened(
  config: PipelineConfig,
  opening: Omit<Opening, 'isResident'>,
): Promise<StoredState | undefined> {
  const session = await openRun(config, { ...opening, isResident: false })
  traceOpened(session)
  try {
    if (!(await isFree(session))) return undefined
    const { cancelRequest } = session.state
    if (cancelRequest === undefined && session.time.waitMs > 0) return savedState(session)
    // A run that is cancelled before its first step has no events yet, although it was saved again.
    if (cancelRequest && session.version > 1) await session.events?.replay(false)
    announceStep(session)
    if (cancelRequest) await cancelRun(session, cancelRequest)
    else await oneEffect(session)
    return savedState(session)
  } catch (error) {
    await settle(session, error)
    return undefined
  } finally {
    await leaveJob(session)
    endJob(session)
    if (session.waits.leaving) await session.release()
    session.letGo()
    await session.events?.flushed(FLUSH_MS)
  }
}

// Without a read of the store. A run that is still held has news that are not saved.
function savedState({ journal, state, version }: RunSession): StoredState | undefined {
  return journal.hasUnsaved || state.worker !== undefined ? undefined : { state, version }
}

// Polls of one epoch are not saved: the seconds of the run keep their events in order.
function announceStep(session: RunSession): void {
  const { log, state, events, time, version } = session
  const isFirst = (version === 1 || state.cancelRequest !== undefined) && isUnannounced(session)
  const seconds = Math.floor(Math.max(0, time.now() - state.startedAt) / 1000)
  const sequence = isFirst ? 0 : (state.epoch + 1) * SEQUENCES + Math.min(seconds, SEQUENCES / 2)
  log.numberFrom(sequence)
  events?.publishFrom(sequence)
  if (isFirst) announceRun(session)
}

async function cancelRun(session: RunSession, request: CancelRequest): Promise<void> {
  const error = { ...toErrorJson(reasonOf(request)), code: 'aborted' } as const
  const upstream = await stopUpstream(session)
  await endRun({ log: session.log, session }, error, { isAborted: true, upstream })
  traceFailure(session.trace, session, error)
}

// A worker whose beat has expired is watched until it is certain that it is dead.
async function isFree(session: RunSession): Promise<boolean> {
  const { clock, watch } = session.config
  for (;;) {
    if (session.state.status !== 'running') return false
    if (!isNamedElsewhere(session)) return true
    const reload = () => session.journal.reload()
    const { beat } = await answerOf(reload, `Could not read the run, the store is down: ${session.id}`)
    const { worker, formerLease } = session.state
    if (formerLease) return formerLease.until <= clock.now()
    if (worker === undefined || watch.isDead(worker, beat)) return true
    if (beat?.isExpired !== true) return false
    await session.waits.sleep(clock, beat.ttlMs / 2, session.callerSignal)
  }
}

// Steps without an outside effect, such as a stage that is not configured, are passed in the same call.
async function oneEffect(session: RunSession): Promise<void> {
  const { journal, config } = session
  refuseForeignJob(session)
  let isDone = false
  while (session.state.status === 'running' && !isDone) {
    const { step, submission } = session.state
    if (step === 'finish') {
      traceResult(session.trace, await finishRun(session))
      return
    }
    session.waits.throwIfLeaving()
    if (step === 'generate' && submission?.state !== 'accepted') {
      await answerOf(() => config.lease.beat(), `Could not advance the run, the store is down: ${session.id}`)
    }
    if (isConfigured(session)) await takeRun(session)
    else session.hold()
    const { writes } = journal
    await takeStep(session)
    // Only this process knows of it, and does not stay.
    if (journal.hasUnsaved) await retryPatiently(session, () => journal.saveUnsaved(false))
    isDone = journal.writes > writes
  }
}

async function settle(session: RunSession, error: unknown): Promise<void> {
  if (isFenced(error)) {
    // A job that only this process knows is saved over the state of the other process.
    if (await continueAfterRace(session)) await session.journal.save({})
    return
  }
  const failure = toErrorJson(error)
  if (failure.code === 'run-state') throw error
  await endRun({ log: session.log, session }, failure, { isAborted: false, upstream: session.upstream })
  traceFailure(session.trace, session, failure)
}
