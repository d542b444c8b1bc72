import { toErrorJson } from '../contracts/errors.js'
import type { PipelineEvent, UpstreamState } from '../contracts/events.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResult } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import { stagesOf } from './configured-stages.js'
import type { PipelineEngine } from './engine.js'
import { listenerOf } from './event-listener.js'
import { EventLog } from './event-log.js'
import type { RunOrigin } from './journal/open-run.js'
import type { PipelineCore } from './pipeline-core.js'
import type { RunSession } from './run-session.js'
import { RunWaits } from './run-waits.js'
import { identityOf } from './state/request-fingerprint.js'
import type { RunIdentity, RunProgress } from './state/run-state.js'

/**
 * A run in progress. Iterate it for its events, any number of times and at any time: every reader sees all events from the first.
 * Leaving a loop early stops only that reader.
 */
export interface PipelineRun extends AsyncIterable<PipelineEvent> {
  /** Id of the run. */
  readonly id: string
  /**
   * The result of the run. Rejects with the error of the run, or with `signal.reason` itself after an abort. It never causes an
   * unhandled rejection when nothing awaits it.
   */
  readonly result: Promise<PipelineResult>
  /**
   * Resolves when the run is in the store, and rejects if it could not be saved. Only a run of a queue runner has it: its first event
   * comes from a worker, which may be busy until much later.
   */
  readonly saved?: Promise<void> | undefined
  /**
   * Aborts the run: `result` rejects at once with `reason` itself, and the job is cancelled if the generator supports it. The
   * last event, `run-failed`, reports what keeps running and costing money. A run that is already being saved as completed still
   * completes: its last event is `run-completed`. Resolves after the last event; does nothing after the end.
   * @param reason - Default: an `AbortError`.
   */
  cancel(reason?: unknown): Promise<void>
}

/** A run that this process works on. */
export interface ActiveRun extends PipelineRun {
  /** Whether a request is that of the run, or `request` is absent; `false` while the request is being read from the store. */
  isFor(request: VideoRequest | undefined, owner: string | undefined): boolean
  /** State that is not saved with every poll: when the run is due next, and the progress of the current stage. */
  present(): { readonly wakeAt?: number; readonly progress?: RunProgress }
  /** Aborts the run with a signal of a caller. The listener is removed when the run has ended. */
  follow(signal: AbortSignal): void
  /** Ends the sleep before the next poll; `false` if another process holds the run, so that only the store can wake it. */
  wake(): boolean
  /** Stops the work of this process on the run, after an effect in progress. */
  leave(error: RunStateError): void
  /**
   * Stops waiting for that effect. Resolves when the run is released; at once during a submission, whose response is still saved
   * when it comes.
   */
  abandon(): Promise<void>
  /** Resolves when this process no longer works on the run. */
  readonly ended: Promise<void>
}

/** How this process works on a run. */
export interface StartOptions {
  /** The engine, or its import. */
  readonly engine: PipelineEngine | Promise<PipelineEngine>
  /** Whether the run has a worker of its own, because another session of this process works on it. */
  readonly hasOwnWorker: boolean
  /** Delay before a run that waits for a job continues, in milliseconds. */
  readonly delayMs: number
  /** @param left - Pending while the end of the run is not saved. */
  readonly onEnd: (left: Promise<void> | undefined) => void
}

