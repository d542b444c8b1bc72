import { isSoraPipelineError } from '../contracts/errors.js'
import { type FencedError, RunStateError } from '../contracts/run-errors.js'
import type { RunStore, StoredRun } from '../contracts/run-store.js'
import { releaseJob } from './admit-job.js'
import { addWarnings, type RunSession, warn } from './run-session.js'
import { type RunState, readRunState, toStoredRun } from './run-state.js'

const LOAD_TRIES = 5
const LOAD_AGAIN_MS = 1000
// Nobody sees it: an error with its stack, for each step of each run, would be for nothing.
const OVER = 'over'

/** Changes of a state. */
export type StatePatch = Partial<RunState>

/**
 * Saves a change by compare-and-set, and renews the lease with it. Once something was submitted, a store that is down does not
 * stop a run that this process still holds: it is told as a warning.
 * @throws FencedError when another process saved in between.
 * @throws RunStateError when nothing was submitted yet and the store does not answer.
 */
export function saveState(session: RunSession, patch: StatePatch): Promise<void> {
  const saved = session.saving.then(() => save(session, patch))
  session.saving = saved.catch(() => undefined) // The caller has the error; the next save does not depend on it.
  return saved
}

async function save(session: RunSession, patch: StatePatch): Promise<void> {
  const { clock, leaseOwner, leaseMs } = session.config
  const lease = { owner: leaseOwner, until: clock.now() + leaseMs }
  const state = patched(session.state, patch, lease)
  const leaseEndsAt = clock.monotonic() + leaseMs
  try {
    session.version = await saveAs(session, toStoredRun(state))
    // What was added to the state while the save was under way stays; it is saved the next time.
    session.state = patched(session.state, patch, lease)
    session.leaseEndsAt = leaseEndsAt
  } catch (error) {
    if (isFenced(error)) throw error
    session.mayHaveSaved = true
    if (!hasSubmitted(state)) {
      throw new RunStateError(`Could not save the run, nothing was sent: ${session.id}`, { cause: error })
    }
    session.state = patched(session.state, patch, session.state.lease)
    warn(session, { code: 'store-unavailable', message: 'Could not save the run; it goes on in this process alone' })
  }
}

// A state with the lease of this process was saved by this process, be it by a save whose answer was lost: what it knows is newer.
async function saveAs(session: RunSession, state: StoredRun): Promise<number> {
  const { id, config, version } = session
  const { store, leaseOwner } = config
  try {
    return await store.save(id, version, state)
  } catch (error) {
    if (!isFenced(error) || !session.mayHaveSaved) throw error
    const stored = await store.load(id)
    if (stored === undefined || readRunState(id, stored.state).lease?.owner !== leaseOwner) throw error
    return store.save(id, stored.version, state)
  } finally {
    session.mayHaveSaved = false
  }
}

/** Takes the newest state from the store, after another process has saved. What this one has warned of stays told. */
export async function reloadState(session: RunSession): Promise<void> {
  await session.saving
  const loaded = await loadPatiently(session)
  if (loaded === undefined) throw new RunStateError(`Could not go on with the run, the store lost it: ${session.id}`)
  const state = readRunState(session.id, loaded.state)
  session.state = { ...state, warnings: addWarnings(state.warnings, session.state.warnings) }
  session.version = loaded.version
  session.leaseEndsAt = Number.NEGATIVE_INFINITY
  releaseJob(session) // The run may be at another job by now.
}

// A store that does not answer for a moment must not end a run that may be doing well elsewhere.
async function loadPatiently({ config, id, callerSignal }: RunSession): Promise<Awaited<ReturnType<RunStore['load']>>> {
  const { store, clock } = config
  for (let tries = 1; ; tries += 1) {
    try {
      return await store.load(id)
    } catch (error) {
      if (tries === LOAD_TRIES)
        throw new RunStateError(`Could not go on with the run, the store is down: ${id}`, { cause: error })
      await clock.sleep(LOAD_AGAIN_MS, { signal: callerSignal })
    }
  }
}

/** Whether another process works on the run. */
export function isLeasedElsewhere({ state, config }: RunSession): boolean {
  const { lease } = state
  return lease !== undefined && lease.owner !== config.leaseOwner && lease.until > config.clock.now()
}

/** Whether this process may have an effect: its lease has not ended, by the wall clock nor by the monotonic one. */
export function holdsLease({ state, config, leaseEndsAt }: RunSession): boolean {
  const { leaseOwner, clock } = config
  return state.lease?.owner === leaseOwner && state.lease.until > clock.now() && leaseEndsAt > clock.monotonic()
}

/**
 * Does something that may take longer than the lease, and renews the lease meanwhile. When another process took the run over,
 * the signal of the session ends it with the `FencedError`.
 */
export async function keepingLease(session: RunSession, effect: () => Promise<void>): Promise<void> {
  const { callerSignal: caller } = session
  const { clock, leaseMs } = session.config
  const step = new AbortController()
  const done = new AbortController()
  const followCaller = () => step.abort(caller.reason)
  if (caller.aborted) followCaller()
  caller.addEventListener('abort', followCaller, { once: true })
  const renew = async () => {
    while (!done.signal.aborted) {
      await clock.sleep(leaseMs / 3, { signal: done.signal })
      // A store that is down for a moment costs one renewal; the lease lasts for two more.
      await saveState(session, {}).catch(onlyWhenFenced)
    }
  }
  renew().catch((error: unknown) => {
    if (isFenced(error)) step.abort(error)
  })
  session.signal = step.signal
  try {
    await effect()
  } finally {
    session.signal = caller
    caller.removeEventListener('abort', followCaller)
    done.abort(OVER)
  }
}

function onlyWhenFenced(error: unknown): void {
  if (isFenced(error)) throw error
}

/** Whether an error says that another process saved in between. */
export function isFenced(error: unknown): error is FencedError {
  return isSoraPipelineError(error) && error.code === 'run-fenced'
}

function hasSubmitted({ submission }: RunState): boolean {
  return submission?.state === 'accepted'
}

// A step that begins has not started, a run that goes on has no end, and one that has ended no lease.
function patched(state: RunState, patch: StatePatch, lease: RunState['lease']): RunState {
  const { stepStartedAt, lease: _former, ...rest } = { ...state, ...patch }
  const start = patch.step === undefined && stepStartedAt !== undefined ? { stepStartedAt } : {}
  if (rest.status !== 'running') return { ...rest, ...start }
  const { error: _error, endedAt: _endedAt, isAborted: _isAborted, ...running } = rest
  return { ...running, ...start, ...(lease && { lease }) }
}
