import { toErrorJson } from '../contracts/errors.js'
import type { PipelineEvent, RunFailed } from '../contracts/events.js'
import { RecordedError } from '../contracts/recorded-error.js'
import type { VideoRequest } from '../contracts/request.js'
import { type PipelineResult, toResultJson } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { StageName } from '../contracts/stage.js'
import { EventLog } from './event-log.js'
import { advanceGenerate } from './generate-stage.js'
import { advancePublish, advanceResolve, advanceUnpublish, advanceUpload } from './later-stages.js'
import type { PipelineConfig } from './options.js'
import { resultOf } from './run-result.js'
import { type RunSession, saveState } from './run-session.js'
import { newRunState, type RunState, readRunState, type Step, toStoredRun } from './run-state.js'
import { stopUpstream } from './stop-upstream.js'

/**
 * A run under way. Iterate it for its events, as often and as late as you like: every reader sees all of them from the first.
 * Leaving a loop early stops that reader alone.
 */
export interface PipelineRun extends AsyncIterable<PipelineEvent> {
  readonly id: string
  /**
   * What the run comes to. Rejects with the run's error, or with `signal.reason` itself after an abort. Nobody has to read it: it
   * never causes an unhandled rejection.
   */
  readonly result: Promise<PipelineResult>
  /**
   * Aborts the run: `result` rejects at once with `reason` itself, and the generator is told to cancel when it can. The last
   * event, `run-failed`, says what is left running (and costing). Resolves when that event is there; does nothing after the end.
   * @param reason - An `AbortError` by default.
   */
  cancel(reason?: unknown): Promise<void>
}

/** Where a run comes from. */
export type RunOrigin = { readonly id: string; readonly request?: VideoRequest }

/** A run that this process works on. */
export interface ActiveRun extends PipelineRun {
  readonly request: VideoRequest | undefined
  /** Aborts the run with a signal of a caller. */
  follow(signal: AbortSignal): void
}

const STEPS: Readonly<Record<Exclude<Step, 'finish'>, (session: RunSession) => Promise<void>>> = {
  generate: advanceGenerate,
  publish: advancePublish,
  resolve: advanceResolve,
  upload: advanceUpload,
  unpublish: advanceUnpublish,
}

// Takes one step of a run: at most one effect outside, saved by compare-and-set.
async function advance(session: RunSession): Promise<void> {
  const { step } = session.state
  if (step !== 'finish') await STEPS[step](session)
}

/** Starts to work on a run at once. */
export function startRun(config: PipelineConfig, origin: RunOrigin, onEnd: () => void): ActiveRun {
  const { id } = origin
  const controller = new AbortController()
  const { signal } = controller
  const unfollow = new AbortController()
  const log = new EventLog(
    () => ({ runId: id, at: config.clock.now() }),
    listenerOf(config, () => log),
  )
  const result = new Promise<PipelineResult>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    // A listener must not run inside the call of run(): the caller has not got its run yet.
    queueMicrotask(() => drive(config, { origin, log, signal }).then(resolve, reject).finally(end))
  })
  let markEnded: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve
  })
  const end = () => {
    unfollow.abort()
    onEnd()
    markEnded()
  }
  result.catch(() => undefined) // Whoever reads it still gets the rejection.
  return {
    id,
    request: origin.request,
    result,
    cancel: (reason = new DOMException('The run was cancelled', 'AbortError')) => {
      controller.abort(reason)
      return ended
    },
    follow: (caller) => {
      const abort = () => controller.abort(caller.reason)
      if (caller.aborted) abort()
      else caller.addEventListener('abort', abort, { once: true, signal: unfollow.signal })
    },
    [Symbol.asyncIterator]: () => log.read(),
  }
}

type Drive = { readonly origin: RunOrigin; readonly log: EventLog; readonly signal: AbortSignal }

