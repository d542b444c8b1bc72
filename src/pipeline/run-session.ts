import type { ObservedStrategy } from '../contracts/attempt-observer.js'
import { isSoraPipelineError } from '../contracts/errors.js'
import type { UpstreamState } from '../contracts/events.js'
import type { GeneratedVideo, StartedTask } from '../contracts/generator.js'
import type { VideoRequest } from '../contracts/request.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { StageContext, StageName, StageWarning } from '../contracts/stage.js'
import type { EventLog } from './event-log.js'
import type { PipelineConfig } from './options.js'
import { ProgressGauge } from './progress-gauge.js'
import { type RunState, toStoredRun } from './run-state.js'

/** A run while this process works on it: its saved state, and what cannot be saved. */
export interface RunSession {
  readonly id: string
  readonly config: PipelineConfig
  readonly log: EventLog
  readonly signal: AbortSignal
  state: RunState
  version: number
  /** As the caller gave it; the state has its bytes as data URLs. */
  readonly request: VideoRequest
  /** With its source; absent after a restart. */
  video?: GeneratedVideo
  /** What each generator failed with, for the error of a chain. */
  readonly generatorErrors: unknown[]
  /** A submission under way, so that an abort can still cancel what it brings. */
  submitting?: Promise<StartedTask>
  /** What is left at the generator, when the run fails. */
  upstream?: UpstreamState
}

/** Changes of a state. */
export type StatePatch = Partial<RunState>

/**
 * Saves a change by compare-and-set. Once something was submitted, a store that is down does not stop a run that this process
 * still holds: it is told as a warning.
 * @throws FencedError when another process took the run over.
 * @throws RunStateError when nothing was submitted yet and the store does not answer.
 */
export async function saveState(session: RunSession, patch: StatePatch): Promise<void> {
  const state = { ...session.state, ...patch }
  try {
    session.version = await session.config.store.save(session.id, session.version, toStoredRun(state))
    session.state = state
  } catch (error) {
    if (isSoraPipelineError(error) && error.code === 'run-fenced') throw error
    if (!hasSubmitted(state)) {
      throw new RunStateError(`Could not save the run, nothing was sent: ${session.id}`, { cause: error })
    }
    session.state = state
    warn(session, { code: 'store-unavailable', message: 'Could not save the run; it goes on in this process alone' })
  }
}

function hasSubmitted({ video, submission }: RunState): boolean {
  return video !== undefined || submission?.state === 'accepted'
}

/** Adds a warning to the run, once for each text. */
export function warn(session: RunSession, warning: StageWarning, stage?: StageName, strategy?: string): void {
  const { code, message } = warning
  const { state } = session
  if (state.warnings.some((known) => known.code === code && known.message === message && known.stage === stage)) return
  session.state = { ...state, warnings: [...state.warnings, { code, message, ...(stage && { stage }) }] }
  session.log.append({ type: 'warning', ...(stage && { stage }), ...(strategy && { strategy }), code, message })
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
      session.log.progress({
        type: 'stage-progressed',
        ...placeOf(work.stage, work.strategy),
        ...work.gauge.read(work.strategy.name, progress),
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
