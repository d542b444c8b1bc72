import type { SoraPipelineErrorJson } from './errors.js'
import type { GenerationHandle } from './generation-handle.js'
import type { PipelineResultJson } from './result.js'
import type { StageName } from './stage.js'

/**
 * What happens in a run, as JSON. Exactly one terminal event (`run-completed` or `run-failed`) comes, last.
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
  /** Id of the run. */
  readonly runId: string
  /**
   * Number of the event, from 0 without gaps; after a takeover by another process from the next multiple of 1,000,000.
   */
  readonly sequence: number
  /** When it happened, in epoch milliseconds. */
  readonly at: number
}

/** What every event of a stage has. */
export interface StageEventBase extends EventBase {
  /** The stage that it is about. */
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

/** The stage made progress. A reader that is slow sees only the latest of several. */
export interface StageProgressed extends StageEventBase {
  readonly type: 'stage-progressed'
  /** How far the stage is, 0 to 1. It never goes back within a stage, and is absent when the upstream reports none. */
  readonly ratio?: number
  /** Word for what the upstream does, such as `queued`. */
  readonly phase?: string
  /** A sentence for people. */
  readonly message?: string
  /** Bytes that were transferred. */
  readonly bytesDone?: number
  /** Bytes to transfer, where that is known. */
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
  /** The stage that it is about; absent when it is about the whole run. */
  readonly stage?: StageName
  /** Name of the strategy that it is about. */
  readonly strategy?: string
  /** Kebab-case word for the problem, such as `poll-missed`. */
  readonly code: string
  /** A sentence for people, without secrets. */
  readonly message: string
}

/** A stage succeeded; `strategy` is the one that did. */
export interface StageCompleted extends StageEventBase {
  readonly type: 'stage-completed'
  /** How long the stage took, in milliseconds. */
  readonly durationMs: number
}

/** The stage is not configured, or there was no time left for it. */
export interface StageSkipped extends EventBase {
  readonly type: 'stage-skipped'
  /** The stage that was left out. */
  readonly stage: StageName
  /** Why: it has no strategy, or its time was over. */
  readonly reason: 'not-configured' | 'deadline'
}

/** Every strategy of the stage failed. After `generate` the run continues without the stage and is degraded. */
export interface StageFailed extends StageEventBase {
  readonly type: 'stage-failed'
  /** Why the stage failed; of a chain with one error for each strategy. */
  readonly error: SoraPipelineErrorJson
  /** How long the stage took, in milliseconds. */
  readonly durationMs: number
}

/** Terminal: a URL that works. */
export interface RunCompleted extends EventBase {
  readonly type: 'run-completed'
  /** What the run came to. */
  readonly result: PipelineResultJson
}

/** Terminal: there is no URL. */
export interface RunFailed extends EventBase {
  readonly type: 'run-failed'
  /** Why the run failed. */
  readonly error: SoraPipelineErrorJson
  /** Whether the caller aborted the run. */
  readonly isAborted: boolean
  /** What is left at the generator, where something was submitted. */
  readonly upstream?: UpstreamState
}

/**
 * What a run that failed leaves at the generator.
 * - `cancelled`: nothing runs any more.
 * - `running`: the job is still running, and costs; `handle` picks it up again.
 * - `finished`: the video exists there.
 * - `failed`: the upstream gave the job up.
 * - `unknown`: a submission or a cancellation had no answer; it may be running and costing.
 */
export interface UpstreamState {
  /** What became of the job, as listed above. */
  readonly state: 'cancelled' | 'running' | 'finished' | 'failed' | 'unknown'
  /** Name of the generator. */
  readonly generator: string
  /** The job, where its id is known. */
  readonly handle?: GenerationHandle
}
