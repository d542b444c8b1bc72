import type { Admission, GeneratorRoute } from '../calling/generator-routes.js'
import type { ObservedStrategy } from '../contracts/attempt-observer.js'
import { describeValue, toErrorJson } from '../contracts/errors.js'
import type { UpstreamState } from '../contracts/events.js'
import type { GeneratedVideo, StartedTask } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import { FencedError } from '../contracts/run-errors.js'
import type { StageContext, StageName, StageProgress, StageWarning } from '../contracts/stage.js'
import { bugNameOf } from '../contracts/submission.js'
import type { EventLog } from './event-log.js'
import { RunJournal } from './journal/run-journal.js'
import type { PipelineConfig } from './options.js'
import { isRatio, ProgressGauge } from './progress-gauge.js'
import { type GeneratorFailure, shortened } from './state/attempts.js'
import { type RunProgress, type RunState, withWarnings } from './state/run-state.js'
import { restoredRequest } from './state/stored-request.js'
import type { AcceptedSubmission } from './state/submission.js'

/** What a session is opened with. */
export interface SessionOptions {
  readonly config: PipelineConfig
  readonly log: EventLog
  readonly state: RunState
  readonly version: number
  /** Whether this process has just created the run. */
  readonly isNew: boolean
  /** As the caller gave it; without it the stored one is read when it is needed. */
  readonly request?: VideoRequest | undefined
  /** Aborted by the caller alone. */
  readonly callerSignal: AbortSignal
  /** Whether this process stays with the run until its end. */
  readonly isResident: boolean
}

/** A run while this process works on it: its journal, and what cannot be saved. */
export class RunSession {
  readonly id: string
  readonly config: PipelineConfig
  readonly log: EventLog
  readonly journal: RunJournal
  readonly callerSignal: AbortSignal
  readonly isResident: boolean
  readonly isNew: boolean
  /** With its source; absent after a restart. */
  video?: GeneratedVideo
  /** What generators failed with in this process, for the error of a chain. */
  readonly generatorFailures: GeneratorFailure[] = []
  /** What the last poll of the job failed with; absent when it had an answer, and after a restart. */
  lastMiss?: { readonly error: unknown }
  /** Leave of this process to have the present job; asked for again after a restart. */
  admission?: Admission
  /** A submission under way, so that an abort can still cancel what it brings. */
  submitting?: Promise<StartedTask>
  /** What is left at the generator, when the run fails. */
  upstream?: UpstreamState
  #tenure: AbortController
  #letGo: (() => void) | undefined
  #request: VideoRequest | undefined

  constructor(options: SessionOptions) {
    const { config, log, state, version, isNew, request, callerSignal, isResident } = options
    this.id = state.id
    this.config = config
    this.log = log
    this.callerSignal = callerSignal
    this.isResident = isResident
    this.isNew = isNew
    this.#request = request
    this.#tenure = new AbortController()
    const message = 'Could not save the run; it continues in this process alone'
    const onUnsaved = () => warn(this, { code: 'store-unavailable', message })
    this.journal = new RunJournal({ config, state, version, isNew, isResident, onUnsaved })
  }

  get state(): RunState {
    return this.journal.state
  }

  /**
   * Aborted by the caller, or when another process took the run over: then with a `FencedError` as its reason. The same as long as
   * this process holds the run.
   */
  get signal(): AbortSignal {
    return this.#tenure.signal
  }

  /** The caller aborted the run: the step under way ends, and the store has a limited time from then on. */
  abort(at: number): void {
    this.journal.endBy(at + this.config.storeTimeoutMs)
    this.interrupt(this.callerSignal.reason)
  }

  /** Ends the step under way. */
  interrupt(reason: unknown): void {
    this.#tenure.abort(reason)
  }

