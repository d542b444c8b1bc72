import { RunStateError } from '../../contracts/run-errors.js'
import type { StoredRun } from '../../contracts/run-store.js'
import { releaseJob } from '../generate/admit-job.js'
import type { PipelineConfig } from '../options.js'
import { addWarnings, type RunSession, warn } from '../run-session.js'
import { type RunState, readRunState, toStoredRun } from '../state/run-state.js'
import { askPatiently, isFenced } from './store-calls.js'

/** Changes of a state. */
export type StatePatch = Partial<RunState>

/**
 * Saves a change by compare-and-set, and renews the lease with it. Once something was submitted, a store that is down does not
 * stop a run that this process still holds: it is told as a warning.
 * @throws FencedError when another process saved in between.
 * @throws RunStateError when nothing was submitted yet and the store does not answer.
 */
export function saveState(session: RunSession, patch: StatePatch): Promise<void> {
  return queued(session, () => save(session, patch))
}

async function save(session: RunSession, patch: StatePatch): Promise<void> {
  const { id, config } = session
  const held = leaseFromNow(config)
  try {
    await commit(session, patch, held)
  } catch (error) {
    const state = patched(session.state, patch, held.lease)
    if (isFenced(error)) {
      session.state = state // As this process has it; whoever catches this compares it with what the store has.
      throw error
    }
    if (jobOf(state) === undefined) {
      throw new RunStateError(`Could not save the run, nothing was sent: ${id}`, { cause: error })
    }
    session.state = state
    session.leaseEndsAt = held.endsAt
    warn(session, { code: 'store-unavailable', message: 'Could not save the run; it goes on in this process alone' })
  }
}

type Held = { readonly lease: NonNullable<RunState['lease']>; readonly endsAt: number }

function leaseFromNow({ clock, leaseOwner, leaseMs }: PipelineConfig): Held {
  return { lease: { owner: leaseOwner, until: clock.now() + leaseMs }, endsAt: clock.monotonic() + leaseMs }
}

/**
 * As {@link saveState}, for what must be in the store before the run goes on.
 * @throws FencedError when another process saved in between, and whatever a store throws that is down.
 */
export function saveStrictly(session: RunSession, patch: StatePatch): Promise<void> {
  return queued(session, () => commit(session, patch, leaseFromNow(session.config)))
}

// Saves of one run go one after the other. Whoever saves has the error; the next save does not depend on it.
function queued(session: RunSession, act: () => Promise<void>): Promise<void> {
  const acted = session.saving.then(act)
  session.saving = acted.catch(() => undefined)
  return acted
}

async function commit(session: RunSession, patch: StatePatch, { lease, endsAt }: Held): Promise<void> {
  const state = patched(session.state, patch, lease)
  session.version = await saveAs(session, toStoredRun(state))
  session.mayHaveSaved = false
  session.savedJob = jobOf(state)
  // What was added to the state while the save was under way stays; it is saved the next time.
  session.state = patched(session.state, patch, lease)
  session.leaseEndsAt = endsAt
}

// A state with the lease of this process was saved by this process, be it by a save whose answer was lost: what it knows is newer.
async function saveAs(session: RunSession, state: StoredRun): Promise<number> {
  const { id, config, version } = session
  const { store, leaseOwner } = config
  try {
    return await store.save(id, version, state)
  } catch (error) {
    if (!isFenced(error)) session.mayHaveSaved = true
    if (!isFenced(error) || !session.mayHaveSaved) throw error
    const stored = await store.load(id)
    if (stored === undefined || readRunState(id, stored.state).lease?.owner !== leaseOwner) throw error
    return store.save(id, stored.version, state)
  }
}

/** Takes the newest state from the store, after another process has saved. What this one has warned of stays told. */
export async function reloadState(session: RunSession): Promise<void> {
  await session.saving
  const loaded = await askPatiently(session, () => session.config.store.load(session.id))
  if (loaded === undefined) {
    const { handle } = session.state.submission ?? {}
    throw new RunStateError(`Could not go on with the run, the store lost it: ${session.id}`, { handle })
  }
  const state = readRunState(session.id, loaded.state)
  session.state = { ...state, warnings: addWarnings(state.warnings, session.state.warnings) }
  session.version = loaded.version
  session.mayHaveSaved = false
  session.savedJob = jobOf(state)
  session.leaseEndsAt = Number.NEGATIVE_INFINITY
  releaseJob(session) // The run may be at another job by now.
}

/** Number of the submission whose job is in a state. */
export function jobOf({ submission }: RunState): number | undefined {
  return submission?.state === 'accepted' ? submission.number : undefined
}

// A step that begins has not started, a run that goes on has no end, and one that has ended no lease.
function patched(state: RunState, patch: StatePatch, lease: RunState['lease']): RunState {
  const { stepStartedAt, lease: _former, ...rest } = { ...state, ...patch }
  const start = patch.step === undefined && stepStartedAt !== undefined ? { stepStartedAt } : {}
  if (rest.status !== 'running') return { ...rest, ...start }
  const { error: _error, endedAt: _endedAt, isAborted: _isAborted, ...running } = rest
  return { ...running, ...start, ...(lease && { lease }) }
}