/** Starts to work on a run at once. */
export function startRun(
  core: PipelineCore,
  origin: RunOrigin,
  { engine: loading, hasOwnWorker, onEnd, delayMs }: StartOptions,
): ActiveRun {
  const { id } = origin
  const controller = new AbortController()
  const { signal } = controller
  const cancel = (reason: unknown) => controller.abort(reason)
  let followed: Map<AbortSignal, () => void> | undefined
  const waits = new RunWaits()
  const log: EventLog = new EventLog(
    () => ({ runId: id, at: core.clock.now() }),
    listenerOf(core, () => log),
  )
  let known: RunIdentity | undefined
  let engine: PipelineEngine | undefined
  let session: RunSession | undefined
  // Released once the run is open: its media may be large, and the store has it.
  let pending: RunOrigin | undefined = origin
  const onOpen = (opened: RunSession) => {
    const { fingerprint, owner } = opened.state
    session = opened
    pending = undefined
    known = { fingerprint, ...(owner !== undefined && { owner }) }
  }
  let abandonWith: (error: unknown) => void = () => undefined
  const result = new Promise<PipelineResult>((resolve, reject) => {
    abandonWith = reject
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    // A listener must not run inside the call of run(): the caller has not got its run yet. Fake timers of Jest hold queueMicrotask back.
    Promise.resolve(loading).then(
      (loaded) => {
        engine = loaded
        const drive = { pending: () => pending as RunOrigin, log, signal, onOpen, delayMs, waits, cancel }
        loaded.drive(drive, { hasOwnWorker }).then(resolve, reject).finally(end)
      },
      (error: unknown) => {
        reject(error)
        fail(error)
        end()
      },
    )
  })
  let markEnded: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve
  })
  let isOver = false
  // Before there is a session.
  const fail = (error: unknown) => {
    const { aborted: isAborted, reason } = signal
    const json = isAborted ? ({ ...toErrorJson(reason), code: 'aborted' } as const) : toErrorJson(error)
    log.append({ type: 'run-started', stages: stagesOf(core) })
    log.append({ type: 'run-failed', error: json, isAborted })
  }
  const end = () => {
    for (const [caller, abort] of followed ?? []) caller.removeEventListener('abort', abort)
    followed = undefined
    isOver = true
    onEnd(session?.left)
    markEnded()
  }
  result.catch(() => undefined) // A caller that awaits it still gets the rejection.
  return {
    id,
    isFor: (request, owner) => {
      if (request === undefined) return true
      const wanted = identityOf(request, owner)
      const own = known ?? (pending?.request && identityOf(pending.request, pending.owner))
      return own?.fingerprint === wanted.fingerprint && own.owner === wanted.owner
    },
    present: () => ({
      ...(session && { wakeAt: session.state.wakeAt }),
      ...(log.latestProgress && { progress: log.latestProgress }),
    }),
    result,
    cancel: (reason = new DOMException('The run was cancelled', 'AbortError')) => {
      controller.abort(reason)
      return ended
    },
    follow: (caller) => {
      const abort = () => controller.abort(caller.reason)
      if (caller.aborted) return abort()
      if (isOver || followed?.has(caller)) return
      followed ??= new Map()
      followed.set(caller, abort)
      caller.addEventListener('abort', abort, { once: true })
    },
    wake: () => {
      waits.wake()
      return session === undefined || engine?.isNamedElsewhere(session) === false
    },
    leave: (error) => {
      waits.leave(error)
      // A poll has no effect, and the next process polls at once.
      if (session?.state.step === 'generate' && session.state.submission?.state === 'accepted') session.interrupt(error)
    },
    abandon: async () => {
      if (waits.leaving === undefined || isOver) return
      const leaving = session === undefined ? unconfirmed(id) : waits.leaving
      if (session === undefined) log.append({ type: 'run-started', stages: stagesOf(core) })
      const upstream = session?.submitting ? submittingTo(core, session) : session?.upstream
      log.append({ type: 'run-failed', error: toErrorJson(leaving), isAborted: false, ...(upstream && { upstream }) })
      abandonWith(leaving)
      session?.breakOff(leaving)
      await ended
    },
    ended,
    [Symbol.asyncIterator]: () => log.read(),
  }
}

// The store has not answered yet.
function unconfirmed(id: string): RunStateError {
  const reason = 'the pipeline was closed'
  return new RunStateError(`Could not learn whether the run is saved, ${reason}: ${id}`, { reason })
}

function submittingTo({ generator }: PipelineCore, { state }: RunSession): UpstreamState {
  return { state: 'unknown', generator: state.submission?.generator ?? generator.name }
}
