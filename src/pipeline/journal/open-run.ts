import type { VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { EventLog } from '../event-log.js'
import type { PipelineConfig } from '../options.js'
import type { RunSession } from '../run-session.js'
import { newRunState, toStoredRun } from '../state/run-state.js'
import { jobOf } from './run-journal.js'
import { loadRun } from './store-calls.js'

/** Where a run comes from: a request, or with the id alone the store. */
export type RunOrigin = { readonly id: string; readonly request?: VideoRequest; readonly owner?: string }

/**
 * Creates the run in the store, or takes it from there.
 * @throws RunStateError when the store does not answer, does not know the run, or knows another request under its id.
 */
export async function openRun(
  config: PipelineConfig,
  run: { readonly origin: RunOrigin; readonly log: EventLog; readonly signal: AbortSignal },
): Promise<{ readonly session: RunSession; readonly isNew: boolean }> {
  const { origin, log, signal } = run
  const { id, request, owner } = origin
  const { store, clock, deadlines, leaseOwner, leaseMs } = config
  const leaseEndsAt = clock.monotonic() + leaseMs
  const base = { id, config, log, callerSignal: signal, signal, generatorErrors: [], saving: Promise.resolve() }
  const fresh = request && newRunState(id, request, { now: clock.now(), totalMs: deadlines.totalMs, owner })
  try {
    const leased = fresh && { ...fresh, lease: { owner: leaseOwner, until: clock.now() + leaseMs } }
    if (leased && request && (await store.create(id, toStoredRun(leased)))) {
      return { session: { ...base, state: leased, version: 1, request, leaseEndsAt }, isNew: true }
    }
  } catch (error) {
    throw new RunStateError(`Could not save the run, nothing was sent: ${id}`, { cause: error })
  }
  const loaded = await loadRun(store, id)
  if (loaded === undefined) throw new RunStateError(`Could not resume the run, the store does not know it: ${id}`)
  const { state, version } = loaded
  if (fresh && fresh.owner !== state.owner) {
    throw new RunStateError(`Could not join the run, it belongs to another owner: ${id}`)
  }
  if (fresh && fresh.fingerprint !== state.fingerprint) {
    throw new RunStateError(`Could not join the run, another request is known under its id: ${id}`)
  }
  const held = { leaseEndsAt: Number.NEGATIVE_INFINITY, savedJob: jobOf(state) }
  return { session: { ...base, ...held, state, version, request: request ?? state.request }, isNew: false }
}
