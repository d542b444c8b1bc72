import type { SoraPipelineErrorJson } from './errors.js'
import type { GenerationHandle } from './generation-handle.js'
import type { PipelineResultJson } from './result.js'
import type { StageName } from './stage.js'

/** What happens in a run, as JSON. The last event is the only terminal one: `run-completed` or `run-failed`. */
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

/** Fields of every event. */
export interface EventBase {
  /** Id of the run. */
  readonly runId: string
  /**
   * Number of the event, ascending from 0. It jumps to a multiple of 1,000,000 when another process takes over, and at each step of a
   * worker of a queue; where a log keeps one progress event a second, numbers of the others are missing.
   */
  readonly sequence: number
  /** When it happened, in epoch milliseconds. */
  readonly at: number
}

/** Fields of every event of a stage. */
export interface StageEventBase extends EventBase {
  /** The stage of the event. */
  readonly stage: StageName
  /** Name of the strategy. */ readonly strategy: string /** Its label for people, when it has one. */
  readonly label?: string
}

/** First event of a run. */
export interface RunStarted extends EventBase {
  readonly type: 'run-started'
  /** The stages that are configured, in order. */
  readonly stages: readonly StageName[]
}

/** The run was resumed from the store. */
export interface RunResumed extends EventBase {
  readonly type: 'run-resumed'
  /** The stages that are configured, in order. */
  readonly stages: readonly StageName[]
}

/** The first strategy of a stage is called. */
export interface StageStarted extends StageEventBase {
  readonly type: 'stage-started'
}

/** The stage made progress. A slow reader sees only the latest of several events. */
export interface StageProgressed extends StageEventBase {
  readonly type: 'stage-progressed'
  /** Progress of the stage, 0 to 1. It never goes back within a stage, and is absent when the upstream reports none. */
  readonly ratio?: number
  /** State at the upstream in one word, such as `queued`. */
  readonly phase?: string
  /** A sentence for people. */
  readonly message?: string
  /** Bytes transferred so far. */
  readonly bytesDone?: number
  /** Bytes to transfer, if known. */
  readonly bytesTotal?: number
  /** Milliseconds since the stage started. */
  readonly elapsedMs: number
}

/** One strategy failed once; a retry, a fallback or the end of the stage follows. */
export interface AttemptFailed extends StageEventBase {
  readonly type: 'attempt-failed'
  /** Why it failed. */
  readonly error: SoraPipelineErrorJson
  /** How long the attempt took, in milliseconds. */
  readonly durationMs: number
}

/** The next strategy of a chain takes over. */
export interface FallbackTaken extends StageEventBase {
  readonly type: 'fallback-taken'
  /** Name of the strategy that takes over from `strategy`. */
  readonly next: string
}

/** A problem that does not stop the run. */
export interface Warned extends EventBase {
  readonly type: 'warning'
  /** Stage of the warning; absent when the warning is about the whole run. */
  readonly stage?: StageName
  /** Name of the strategy that it is about. */
  readonly strategy?: string
  /** Code of the problem in kebab case, such as `poll-missed`. */
  readonly code: string
  /** A sentence for people, without secrets. */
  readonly message: string
}

/** A stage succeeded; `strategy` is the one that succeeded. */
export interface StageCompleted extends StageEventBase {
  readonly type: 'stage-completed'
  /** How long the stage took, in milliseconds. */
  readonly durationMs: number
}

/** The stage was skipped. */
export interface StageSkipped extends EventBase {
  readonly type: 'stage-skipped'
  /** The stage that was skipped. */
  readonly stage: StageName
  /** Why: the stage has no strategy, or no time was left. */
  readonly reason: 'not-configured' | 'deadline'
}

/** Every strategy of the stage failed. After `generate` the run continues without the stage and is degraded. */
export interface StageFailed extends StageEventBase {
  readonly type: 'stage-failed'
  /** Why the stage failed. The error of a chain has one error for each strategy. */
  readonly error: SoraPipelineErrorJson
  /** How long the stage took, in milliseconds. */
  readonly durationMs: number
}

/** Terminal: the run has a URL that works. */
export interface RunCompleted extends EventBase {
  readonly type: 'run-completed'
  /** The result of the run. */
  readonly result: PipelineResultJson
}

/** Terminal: the run has no URL. */
export interface RunFailed extends EventBase {
  readonly type: 'run-failed'
  /** Why the run failed. */
  readonly error: SoraPipelineErrorJson
  /** Whether the caller aborted the run. */
  readonly isAborted: boolean
  /** What is left at the generator, if a job was submitted. */
  readonly upstream?: UpstreamState
}

/**
 * What a failed run leaves at the generator.
 * - `cancelled`: nothing is running.
 * - `running`: the job is still running and costing money; resume it with `handle`.
 * - `finished`: the video exists there.
 * - `failed`: the job failed at the upstream.
 * - `unknown`: a submission or a cancellation had no response; the job may be running and costing money.
 */
export interface UpstreamState {
  /** State of the job, as listed above. */
  readonly state: 'cancelled' | 'running' | 'finished' | 'failed' | 'unknown'
  /** Name of the generator. */
  readonly generator: string
  /** The job, if its id is known. */
  readonly handle?: GenerationHandle
}