async function drive(config: PipelineConfig, { origin, log, signal }: Drive): Promise<PipelineResult> {
  let session: RunSession | undefined
  try {
    const opened = await openState(config, origin)
    session = { id: origin.id, config, log, signal, generatorErrors: [], ...opened }
    log.append({ type: opened.isNew ? 'run-started' : 'run-resumed', stages: stagesOf(config) })
    while (session.state.status === 'running' && session.state.step !== 'finish') {
      const waitMs = session.state.wakeAt - config.clock.now()
      if (waitMs > 0) await config.clock.sleep(waitMs, { signal })
      signal.throwIfAborted()
      await advance(session)
    }
    signal.throwIfAborted()
    return await finish(session)
  } catch (error) {
    if (session === undefined) log.append({ type: 'run-started', stages: stagesOf(config) })
    if (signal.aborted) {
      const upstream = session && (await stopUpstream(session))
      await fail({ log, session }, { ...toErrorJson(signal.reason), code: 'aborted' }, { isAborted: true, upstream })
      throw signal.reason
    }
    await fail({ log, session }, toErrorJson(error), { isAborted: false, upstream: session?.upstream })
    throw error
  }
}

type Opened = Pick<RunSession, 'state' | 'version' | 'request'> & { readonly isNew: boolean }

async function openState(config: PipelineConfig, { id, request }: RunOrigin): Promise<Opened> {
  const { store, clock, deadlines } = config
  const fresh = request && newRunState(id, request, { now: clock.now(), totalMs: deadlines.totalMs })
  try {
    if (fresh && request && (await store.create(id, toStoredRun(fresh)))) {
      return { state: fresh, version: 1, request, isNew: true }
    }
  } catch (error) {
    throw new RunStateError(`Could not save the run, nothing was sent: ${id}`, { cause: error })
  }
  const loaded = await store.load(id)
  if (loaded === undefined) throw new RunStateError(`Could not resume the run, the store does not know it: ${id}`)
  const state = readRunState(id, loaded.state)
  if (fresh && fresh.fingerprint !== state.fingerprint) {
    throw new RunStateError(`Could not join the run, another request is known under its id: ${id}`)
  }
  return { state, version: loaded.version, request: request ?? state.request, isNew: false }
}

async function finish(session: RunSession): Promise<PipelineResult> {
  const { state, log, config } = session
  if (state.error) throw new RecordedError(state.error)
  const endedAt = state.endedAt ?? config.clock.now()
  resultOf(session, endedAt) // Rejects before the run is saved as completed.
  if (state.status === 'running') await saveState(session, { status: 'completed', endedAt })
  const result = resultOf(session, endedAt)
  log.append({ type: 'run-completed', result: toResultJson(result) })
  return result
}

async function fail(
  { log, session }: { readonly log: EventLog; readonly session: RunSession | undefined },
  error: RunState['error'] & object,
  { isAborted, upstream }: { readonly isAborted: boolean; readonly upstream: RunFailed['upstream'] | undefined },
): Promise<void> {
  if (session?.state.status === 'running' && error.code !== 'run-fenced') {
    const endedAt = session.config.clock.now()
    try {
      await saveState(session, { status: 'failed', endedAt, error, isAborted })
    } catch (cause) {
      log.append({
        type: 'warning',
        code: 'store-unavailable',
        message: `Could not save the end of the run: ${toErrorJson(cause).code}`,
      })
    }
  }
  const known = session?.state.isAborted ?? isAborted
  log.append({ type: 'run-failed', error, isAborted: known, ...(upstream && { upstream }) })
}

function stagesOf(config: PipelineConfig): StageName[] {
  const { publisher, resolver, uploader } = config
  return [
    'generate',
    ...(publisher ? ['publish' as const] : []),
    ...(resolver ? ['resolve' as const] : []),
    ...(uploader ? ['upload' as const] : []),
  ]
}

// A listener that throws is the caller's bug and must not cost a video: it is told once.
function listenerOf(config: PipelineConfig, log: () => EventLog): ((event: PipelineEvent) => void) | undefined {
  const { onEvent } = config
  if (onEvent === undefined) return undefined
  let hasThrown = false
  return (event) => {
    try {
      onEvent(event)
    } catch (error) {
      if (hasThrown) return
      hasThrown = true
      log().append({
        type: 'warning',
        code: 'listener-failed',
        message: `onEvent threw: ${toErrorJson(error).message}`,
      })
    }
  }
}
