import { locateError, toErrorJson } from '../contracts/errors.js'
import type { UpstreamState } from '../contracts/events.js'
import type { PipelineResult } from '../contracts/result.js'
import { announceRun, isUnannounced } from './announce-run.js'
import { stagesOf } from './configured-stages.js'
import { leaveJob } from './generate/admit-job.js'
import { stopUpstream } from './generate/stop-upstream.js'
import { generatorOf, refuseForeignJob } from './generate/submission-place.js'
import { endRun } from './journal/end-run.js'
import { isNamedElsewhere, mayContinue, takeRun, watchRun } from './journal/hold-run.js'
import { leaveRun } from './journal/leave-run.js'
import { continueAfterRace } from './journal/lost-race.js'
import { type Opening, openRun, type RunOrigin } from './journal/open-run.js'
import { isFenced } from './journal/store-calls.js'
import type { PipelineConfig } from './pipeline-config.js'
import type { RunSession } from './run-session.js'
import { openStage, reportProgress } from './stage-work.js'
import { handleOf } from './state/submission.js'
import { reasonOf } from './stored-events/cancel-request.js'
import { SEQUENCES } from './stored-events/event-writer.js'
import { finishRun, isConfigured, takeStep } from './take-step.js'
import { tracedOrigin, traceFailure, traceOpened, traceResult, traceRun } from './tracing/run-trace.js'

// The longest pause after repeated lost races.
const RACE_MS = 1000

/** Options of a resident run. */
export interface Drive extends Omit<Opening, 'isResident' | 'origin'> {
  /** A function, so that the request can be garbage collected once the run is open. */
  readonly pending: () => RunOrigin
  readonly onOpen: (session: RunSession) => void
  /** Delay before a run that waits for a job continues, in milliseconds. */
  readonly delayMs: number
}

/** Drives a run, and reports the work to the subscribers of the diagnostics channels. */
export function driveTraced(config: PipelineConfig, untraced: Omit<Drive, 'trace'>): Promise<PipelineResult> {
  const trace = traceRun(config, untraced.pending())
  const drive = () => driveRun(config, { ...untraced, pending: () => tracedOrigin(untraced.pending(), trace), trace })
  return trace === undefined ? drive() : trace.within(drive)
}

/** Drives a run to its end, or watches the process that does. Rejects with `signal.reason` itself after an abort. */
async function driveRun(config: PipelineConfig, drive: Drive): Promise<PipelineResult> {
  const { log, signal, waits, cancel, trace } = drive
  let session: RunSession | undefined
  let abortedAt: number | undefined
  const interrupt = () => {
    abortedAt ??= config.clock.monotonic()
    session?.abort(abortedAt)
  }
  signal.addEventListener('abort', interrupt)
  try {
    session = await openRun(config, { origin: drive.pending(), log, signal, isResident: true, waits, cancel, trace })
    if (signal.aborted) interrupt()
    traceOpened(session)
    drive.onOpen(session)
    await announce(session)
    const result = await untilItEnds(session, drive.delayMs)
    traceResult(session.trace, result)
    return result
  } catch (error) {
    if (session === undefined) log.append({ type: 'run-started', stages: stagesOf(config) })
    if (signal.aborted) {
      const upstream = session && (await stopNow(session))
      const reason = { ...toErrorJson(signal.reason), code: 'aborted' } as const
      await endRun({ log, session }, reason, { isAborted: true, upstream })
      traceFailure(trace, session, reason)
      throw signal.reason
    }
    if (error === waits.leaving) locateError(error, { handle: handleOf(session?.state.submission) })
    const failure = toErrorJson(error)
    await endRun({ log, session }, failure, { isAborted: false, upstream: session?.upstream })
    traceFailure(trace, session, failure)
    throw error
  } finally {
    signal.removeEventListener('abort', interrupt)
    if (session) {
      void leaveJob(session)
      session.leaveLine?.()
      if (waits.leaving) await session.release()
      session.letGo()
      session.left = leaveRun(session)
    }
  }
}

// Another process may have saved a job since the run was read. If the run has ended since, the job was stopped there.
async function stopNow(session: RunSession): Promise<UpstreamState | undefined> {
  session.isWatcher = isNamedElsewhere(session)
  if (session.isWatcher) await session.journal.reload().catch(() => undefined)
  const { status, upstream } = session.state
  return status === 'failed' && upstream ? upstream : stopUpstream(session)
}

