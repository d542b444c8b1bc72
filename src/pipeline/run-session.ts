import type { Admission, GeneratorRoute } from '../calling/generator-routes.js'
import type { UpstreamState } from '../contracts/events.js'
import type { GeneratedVideo, StartedTask } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import { FencedError } from '../contracts/run-errors.js'
import { redact } from '../contracts/secrets/redact.js'
import type { StageName, StageWarning } from '../contracts/stage.js'
import { NetworkError } from '../contracts/upstream-errors.js'
import { copyOfRequest } from './copy-of-request.js'
import type { EventLog } from './event-log.js'
import type { SweptJob } from './generate/swept-job.js'
import { RunJournal } from './journal/run-journal.js'
import type { RunTime } from './journal/run-time.js'
import type { HeldRun } from './journal/worker-lease.js'
import type { PipelineConfig } from './pipeline-config.js'
import { ProgressGauge } from './progress-gauge.js'
import type { RunWaits } from './run-waits.js'
import type { GeneratorFailure } from './state/attempts.js'
import { type RunState, withWarnings } from './state/run-state.js'
import { restoredRequest } from './state/stored-request.js'
import type { AcceptedSubmission } from './state/submission.js'
import { type RunEvents, runEventsOf } from './stored-events/run-events.js'
import type { Trace } from './tracing/trace.js'
import type { AttemptTrace, RunTrace } from './tracing/trace-messages.js'

/** Options of a session. */
export interface SessionOptions {
  readonly config: PipelineConfig
  readonly log: EventLog
  readonly state: RunState
  readonly version: number
  /** Whether this process has just created the run. */
  readonly isNew: boolean
  /** As the caller passed it; without it the stored request is read when needed. */
  readonly request?: VideoRequest | undefined
  /** Aborted only by the caller. */
  readonly callerSignal: AbortSignal
  /** Whether this process keeps the run until its end. */
  readonly isResident: boolean
  readonly waits: RunWaits
  /** Aborts the run as its caller does. */
  readonly cancel?: ((reason: unknown) => void) | undefined
  readonly trace?: Trace<RunTrace> | undefined
}

/** A run while this process works on it: its journal, and state that cannot be saved. */
export class RunSession implements HeldRun {
  readonly id: string
  readonly config: PipelineConfig
  readonly log: EventLog
  readonly journal: RunJournal
  readonly callerSignal: AbortSignal
  readonly isResident: boolean
  readonly isNew: boolean
  /** Waits without effects. */
  readonly waits: RunWaits
  /** Its events in the store; absent when the store has no event log. */
  readonly events: RunEvents | undefined
  /** Aborts the run as its caller does. */
  readonly cancel: ((reason: unknown) => void) | undefined
  /** The work of this process on the run; `undefined` when nothing subscribes. */
  readonly trace: Trace<RunTrace> | undefined
  /** The attempt of the current generator, while its job runs. */
  jobTrace: Trace<AttemptTrace> | undefined
  /** The video with its source; absent after a restart. */
  video: GeneratedVideo | undefined
  /** Errors of generators in this process, for the error of a chain. */
  readonly generatorFailures: GeneratorFailure[] = []
  /** Error of the last poll of the job; absent when that succeeded, and after a restart. */
  lastMiss: { readonly error: unknown } | undefined
  /** When this process first sent the submission, by the wall clock and by the monotonic one. */
  firstSend: { readonly wall: number; readonly monotonic: number } | undefined
  /** Failure of the last lookup of an unknown submission. */
  lastLookup: { readonly error: unknown } | undefined
  /** Progress of the generation, of all its steps in this process. */
  readonly generation: ProgressGauge
  /** How its job is polled together with those of other runs; absent if its generator cannot do that. */
  swept: SweptJob | undefined
  /** When to claim a job again that could not be claimed, in the time of the run. */
  claimAgainAt: number | undefined
  /** Releases the place among the concurrent runs. */
  leaveLine: (() => void) | undefined
  /** Admission of the current job in this process; requested again after a restart. */
  admission: Admission | undefined
  /** A submission in progress, so that an abort can still cancel its job. */
  submitting: Promise<StartedTask> | undefined
  /** Closes the connection of the submission in progress, whose outcome is unknown then. */
  hangUp: AbortController | undefined
  /** Whether the job of an aborted run's submission is cancelled before the last event. */
  isStopping = false
  /** What is left at the generator when the run fails. */
  upstream: UpstreamState | undefined
  /** Pending while the end of the run is not saved. */
  left: Promise<void> | undefined
  /** Whether the process that had the run before ended while it published, so that a post may exist. */
  isPublishedAgain = false
  /** Whether another process held the run when this one ended it. */
  isWatcher = false
  #tenure: AbortController
  #letGo: (() => void) | undefined
  #request: VideoRequest | undefined

