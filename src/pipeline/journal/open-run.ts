import { generatorRoutesOf } from '../../calling/generator-routes.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { loadParts } from '../../contracts/lazy-part.js'
import type { VideoRequest } from '../../contracts/request.js'
import { requestConflicts } from '../../contracts/request-conflicts.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { EventLog } from '../event-log.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { RunSession } from '../run-session.js'
import type { RunWaits } from '../run-waits.js'
import { identityOf } from '../state/request-fingerprint.js'
import { newRunState, type RunIdentity, type RunState } from '../state/run-state.js'
import { storedRequest } from '../state/stored-request.js'
import { boundOf, firstSubmission } from '../state/submission.js'
import type { Trace } from '../tracing/trace.js'
import type { RunTrace } from '../tracing/trace-messages.js'
import { createRun } from './create-run.js'
import { loadRun, type StoredState } from './store-calls.js'
import { TimedStore } from './timed-store.js'

/** Source of a run: a request, or only an id, whose run is in the store. */
export interface RunOrigin {
  readonly id: string
  readonly request?: VideoRequest | undefined
  readonly owner?: string | undefined
  /** The run that this one retries. */
  readonly retryOf?: string | undefined
  /** W3C `traceparent` of the caller. */
  readonly traceparent?: string | undefined
  /** Whether the caller chose the id, so that the store may know it already. */
  readonly isCallerId: boolean
}

/** Options of an opened session. */
export interface Opening {
  readonly origin: RunOrigin
  readonly log: EventLog
  readonly signal: AbortSignal
  /** Whether this process keeps the run until its end. */
  readonly isResident: boolean
  readonly waits: RunWaits
  /** Aborts the run as its caller does. */
  readonly cancel?: ((reason: unknown) => void) | undefined
  /** `undefined` when nothing subscribes. */
  readonly trace?: Trace<RunTrace> | undefined
}

/**
 * Creates the run in the store, or loads it from there.
 * @throws InvalidRequestError when fields of a new request exclude each other. RunStateError when the store does not respond, does not know the run, or has another request under its id.
 */
export async function openRun(config: PipelineConfig, opening: Opening): Promise<RunSession> {
  const { signal } = opening
  const { id, request } = opening.origin
  await loadAll(id)
  if (request === undefined) {
    const loaded = await loadRun(config.store, id)
    if (loaded === undefined) throw new RunStateError(`Could not resume the run, the store does not know it: ${id}`)
    return sessionOf(config, opening, loaded)
  }
  const now = config.clock.now()
  const endsAt = config.clock.monotonic() + config.deadlines.totalMs
  const timed = new TimedStore(config, () => endsAt - config.clock.monotonic())
  const hasten = () => timed.endBy(config.clock.monotonic() + config.storeTimeoutMs)
  signal.addEventListener('abort', hasten, { once: true })
  try {
    return await createOrJoin(config, opening, { request, timed, now })
  } finally {
    signal.removeEventListener('abort', hasten)
  }
}

async function loadAll(id: string): Promise<void> {
  try {
    await loadParts()
  } catch (cause) {
    const reason = 'a part of the library cannot be loaded'
    const message = `Could not start the run ${id}, nothing was sent: ${reason}; restart the process`
    throw new RunStateError(message, { cause, reason, isRetryable: true })
  }
}

async function createOrJoin(
  config: PipelineConfig,
  opening: Opening,
  { request, timed, now }: { readonly request: VideoRequest; readonly timed: TimedStore; readonly now: number },
): Promise<RunSession> {
  const { id, owner, isCallerId, retryOf, traceparent } = opening.origin
  const identity = identityOf(request, owner)
  const canKeepMedia = config.store.putMedia !== undefined
  const { request: stored, media } = storedRequest(request, { canKeepMedia })
  const conflicts = requestConflicts(request)
  // Media must not be kept for a run that has ended, so an id that may be known is loaded first. A run of an earlier version may have
  // a request that is refused today.
  const isLoaded = isCallerId && (media.length > 0 || conflicts.length > 0)
  const known = isLoaded ? await loadRun(timed.store, id) : undefined
  if (known) return joined(config, opening, known, identity)
  if (conflicts.length > 0) throw new InvalidRequestError(conflicts)
  const routes = generatorRoutesOf(config.generator)
  const cursor = routes.first()
  const submission = firstSubmission(cursor, boundOf(routes.at(cursor)))
  const { totalMs } = config.deadlines
  const base = { id, request: stored, identity, now, totalMs, isCallerId, retryOf, traceparent, submission }
  const unheld = newRunState(base)
  const fresh: RunState = opening.isResident ? { ...unheld, worker: config.lease.worker } : unheld
  if (await createRun(config, { fresh, media, timed })) {
    const kept = media.length > 0 ? undefined : request
    return sessionOf(config, opening, { state: fresh, version: 1, isNew: true }, kept)
  }
  const other = await loadRun(timed.store, id)
  if (other === undefined) throw new RunStateError(`Could not join the run, the store forgot it meanwhile: ${id}`)
  return joined(config, opening, other, identity)
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
  { log, signal, isResident, waits, cancel, trace }: Opening,
  { state, version, isNew = false }: StoredState & { readonly isNew?: boolean },
  request?: VideoRequest,
): RunSession {
  return new RunSession({
    config,
    log,
    state,
    version,
    isNew,
    request,
    callerSignal: signal,
    isResident,
    waits,
    cancel,
    trace,
  })
}
