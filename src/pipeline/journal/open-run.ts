import { generatorRoutesOf } from '../../calling/generator-routes.js'
import { loadParts } from '../../contracts/lazy-part.js'
import type { VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { EventLog } from '../event-log.js'
import type { PipelineConfig } from '../options.js'
import { RunSession } from '../run-session.js'
import { identityOf, newRunState, type RunIdentity, type RunState } from '../state/run-state.js'
import { type KeptMedia, storedRequest } from '../state/stored-request.js'
import { toStoredRun } from '../state/stored-run.js'
import { firstSubmission } from '../state/submission.js'
import { inTime, isAnswer, loadRun, type StoredState } from './store-calls.js'

/** Where a run comes from: a request, or with the id alone the store. */
export interface RunOrigin {
  readonly id: string
  readonly request?: VideoRequest | undefined
  readonly owner?: string | undefined
  /** Whether the caller chose the id, so that the store may know it already. */
  readonly isCallerId: boolean
}

/** What a session is opened in. */
export interface Opening {
  readonly origin: RunOrigin
  readonly log: EventLog
  readonly signal: AbortSignal
  /** Whether this process stays with the run. */
  readonly isResident: boolean
}

/**
 * Creates the run in the store, or takes it from there.
 * @throws RunStateError when the store does not answer, does not know the run, or knows another request under its id.
 */
export async function openRun(config: PipelineConfig, opening: Opening): Promise<RunSession> {
  const { id, request, owner, isCallerId } = opening.origin
  await loadAll(id)
  if (request === undefined) {
    const loaded = await loadRun(config.store, id)
    if (loaded === undefined) throw new RunStateError(`Could not resume the run, the store does not know it: ${id}`)
    return sessionOf(config, opening, loaded)
  }
  const identity = identityOf(request, owner)
  const canKeepMedia = config.store.putMedia !== undefined
  const { request: stored, media } = storedRequest(request, { canKeepMedia })
  // Media must not be kept for a run that has ended: so an id that may be known is looked up first.
  const known = isCallerId && media.length > 0 ? await loadRun(config.store, id) : undefined
  if (known) return joined(config, opening, known, identity)
  const routes = generatorRoutesOf(config.generator)
  const cursor = routes.first()
  const submission = firstSubmission(cursor, routes.at(cursor).generator.name)
  const { clock, deadlines, lease } = config
  const { totalMs } = deadlines
  const base = { id, request: stored, identity, now: clock.now(), totalMs, isCallerId, submission }
  const fresh: RunState = { ...newRunState(base), worker: lease.worker }
  if (await create(config, fresh, media)) {
    const kept = media.length > 0 ? undefined : request
    return sessionOf(config, opening, { state: fresh, version: 1, isNew: true }, kept)
  }
  const other = await loadRun(config.store, id)
  if (other === undefined) throw new RunStateError(`Could not join the run, the store forgot it meanwhile: ${id}`)
  return joined(config, opening, other, identity)
}

async function loadAll(id: string): Promise<void> {
  try {
    await loadParts()
  } catch (cause) {
    throw new RunStateError(`Could not start the run, a part of the library cannot be loaded: ${id}`, { cause })
  }
}

// The beat comes first: a run whose worker has none is free.
async function create(config: PipelineConfig, fresh: RunState, media: readonly KeptMedia[]): Promise<boolean> {
  const { id } = fresh
  const { store, rawStore, lease } = config
  let creating: Promise<boolean> | undefined
  try {
    await lease.beat()
    for (const { sha256, bytes } of media) await store.putMedia?.(id, sha256, bytes)
    creating = rawStore.create(id, toStoredRun(fresh))
    const created = creating
    return await inTime(config, 'create', () => created)
  } catch (error) {
    if (isAnswer(error)) throw error
    const failure = new RunStateError(`Could not save the run, nothing was sent: ${id}`, {
      cause: error,
      isRetryable: true,
    })
    creating
      ?.then(ignored, ignored)
      .then(() => withdraw(config, fresh, failure))
      .catch(ignored)
    throw failure
  }
}

// What was created without an answer must not be paid for later: its caller has been refused.
async function withdraw({ rawStore, clock }: PipelineConfig, fresh: RunState, failure: RunStateError): Promise<void> {
  const loaded = await rawStore.load(fresh.id)
  if (loaded?.version !== 1 || loaded.state.worker !== fresh.worker) return
  const { worker: _worker, ...rest } = fresh
  const ended: RunState = { ...rest, status: 'failed', endedAt: clock.now(), error: failure.toJSON() }
  await rawStore.save(fresh.id, 1, toStoredRun(ended))
}

function joined(
  config: PipelineConfig,
  opening: Opening,
  known: StoredState,
  { fingerprint, owner }: RunIdentity,
): RunSession {
  const { id, request } = opening.origin
  if (owner !== known.state.owner) {
    throw new RunStateError(`Could not join the run, it belongs to another owner: ${id}`)
  }
  if (fingerprint !== known.state.fingerprint) {
    throw new RunStateError(`Could not join the run, its id belongs to a different request: ${id}`)
  }
  return sessionOf(config, opening, known, request)
}

function sessionOf(
  config: PipelineConfig,
  { log, signal, isResident }: Opening,
  { state, version, isNew = false }: StoredState & { readonly isNew?: boolean },
  request?: VideoRequest,
): RunSession {
  return new RunSession({ config, log, state, version, isNew, request, callerSignal: signal, isResident })
}

function ignored(): void {}