// The store shows what happened before, and what happens while another process works on the run.
async function announce(session: RunSession): Promise<void> {
  const { log, config, isNew, state, events } = session
  if (isNew) {
    events?.publishFrom(0)
    return announceRun(session)
  }
  await events?.replay(state.status !== 'running')
  if (events?.hasLog) return
  if (isUnannounced(session)) {
    announceRun(session)
    // Another process may be faster to take the run.
    events?.beginHere()
    return
  }
  log.numberFrom((state.epoch + 1) * SEQUENCES)
  log.append({ type: 'run-resumed', stages: stagesOf(config) })
}

async function announceTenure({ log, config, state, events }: RunSession): Promise<void> {
  const isNew = await events?.publish(state.epoch * SEQUENCES)
  if (isNew) log.append({ type: 'run-resumed', stages: stagesOf(config) })
}

function cancelIfRequested(session: RunSession): void {
  const { cancelRequest } = session.state
  if (cancelRequest && !isNamedElsewhere(session)) session.cancel?.(reasonOf(cancelRequest))
}

async function untilItEnds(session: RunSession, delayMs: number): Promise<PipelineResult> {
  const { clock } = session.config
  if (!isNamedElsewhere(session)) countSent(session)
  if (session.isNew) session.hold()
  else if (session.state.submission?.state === 'accepted') await sleep(session, delayMs)
  for (let races = 1; ; races += 1) {
    try {
      await work(session)
      return await finishRun(session)
    } catch (error) {
      // Another process has saved: its state counts, and this process continues from there, or watches.
      if (!isFenced(error) || session.callerSignal.aborted) throw error
      session.letGo()
      await continueAfterRace(session)
      session.beginTenure()
      if (races > 1) await clock.sleep(Math.min(RACE_MS, 2 ** races), { signal: session.signal })
    }
  }
}

async function work(session: RunSession): Promise<void> {
  while (session.state.status === 'running') {
    cancelIfRequested(session)
    session.signal.throwIfAborted()
    // A run without outside effects left is ended.
    if (session.state.step === 'generate' || isConfigured(session)) session.waits.throwIfLeaving()
    if (isNamedElsewhere(session)) await watchRun(session)
    countSent(session)
    const { waitMs } = session.time
    // Version 0.1.0 saved this step and may be in it: its lease has ended here.
    if (session.state.status !== 'running' || session.state.step === 'finish') break
    if (waitMs > 0) await sleep(session, waitMs)
    else if (mayContinue(session)) {
      // After a wait the run may no longer be held.
      if (isInLine(session) || (await enterLine(session))) await takeStep(session)
    } else {
      refuseForeignJob(session)
      await takeRun(session)
      await announceTenure(session)
    }
  }
  // The end that another process saved counts, and was shown, also in a pipeline that closes.
  if (session.state.status === 'running') session.signal.throwIfAborted()
  else session.callerSignal.throwIfAborted()
}

// A woken job is polled now; a pause before another submission stays.
async function sleep(session: RunSession, ms: number): Promise<void> {
  const { clock } = session.config
  const waitMs = session.swept?.extended(clock.monotonic(), ms) ?? ms
  const isWoken = await session.waits.sleep(clock, waitMs, session.signal)
  const { step, submission } = session.state
  if (isWoken && step === 'generate' && submission?.state === 'accepted') session.journal.note({ wakeAt: clock.now() })
}

// A run that may have a job is counted, but never waits.
function countSent(session: RunSession): void {
  const { step, submission, owner } = session.state
  const isUnsent = step === 'generate' && (submission === undefined || submission.state === 'ready')
  if (!isUnsent) session.leaveLine ??= session.config.line?.take(owner)
}

// Whether a run needs no place, or has one.
function isInLine({ config, leaveLine }: RunSession): boolean {
  return config.line === undefined || leaveLine !== undefined
}

// Resolves to whether the run did not wait. The deadlines of a run that waited start after the wait.
async function enterLine(session: RunSession): Promise<boolean> {
  const { state, config, journal } = session
  const { line, deadlines } = config
  if (line === undefined) return true
  const { owner, submission, stepStartedAt, deadlineAt } = state
  if (!line.isFull(owner)) {
    session.leaveLine = line.take(owner)
    return true
  }
  const work = openStage('generate', session.time.now(), generatorOf(config.generator, submission) ?? config.generator)
  reportProgress(session, work, { phase: 'waiting' })
  session.leaveLine = await session.waits.until(session.signal, (signal) => line.wait(owner, signal))
  const now = session.time.now()
  journal.note({
    ...(stepStartedAt !== undefined && { stepStartedAt: now }),
    ...(deadlineAt !== undefined && { deadlineAt: now + deadlines.totalMs }),
  })
  return false
}
