import type { Admission, GeneratorRoute } from '../calling/generator-routes.js'
import type { ObservedStrategy } from '../contracts/attempt-observer.js'
import type { UpstreamState } from '../contracts/events.js'
import type { GeneratedVideo, StartedTask } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import type { StageContext, StageName, StageWarning } from '../contracts/stage.js'
import type { EventLog } from './event-log.js'
import type { PipelineConfig } from './options.js'
import { ProgressGauge } from './progress-gauge.js'
import type { RunState, Submission } from './state/run-state.js'

/** A run while this process works on it: its saved state, and what cannot be saved. */
export interface RunSession {
  readonly id: string
  readonly config: PipelineConfig
  readonly log: EventLog
  /** Aborted by the caller alone. */
  readonly callerSignal: AbortSignal
  /** Aborted by the caller, or when another process took the run over: then with a `FencedError` as its reason. */
  signal: AbortSignal
  state: RunState
  version: number
  /** Number of the submission whose job the store is known to have; a job that it has not is known to this process alone. */
  savedJob?: number | undefined
  /** Whether a save failed without an answer, so that the store may have it under a version that this process was not told. */
  mayHaveSaved?: boolean
  /** When the lease that was saved last ends, on the monotonic clock: a process that was paused sees it passed. */
  leaseEndsAt: number
  /** The last save, also while it is under way: saves of one run go one after the other. */
  saving: Promise<void>
  /** As the caller gave it; the state has its bytes as data URLs. */
  readonly request: VideoRequest
  /** With its source; absent after a restart. */
  video?: GeneratedVideo
  /** What each generator failed with, for the error of a chain. */
  readonly generatorErrors: unknown[]
  /** Leave of this process to have the present job; asked for again after a restart. */
  admission?: Admission
  /** A submission under way, so that an abort can still cancel what it brings. */
  submitting?: Promise<StartedTask>
  /** What is left at the generator, when the run fails. */
  upstream?: UpstreamState
}

/** Adds a warning to the run, once for each text. */
export function warn(session: RunSession, warning: StageWarning, stage?: StageName, strategy?: string): void {
  const { code, message } = warning
  const told = { code, message, ...(stage && { stage }) }
  const { warnings } = session.state
  const added = addWarnings(warnings, [told])
  if (added.length === warnings.length) return
  session.state = { ...session.state, warnings: added }
  session.log.append({ type: 'warning', ...(stage && { stage }), ...(strategy && { strategy }), code, message })
}

/** Those of both, each text of a stage once. */
export function addWarnings(to: RunState['warnings'], more: RunState['warnings']): RunState['warnings'] {
  const isKnown = ({ code, message, stage }: (typeof to)[number]) =>
    to.some((known) => known.code === code && known.message === message && known.stage === stage)
  return [...to, ...more.filter((warning) => !isKnown(warning))]
}

/** Who is at work in a stage, and since when. */
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

/** What events of a stage say of their strategy. */
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
      if (!work.isOpen || typeof progress !== 'object' || progress === null) return
      const read = work.gauge.read(work.strategy.name, progress)
      const { ratio, phase } = read
      const known = { stage: work.stage, ...(ratio !== undefined && { ratio }), ...(phase !== undefined && { phase }) }
      // Saved with whatever is saved next: other processes see it then.
      session.state = { ...session.state, progress: known }
      session.log.progress({
        type: 'stage-progressed',
        ...placeOf(work.stage, work.strategy),
        ...read,
        elapsedMs: Math.max(0, clock.now() - work.startedAt),
      })
    },
    warn: (warning) => {
      if (work.isOpen) warn(session, warning, work.stage, work.strategy.name)
    },
  }
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
  { route, submission }: { readonly route: GeneratorRoute; readonly submission: Submission },
): number {
  const { clock, deadlines } = session.config
  const { timeoutMs = Number.POSITIVE_INFINITY } = route
  const jobEndsAt = (submission.handle?.startedAt ?? clock.now()) + timeoutMs
  return Math.min(remainingMs(session, deadlines.generateMs), jobEndsAt - clock.now())
}
