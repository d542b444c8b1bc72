import type { SoraPipelineErrorJson } from '../../contracts/errors.js'
import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { CancelOutcome } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import type { PipelineResultJson } from '../../contracts/result.js'
import type { StageName } from '../../contracts/stage.js'
import type { TracedRequest } from './traced-request.js'

/**
 * Context object of the tracing channel `sora-pipeline:run`: the work of one process on one run, or one call of
 * `pipeline.advance`. It has no secrets. Fields are added until `asyncEnd`.
 */
export interface RunTrace {
  /** Id of the run. */
  readonly runId: string
  /** Whether the run comes from the store, instead of a new request. */
  isResumed: boolean
  /** Part of the request; for a run of the store, absent until it was read. */
  request?: TracedRequest
  /**
   * W3C `traceparent` of the caller that started the run. For a new run without one, a subscriber may set it during `start`: it is
   * kept with the run, so that other processes link their work to it.
   */
  traceparent?: string
  /**
   * Whether this process ended the run. `false` for a process that only watched the run, read an ended one, or left it to another
   * process.
   */
  isEndedHere: boolean
  /** The result, if there is one. */
  readonly result?: PipelineResultJson
  /** The error, if the work on the run failed. */
  readonly error?: SoraPipelineErrorJson
}

/**
 * Context object of the tracing channel `sora-pipeline:attempt`: one call of a strategy, or the work of one process on one job of
 * a generator. It has no secrets. Fields are added until `asyncEnd`.
 */
export interface AttemptTrace {
  /** Id of the run. */
  readonly runId: string
  /** The stage. */
  readonly stage: StageName
  /** Name of the strategy. */
  readonly strategy: string
  /** Part of the request of the run. */
  readonly request: TracedRequest
  /** What the jobs of the generator belong to, such as origin and path of its base URL. */
  readonly upstream?: string
  /** The job, once it was accepted. */
  handle?: GenerationHandle
  /**
   * How long the attempt took, in milliseconds, including earlier processes. Absent while it runs, and if this process left it
   * unfinished: then there is neither a result nor an error.
   */
  readonly durationMs?: number
  /** The result as JSON, without a source. */
  readonly result?: JsonValue
  /** Why the attempt failed. */
  readonly error?: SoraPipelineErrorJson
}

/**
 * Context object of the tracing channel `sora-pipeline:cleanup`: one call of `cancel` of a generator or `unpublish` of a publisher.
 * It has no secrets. Such a call is not an attempt and never changes the result of a run.
 */
export interface CleanupTrace {
  /** Id of the run. */
  readonly runId: string
  /** The method: `cancel` of the job of an aborted run, or `unpublish` of the post of an uploaded video. */
  readonly action: 'cancel' | 'unpublish'
  /** The stage of the strategy: `generate` or `publish`. */
  readonly stage: StageName
  /** Name of the strategy. */
  readonly strategy: string
  /** What the jobs of the generator belong to, such as origin and path of its base URL. */
  readonly upstream?: string
  /** The job; only of `cancel`. */
  readonly handle?: GenerationHandle
  /** The answer of `cancel`. Absent until the end, and if the generator returned anything else. */
  readonly outcome?: CancelOutcome
  /** How long the call took, in milliseconds. Absent while it runs. */
  readonly durationMs?: number
  /** Why the call failed. After a failed `cancel` the job may be running, and costing. */
  readonly error?: SoraPipelineErrorJson
}