  constructor(options: SessionOptions) {
    const { config, log, state, version, isNew, request, callerSignal, isResident, waits, cancel, trace } = options
    this.id = state.id
    this.config = config
    this.log = log
    this.callerSignal = callerSignal
    this.isResident = isResident
    this.isNew = isNew
    this.waits = waits
    this.cancel = cancel
    this.events = runEventsOf({ config, id: state.id, log, onEnd: () => waits.wake() })
    this.trace = trace
    this.#request = request
    const readings = state.submission?.state === 'accepted' ? state.submission.readings : []
    this.generation = new ProgressGauge(Math.max(0, ...readings.map(({ ratio = 0 }) => ratio)))
    this.#tenure = new AbortController()
    const message = 'Could not save the run; it continues in this process alone'
    const onUnsaved = () => warn(this, { code: 'store-unavailable', message })
    this.journal = new RunJournal({ config, state, version, isNew, isResident, onUnsaved })
  }

  get state(): RunState {
    return this.journal.state
  }

  /**
   * Aborted by the caller, or with a `FencedError` when another process took the run over. The same signal while this process
   * holds the run.
   */
  get signal(): AbortSignal {
    return this.#tenure.signal
  }

  /** The time of its deadlines. */
  get time(): RunTime {
    return this.journal.time
  }

  /**
   * The caller aborted the run at an instant of the monotonic clock: the current step ends, and store operations have a limited
   * time.
   */
  abort(at: number): void {
    this.journal.endBy(at + this.config.storeTimeoutMs)
    this.interrupt(this.callerSignal.reason)
  }

  /** Ends the current step. */
  interrupt(reason: unknown): void {
    this.#tenure.abort(reason)
  }

  /** Ends the current effect; a submission has an unknown outcome then, and the process that continues looks it up. */
  breakOff(reason: unknown): void {
    if (this.submitting === undefined) this.interrupt(reason)
    else this.hangUp?.abort(new NetworkError(`Could not learn the outcome, the pipeline was closed: ${this.id}`))
  }

  /** After a lost race, and between two steps: starts a new signal. */
  beginTenure(): void {
    if (this.#tenure.signal.aborted && !this.callerSignal.aborted) this.#tenure = new AbortController()
  }

  /**
   * The request with its media.
   * @throws RunStateError when the media is gone; any error of the store.
   */
  async request(): Promise<VideoRequest> {
    return this.#request
      ? copyOfRequest(this.#request)
      : restoredRequest(this.id, this.state.request, this.journal.store)
  }

  /** Beats for the run from now on, and detects a save of another process. */
  hold(): void {
    this.#letGo ??= this.config.lease.hold(this)
  }

  /** The newest state that this process knows. */
  get version(): number {
    return this.journal.version
  }

  /** Called when the store has another version. */
  onOtherVersion(): void {
    // Its own save is another version as well, until its response arrives.
    if (this.journal.isSaving) return
    this.journal.isOvertaken().then((isLost) => isLost && this.interrupt(overtaken(this.id)), ignored)
  }

  /** Polls now. First the store forgets the wake, so that a later one is a new one. */
  onWoken(): void {
    this.journal.reschedule().then(() => this.waits.wake(), ignored)
  }

  /** Lets any process continue the run at once. If the store cannot save that, the run is free when the worker retires. */
  async release(): Promise<void> {
    const { journal } = this
    if (journal.isOwn && journal.state.status === 'running') await journal.saveUnsaved(false).catch(ignored)
  }

  /** Marks the run as lost to another process. */
  letGo(): void {
    this.events?.withhold()
    this.#letGo?.()
    this.#letGo = undefined
  }
}

/** The error of a run that another process has taken over. */
export function overtaken(id: string): FencedError {
  return new FencedError(`Could not continue the run, another process has taken it over: ${id}`)
}

/** Adds a warning to the run, once for each text. */
export function warn(session: RunSession, warning: StageWarning, stage?: StageName, strategy?: string): void {
  const { code } = warning
  // A custom strategy may quote any text.
  const message = redact(String(warning.message))
  const { warnings } = session.state
  const added = withWarnings(warnings, [{ code, message, ...(stage && { stage }) }])
  if (added === warnings) return
  session.journal.note({ warnings: added })
  session.log.append({ type: 'warning', ...(stage && { stage }), ...(strategy && { strategy }), code, message })
}

/** Remaining milliseconds of a stage, by its own deadline and that of the run; may be negative. */
export function remainingMs(session: RunSession, stageMs: number): number {
  const { state, time } = session
  return time.leftMs((state.stepStartedAt ?? time.now()) + stageMs, state.deadlineAt)
}

/** Remaining milliseconds of a job, by the stage, the run, and the time limit of its generator; may be negative. */
export function jobRemainingMs(
  session: RunSession,
  { route, submission }: { readonly route: GeneratorRoute; readonly submission: AcceptedSubmission },
): number {
  const { timeoutMs = Number.POSITIVE_INFINITY } = route
  const jobMs = session.time.leftMs(submission.handle.startedAt + timeoutMs)
  return Math.min(remainingMs(session, session.config.deadlines.generateMs), jobMs)
}

function ignored(): void {}
