import { toErrorJson } from '../contracts/errors.js'
import { SEQUENCES } from './drive-run.js'
import { releaseJob } from './generate/admit-job.js'
import { refuseForeignJob } from './generate/submission-place.js'
import { endRun } from './journal/end-run.js'
import { isNamedElsewhere, retryPatiently, takeRun } from './journal/hold-run.js'
import { continueAfterRace } from './journal/lost-race.js'
import { type Opening, openRun } from './journal/open-run.js'
import { answerOf, isFenced, type StoredState } from './journal/store-calls.js'
import type { PipelineConfig } from './pipeline-config.js'
import type { RunSession } from './run-session.js'
import { finishRun, isConfigured, takeStep } from './take-step.js'

/**
 * Advances a run by one step if that is due and no live worker holds the run, and releases it. Resolves to the state in the
 * store; `undefined` if only the store knows it.
 * @throws RunStateError when the store does not know the run, or does not respond.
 */
export async function advanceRun(
  config: PipelineConfig,
  opening: Omit<Opening, 'isResident'>,
): Promise<StoredState | undefined> {
  const session = await openRun(config, { ...opening, isResident: false })
  try {
    if (!(await isFree(session))) return undefined
    if (session.time.waitMs <= 0) {
      session.log.numberFrom((session.state.epoch + 1) * SEQUENCES)
      await oneEffect(session)
    }
    return savedState(session)
  } catch (error) {
    await settle(session, error)
    return undefined
  } finally {
    releaseJob(session)
    if (session.waits.leaving) await session.release()
    session.letGo()
  }
}

// Without a read of the store. A run that is still held has news that are not saved.
function savedState({ journal, state, version }: RunSession): StoredState | undefined {
  return journal.hasUnsaved || state.worker !== undefined ? undefined : { state, version }
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
      await finishRun(session)
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
}
