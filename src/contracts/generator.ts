import type { SoraPipelineError } from './errors.js'
import type { JsonObject, JsonValue } from './json.js'
import type { VideoRequest } from './request.js'
import type { VideoSource } from './source.js'
import type { FindContext, StageContext, SubmitContext } from './stage.js'

/** Makes a video from a request: in one long call, or as a task that is submitted and then asked for. */
export type Generator = OneShotGenerator | TaskGenerator

/**
 * One long call; also what a mock looks like. A crash in the middle of it leaves an unknown submission, so prefer a
 * {@link TaskGenerator} for an upstream that hands out an id.
 *
 * @example
 * ```ts
 * import type { OneShotGenerator } from 'sora-pipeline'
 *
 * const mock: OneShotGenerator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
 * console.log(mock.name)
 * ```
 */
export interface OneShotGenerator {
  readonly name: string
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /**
   * Resolves when the video exists. Reject with `SubmissionUnknownError` when the upstream may have accepted the job without
   * an answer: nothing is tried after that, because it would pay twice. An abort leaves running (and costing) whatever the
   * upstream has begun.
   */
  generate(request: VideoRequest, context: StageContext): Promise<GeneratedVideo>
}

/**
 * Submit, then ask: can be resumed by another process. The pipeline owns the waiting; a task generator only starts, polls,
 * finds and cancels.
 *
 * @typeParam Operation - JSON that is enough to ask for the job again, without secrets.
 *
 * @example
 * ```ts
 * import type { TaskGenerator } from 'sora-pipeline'
 *
 * const generator: TaskGenerator<{ id: string }> = {
 *   name: 'my-server',
 *   start: async () => ({ operation: { id: 'job_1' } }),
 *   poll: async ({ id }) => ({ state: 'completed', video: { id, url: 'https://cdn.example/a.mp4' } }),
 * }
 * console.log(generator.name)
 * ```
 */
export interface TaskGenerator<Operation extends JsonValue = JsonValue> {
  readonly name: string
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /** What the upstream offers after a submission whose outcome is unknown. */
  readonly submission?: SubmissionSupport | undefined
  /**
   * Submits the job once. Reject with `SubmissionUnknownError` when it may have been accepted without an answer; any other
   * `SoraPipelineError` says that nothing was accepted, so that another generator may be tried.
   */
  start(request: VideoRequest, context: SubmitContext): Promise<StartedTask<Operation>>
  /** Asks once. A rejection is a missed poll while it `isRetryable`; a verdict is `{ state: 'failed' }`. */
  // A method signature on purpose: it keeps TaskGenerator<{ id: string }> assignable to TaskGenerator.
  poll(operation: Operation, context: StageContext): Promise<TaskStatus>
  /** Jobs that could be the unknown submission of this request. */
  find?(request: VideoRequest, context: FindContext): Promise<Operation[]>
  /** Asks the upstream to stop. */
  cancel?(operation: Operation, context: StageContext): Promise<CancelOutcome>
}

/** What came of asking an upstream to stop a job. */
export type CancelOutcome = 'cancelled' | 'too-late' | 'unsupported'

/** How an unknown submission can be looked up. */
export interface SubmissionSupport {
  /** `key`: the upstream gives the same job for the same idempotency key. */
  readonly idempotency: 'key' | 'none'
  /** How `find` recognises the job. */
  readonly lookup: 'key' | 'fingerprint' | 'none'
  /** Milliseconds after which a job that was accepted is surely listed. */
  readonly settleMs?: number | undefined
}

/** What `start` gives back. A terminal `status` is not polled. */
export interface StartedTask<Operation extends JsonValue = JsonValue> {
  readonly operation: Operation
  readonly status?: TaskStatus | undefined
}

/** What an upstream says of a job. */
export type TaskStatus = PendingTask | CompletedTask | FailedTask

/** The job waits or runs. */
export interface PendingTask {
  readonly state: 'queued' | 'running'
  /** 0 to 1, only when the upstream tells. */
  readonly ratio?: number | undefined
  /** The upstream's own word, such as `postprocessing`. */
  readonly phase?: string | undefined
  /** Lower bound for the next poll, in milliseconds, when the upstream gives one. */
  readonly pollAfterMs?: number | undefined
}

/** The job is done. */
export interface CompletedTask {
  readonly state: 'completed'
  readonly video: GeneratedVideo
}

/** The upstream's verdict: the job will never give a video. Another generator may be tried. */
export interface FailedTask {
  readonly state: 'failed'
  readonly error: SoraPipelineError
}

/**
 * A video that exists. Either `url`, a public address, which is all that a mock needs, or `source`, for bytes that need a key
 * or have no address.
 */
export type GeneratedVideo = GeneratedVideoFacts &
  (
    | { readonly url: string; readonly source?: VideoSource | undefined }
    | { readonly url?: undefined; readonly source: VideoSource }
  )

/** What is known of a generated video. */
export interface GeneratedVideoFacts {
  /** The upstream's id, such as `video_123`. */
  readonly id: string
  readonly durationSeconds?: number | undefined
  /** Pixels. */
  readonly width?: number | undefined
  /** Pixels. */
  readonly height?: number | undefined
  readonly model?: string | undefined
  /** Epoch milliseconds after which the upstream may delete the video. */
  readonly expiresAt?: number | undefined
  /** What the upstream says that it cost, in its own words. */
  readonly usage?: JsonObject | undefined
}
