import type { SoraPipelineErrorJson } from './errors.js'
import type { GenerationHandle } from './generation-handle.js'
import type { PipelineResultJson } from './result.js'
import type { StageName } from './stage.js'

/**
 * What happens in a run, as JSON. `sequence` counts from 0 without gaps; exactly one terminal event (`run-completed` or
 * `run-failed`) comes, last.
 */
export type PipelineEvent =
  | RunStarted
  | RunResumed
  | StageStarted
  | StageProgressed
  | AttemptFailed
  | FallbackTaken
  | Warned
  | StageCompleted
  | StageSkipped
  | StageFailed
  | RunCompleted
  | RunFailed

/** What every event has. */
export interface EventBase {
  readonly runId: string
  /** From 0, without gaps. */
  readonly sequence: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** What every event of a stage has. */
export interface StageEventBase extends EventBase {
  readonly stage: StageName
  /** Name of the strategy that it is about. */
  readonly strategy: string
  /** Its label for people, when it has one. */
  readonly label?: string
}

/** First event of a run. */
export interface RunStarted extends EventBase {
  readonly type: 'run-started'
  /** The stages that are configured, in order. */
  readonly stages: readonly StageName[]
}

/** A run was taken up from the store. */
export interface RunResumed extends EventBase {
  readonly type: 'run-resumed'
  readonly stages: readonly StageName[]
}

/** The first strategy of a stage is called. */
export interface StageStarted extends StageEventBase {
  readonly type: 'stage-started'
}

/** Readers that are slow see only the latest of several. */
export interface StageProgressed extends StageEventBase {
  readonly type: 'stage-progressed'
  /** 0 to 1; never goes back within a stage, and is absent when no upstream told one. */
  readonly ratio?: number
  readonly phase?: string
  readonly message?: string
  readonly bytesDone?: number
  readonly bytesTotal?: number
  /** Milliseconds since the stage started. */
  readonly elapsedMs: number
}

/** One strategy failed once; a retry, a fallback or the end of the stage follows. */
export interface AttemptFailed extends StageEventBase {
  readonly type: 'attempt-failed'
  readonly error: SoraPipelineErrorJson
  readonly durationMs: number
}

/** The next strategy of a chain takes over. */
export interface FallbackTaken extends StageEventBase {
  readonly type: 'fallback-taken'
  /** Name of the strategy that takes over from `strategy`. */
  readonly next: string
}

/** Something went on all the same, but people should know. `stage` is absent when it is about the whole run. */
export interface Warned extends EventBase {
  readonly type: 'warning'
  readonly stage?: StageName
  readonly strategy?: string
  readonly code: string
  readonly message: string
}

/** A stage has what it was for; `strategy` is the one that succeeded. */
export interface StageCompleted extends StageEventBase {
  readonly type: 'stage-completed'
  readonly durationMs: number
}

/** The stage is not configured, or an earlier end of the run left it out. */
export interface StageSkipped extends EventBase {
  readonly type: 'stage-skipped'
  readonly stage: StageName
  readonly reason: 'not-configured' | 'deadline' | 'no-source'
}

/** All of the stage failed. After `generate` the run goes on without it and is degraded. */
export interface StageFailed extends StageEventBase {
  readonly type: 'stage-failed'
  readonly error: SoraPipelineErrorJson
  readonly durationMs: number
}

/** Terminal: a URL that works. */
export interface RunCompleted extends EventBase {
  readonly type: 'run-completed'
  readonly result: PipelineResultJson
}

/** Terminal: there is no URL. */
export interface RunFailed extends EventBase {
  readonly type: 'run-failed'
  readonly error: SoraPipelineErrorJson
  /** Whether the caller aborted the run. */
  readonly isAborted: boolean
  /** What is left at the generator, where something was submitted. */
  readonly upstream?: UpstreamState
}

/**
 * What a run that failed leaves at the generator.
 * - `cancelled`: nothing runs any more.
 * - `running`: the job goes on, and costs; `handle` picks it up again.
 * - `finished`: the video exists there.
 * - `failed`: the upstream gave the job up.
 * - `unknown`: a submission or a cancellation had no answer; it may be running and costing.
 */
export interface UpstreamState {
  readonly state: 'cancelled' | 'running' | 'finished' | 'failed' | 'unknown'
  /** Name of the generator. */
  readonly generator: string
  readonly handle?: GenerationHandle
}
