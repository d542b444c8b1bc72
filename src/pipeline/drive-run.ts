import { toErrorJson } from '../contracts/errors.js'
import type { PipelineResult } from '../contracts/result.js'
import { releaseJob } from './generate/admit-job.js'
import { announceGenerate } from './generate/generate-stage.js'
import { stopUpstream } from './generate/stop-upstream.js'
import { refuseForeignJob } from './generate/submission-place.js'
import { endRun } from './journal/end-run.js'
import { isNamedElsewhere, mayContinue, takeRun, watchRun } from './journal/hold-run.js'
import { continueAfterRace } from './journal/lost-race.js'
import { type Opening, openRun, type RunOrigin } from './journal/open-run.js'
import { isFenced } from './journal/store-calls.js'
import type { PipelineConfig } from './options.js'
import type { RunSession } from './run-session.js'
import { finishRun, stagesOf, takeStep } from './take-step.js'

// The longest pause after races that are lost one after the other.
const RACE_MS = 1000
/** Events of a run that was taken over are numbered from a multiple of this. */
export const SEQUENCES = 1_000_000

/** What a resident run is driven with. */
export interface Drive extends Omit<Opening, 'isResident' | 'origin'> {
  /** A function, so that nothing keeps the request of a run that is open. */
  readonly pending: () => RunOrigin
  readonly onOpen: (session: RunSession) => void
  /** How long a run that waits for a job is left alone first, in milliseconds. */
  readonly delayMs: number
}

/** Takes a run to its end, or watches the process that does. Rejects with `signal.reason` itself after an abort. */
export async function driveRun(config: PipelineConfig, drive: Drive): Promise<PipelineResult> {
  const { log, signal } = drive
  let session: RunSession | undefined
  let abortedAt: number | undefined
  const interrupt = () => {
    abortedAt ??= config.clock.monotonic()
    session?.abort(abortedAt)
  }
  signal.addEventListener('abort', interrupt)
  try {
    session = await openRun(config, { origin: drive.pending(), log, signal, isResident: true })
    if (signal.aborted) interrupt()
    drive.onOpen(session)
    announce(session)
    return await untilItEnds(session, drive.delayMs)
  } catch (error) {
    if (session === undefined) log.append({ type: 'run-started', stages: stagesOf(config) })
    if (signal.aborted) {
      const upstream = session && (await stopUpstream(session))
      const reason = { ...toErrorJson(signal.reason), code: 'aborted' } as const
      await endRun({ log, session }, reason, { isAborted: true, upstream })
      throw signal.reason
    }
    await endRun({ log, session }, toErrorJson(error), { isAborted: false, upstream: session?.upstream })
    throw error
  } finally {
    signal.removeEventListener('abort', interrupt)
    if (session) {
      releaseJob(session)
      session.letGo()
    }
  }
}

function announce(session: RunSession): void {
  const { log, config, isNew, state } = session
  if (!isNew) log.numberFrom((state.epoch + 1) * SEQUENCES)
  log.append({ type: isNew ? 'run-started' : 'run-resumed', stages: stagesOf(config) })
  if (isNew) announceGenerate(session)
}

async function untilItEnds(session: RunSession, delayMs: number): Promise<PipelineResult> {
  const { clock } = session.config
  if (session.isNew) session.hold()
  else if (session.state.submission?.state === 'accepted') await clock.sleep(delayMs, { signal: session.signal })
  for (let races = 1; ; races += 1) {
    try {
      await work(session)
      return await finishRun(session)
    } catch (error) {
      // Another process has saved: what it did counts, and this one continues from there, or watches.
      if (!isFenced(error) || session.callerSignal.aborted) throw error
      session.letGo()
      await continueAfterRace(session)
      session.beginTenure()
      if (races > 1) await clock.sleep(Math.min(RACE_MS, 2 ** races), { signal: session.signal })
    }
  }
}

async function work(session: RunSession): Promise<void> {
  const { clock } = session.config
  while (session.state.status === 'running') {
    session.signal.throwIfAborted()
    if (isNamedElsewhere(session)) await watchRun(session)
    const { waitMs } = session.time
    // Version 0.1.0 saved this step, and may be at work in it: its lease has ended here.
    if (session.state.status !== 'running' || session.state.step === 'finish') break
    if (waitMs > 0) await clock.sleep(waitMs, { signal: session.signal })
    else if (mayContinue(session)) await takeStep(session)
    else {
      refuseForeignJob(session)
      await takeRun(session)
    }
  }
  session.signal.throwIfAborted()
}