  /** After a lost race, and between two steps: what comes is under a signal of its own. */
  beginTenure(): void {
    if (this.#tenure.signal.aborted && !this.callerSignal.aborted) this.#tenure = new AbortController()
  }

  /**
   * What was asked for, with its media.
   * @throws RunStateError when the media is gone. Whatever the store throws.
   */
  async request(): Promise<VideoRequest> {
    return this.#request ?? restoredRequest(this.id, this.state.request, this.journal.store)
  }

  /** Beats for the run from now on, and sees when another process saves it. */
  hold(): void {
    const { config, id, journal } = this
    const onOtherVersion = () => {
      // Its own save is another version as well, until it has its answer.
      if (!journal.isSaving) journal.isOvertaken().then((isLost) => isLost && this.interrupt(overtaken(id)), ignored)
    }
    const run = {
      id,
      get version() {
        return journal.version
      },
      onOtherVersion,
    }
    this.#letGo ??= config.lease.hold(run)
  }

  /** The run is not this process's any more. */
  letGo(): void {
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
  const { code, message } = warning
  const { warnings } = session.state
  const added = withWarnings(warnings, [{ code, message, ...(stage && { stage }) }])
  if (added === warnings) return
  session.journal.note({ warnings: added })
  session.log.append({ type: 'warning', ...(stage && { stage }), ...(strategy && { strategy }), code, message })
}

/** The strategy at work in a stage, and since when. */
export interface StageWork {
  readonly stage: StageName
  readonly startedAt: number
  /** Changes when another strategy of a chain takes over. */
  strategy: ObservedStrategy
  readonly gauge: ProgressGauge
  /** Reports that come after the end are ignored. */
  isOpen: boolean
}

/** Begins to work on a stage. */
export function openStage(stage: StageName, startedAt: number, strategy: ObservedStrategy): StageWork {
  return { stage, startedAt, strategy, gauge: new ProgressGauge(), isOpen: true }
}

/** What events of a stage carry of their strategy. */
export function placeOf(stage: StageName, { name, label }: ObservedStrategy) {
  return { stage, strategy: name, ...(label !== undefined && { label }) }
}

/** The context that the strategies of a stage are given. */
export function contextOf(session: RunSession, work: StageWork, signal: AbortSignal): StageContext {
  const { clock } = session.config
  return {
    runId: session.id,
    signal,
    clock,
    report: (progress) => {
      try {
        if (work.isOpen && typeof progress === 'object' && progress !== null) report(session, work, progress)
      } catch (error) {
        warnOfBug(session, work.stage, work.strategy.name, error) // A getter of the strategy's own.
      }
    },
    warn: (warning) => {
      if (work.isOpen) warn(session, warning, work.stage, work.strategy.name)
    },
  }
}

/** Warns when what a strategy threw is a bug of its own code, which a run that degrades must not hide. */
export function warnOfBug(session: RunSession, stage: StageName, strategy: string, thrown: unknown): void {
  // Only a bug throws what is not an object.
  const bug = bugNameOf(thrown) ?? (Object(thrown) === thrown ? undefined : typeof thrown)
  if (bug === undefined) return
  const said = shortened(toErrorJson(thrown).message, 500)
  const message = `Could not ${stage} with ${strategy}, its own code threw ${bug}: ${said}`
  warn(session, { code: 'unexpected-error', message }, stage, strategy)
}

/** Adds a warning about progress that cannot be used, once for each strategy of a stage. */
export function warnOfProgress(
  session: RunSession,
  { stage, strategy }: StageWork,
  wrong: { readonly field: string; readonly value: unknown; readonly fix: string },
): void {
  const code = 'invalid-progress'
  const opening = `Could not use the progress of ${strategy.name}: `
  const isKnown = session.state.warnings.some(
    (known) => known.code === code && known.stage === stage && known.message.startsWith(opening),
  )
  if (isKnown) return
  const message = `${opening}${wrong.field} is ${describeValue(wrong.value)}; ${wrong.fix}`
  warn(session, { code, message }, stage, strategy.name)
}

function report(session: RunSession, work: StageWork, progress: StageProgress): void {
  const { id, config, log } = session
  const { ratio: given } = progress
  if (given !== undefined && given !== null && !isRatio(given))
    warnOfProgress(session, work, { field: 'ratio', value: given, fix: 'give 0 to 1' })
  const { stage, strategy, gauge, startedAt } = work
  const read = gauge.read(strategy.name, progress)
  const { ratio, phase } = read
  const known: RunProgress = { stage, ...(ratio !== undefined && { ratio }), ...(phase !== undefined && { phase }) }
  config.lease.report(id, known)
  const elapsedMs = Math.max(0, config.clock.now() - startedAt)
  log.progress({ type: 'stage-progressed', ...placeOf(stage, strategy), ...read, elapsedMs })
}

/** Milliseconds that a stage has left, of its own deadline and of the run's; may be negative. */
export function remainingMs(session: RunSession, stageMs: number): number {
  const { state, config } = session
  const now = config.clock.now()
  const stageEndsAt = (state.stepStartedAt ?? now) + stageMs
  return Math.min(stageEndsAt, state.deadlineAt ?? Number.POSITIVE_INFINITY) - now
}

/** Milliseconds that a job has left, of the stage, of the run, and of its generator's own time limit; may be negative. */
export function jobRemainingMs(
  session: RunSession,
  { route, submission }: { readonly route: GeneratorRoute; readonly submission: AcceptedSubmission },
): number {
  const { clock, deadlines } = session.config
  const { timeoutMs = Number.POSITIVE_INFINITY } = route
  const jobEndsAt = submission.handle.startedAt + timeoutMs
  return Math.min(remainingMs(session, deadlines.generateMs), jobEndsAt - clock.now())
}

function ignored(): void {}
