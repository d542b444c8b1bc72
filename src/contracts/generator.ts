import type { Diagnosable } from './diagnosis.js'
import type { SoraPipelineError } from './errors.js'
import type { JsonObject, JsonValue } from './json.js'
import type { VideoRequest } from './request.js'
import type { VideoSource, VideoVariant } from './source.js'
import type { FindContext, StageContext, SubmitContext } from './stage.js'
import type { SubmissionSupport } from './submission-support.js'

/** Makes a video from a request: in one long call, or as a task that is submitted and then polled. */
export type Generator = OneShotGenerator | TaskGenerator

/**
 * A generator of one long call, such as a mock. A crash during the call leaves an unknown submission, so prefer a
 * {@link TaskGenerator} for an upstream that returns a job id.
 *
 * @example
 * ```ts
 * import type { OneShotGenerator } from 'sora-pipeline'
 *
 * const mock: OneShotGenerator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
 * console.log(mock.name)
 * ```
 */
export interface OneShotGenerator extends Diagnosable {
  /** Name in events, handles and messages; each generator of a chain needs its own. */
  readonly name: string
  /** Label in progress texts; the name is used without one. */
  readonly label?: string | undefined
  /** The upstream of its jobs; see {@link TaskGenerator}. */
  readonly upstream?: string | undefined
  /**
   * Resolves when the video exists. A rejection means the same as for {@link TaskGenerator.start}: send one request, disable the
   * retries of your client, and throw a plain error only if the upstream certainly accepted nothing.
   *
   * A resolved call was paid. If the result is not a video with `id` and `url` or `source`, the run ends in review with a
   * `SubmissionUnknownError` that names the field and the fix; no other generator runs. After an abort, what the upstream has
   * started may continue running and costing money.
   */
  generate(request: VideoRequest, context: StageContext): Promise<GeneratedVideo>
}

/**
 * Submits a job and polls it, so that another process can resume the job. The pipeline does the waiting; a task generator only
 * starts, polls, finds and cancels.
 *
 * @typeParam Operation - JSON that is enough to poll the job, without secrets.
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
export interface TaskGenerator<Operation extends JsonValue = JsonValue> extends Diagnosable {
  /** Name in events, handles and messages; each generator of a chain needs its own. */
  readonly name: string
  /** Label in progress texts; the name is used without one. */
  readonly label?: string | undefined
  /**
   * The upstream of its jobs, such as origin and path of the base URL, without secrets. A job is polled only by a generator with
   * the same name and upstream, however the chain changes between two deploys. Without it only the name counts.
   */
  readonly upstream?: string | undefined
  /** What the upstream offers after a submission whose outcome is unknown. */
  readonly submission?: SubmissionSupport | undefined
  /**
   * Fetches what a submission needs before it is saved as intended, such as the bytes of an image that the request gives as an
   * address. Resolve to the request with bytes in place of the addresses in `image`, `lastFrame`, `references`, `audioInput` and
   * `video`; other changes are ignored. The pipeline keeps the bytes as media of the run, so that each submission of the run sends the
   * same ones. A rejection refuses the submission: nothing was sent, and the next generator may be tried.
   * @defaultValue none: `start` gets the request as it was given
   */
  prepare?(request: VideoRequest, context: StageContext): Promise<VideoRequest>
  /**
   * Submits the job once. Send one request and disable the retries of your client (`maxRetries: 0`): with several requests only
   * the last error is visible here, and the first request may have been accepted.
   *
   * A rejection shows whether the job may have been accepted. If it may, the outcome is unknown: the run uses the lookup or key
   * that `submission` declares, and otherwise ends in review with a `SubmissionUnknownError`. Such a submission is never repeated
   * blindly, and never falls back to another generator. Otherwise the submission was refused, and may be retried or fall back to
   * another generator. The outcome is unknown after
   * - `SubmissionUnknownError`, and `UpstreamResponseError`, `UpstreamHttpError` and `NetworkError` without `isRefusal`;
   * - an error that carries an HTTP status in `status`, `statusCode`, `response.status` or `response.statusCode`, as errors of
   *   openai, axios, got, ky and the AI SDK do, or a status of 400 or more in `code`, as errors of Google's clients do, unless
   *   the status is 503, 529 or a 4xx other than 408, 409, 444, 460 and 499;
   * - a time limit, a reset or an abort by name, class or code, such as `APIConnectionError`, `TimeoutError`, `ECONNRESET`,
   *   `ETIMEDOUT`, and everything that `fetch` rejects with;
   * - a response that could not be read, such as `ZodError`;
   * - `RunStateError` and `FencedError` of a pipeline of your own, unless nothing was sent there (`isRetryable` without a `handle`);
   * - `TypeError`, `RangeError`, `ReferenceError`, `SyntaxError` and `URIError`: a bug, which may come after the request was
   *   sent. With `idempotency: 'key'`, the third in a row ends the run in review.
   *
   * Causes count as well, up to five deep. A cause that proves that nothing was sent makes the failure a refusal: an unknown
   * host, a connection that was refused or timed out, a failed TLS handshake. A plain `Error`, and any other error of the
   * library, states that nothing was accepted. `errorFromResponse` and `networkErrorFrom` of `sora-pipeline/strategies` create
   * the matching error from a `Response` and from a rejection of `fetch`.
   *
   * A resolved call was paid. Without an `operation` that is JSON (`null` included) the run ends in review with a
   * `SubmissionUnknownError` that names the field, unless `status` reports that the job has ended. A `status` that cannot be read
   * is ignored with a warning `invalid-result`, and the job is polled.
   */
  start(request: VideoRequest, context: SubmitContext): Promise<StartedTask<Operation>>
  /**
   * Polls the job once. Resolve to `{ state: 'failed' }` for a failed job. A rejection is a missed poll, which is reported in a
   * warning `poll-missed`. Three permanent failures in a row end the run, with the handle of the job in the error and without
   * trying another generator. Permanent are:
   * - an error of the library that is not `isRetryable`, other than `NetworkError`;
   * - an error that carries a 4xx other than 408, 425 and 429 (404 only after the first minute), or another status that is not
   *   retryable;
   * - a bug (`TypeError`, `RangeError`, `ReferenceError`, `URIError`), but not a `SyntaxError`, which may come from a truncated
   *   response;
   * - a result that is not a {@link TaskStatus}: an unknown `state`, `completed` without a usable video, `failed` without an error.
   *
   * After any other failure the job is polled until its deadline. A poll that takes longer than 30 seconds is missed.
   */
  // A method signature, because it keeps TaskGenerator<{ id: string }> assignable to TaskGenerator.
  poll(operation: Operation, context: StageContext): Promise<TaskStatus>
  /**
   * Polls many jobs with few requests, such as one page of the upstream's list. The operations come with the
   * newest job first. Resolve to one status for each, in their order, and to `undefined` for a job that is not listed.
   *
   * The pipeline calls it in place of `poll` when ten or more jobs of this generator are due at the same time; for that it delays
   * their polls by at most 2 % of the interval. A status `queued` or `running` counts as the result of a poll. Any other job is
   * polled with `poll`, so that a list never ends a job, and so is each job once a minute. A rejection is not a missed poll: the
   * jobs are polled one by one, for a minute. The same minute follows a result without half of the jobs, and a call that takes
   * longer than 30 seconds.
   *
   * `context.runId` is that of one of the runs, `context.signal` is aborted when none of them waits any more, and reports are
   * ignored.
   * @defaultValue none: each job is polled with `poll`
   */
  pollMany?(operations: readonly Operation[], context: StageContext): Promise<readonly (TaskStatus | undefined)[]>
  /**
   * Finds the jobs that may be the unknown submission of this request. An empty list proves that it was not accepted; after two
   * empty lists it is sent again, at most four times. Resolve to `'unclear'` if the upstream's list proves neither, such as a list
   * that is truncated or omits prompts; the run then ends in review, and nothing is sent again. A rejection is retried.
   *
   * The pipeline ignores jobs that other runs of the store have claimed. A single remaining job is taken. Several jobs end the
   * run in review, and so does another run with the same prompt whose submission may have created the job.
   */
  find?(request: VideoRequest, context: FindContext): Promise<Operation[] | 'unclear'>
  /**
   * Cancels the job at the upstream. Must not delete the video of a finished job, and must be safe to repeat: it is called again,
   * up to six times within a minute, after a rejection that may pass, such as a 5xx, a reset or a timeout. Each call has 30 s. If
   * every call rejects, `poll` is called once for the state of the job. Resolve to `'too-late'` only for a job that is known to have
   * ended, and to `'unsupported'` for one that is still running.
   */
  cancel?(operation: Operation, context: StageContext): Promise<CancelOutcome>
  /**
   * Throws an `InvalidRequestError` for an operation that is not in the form of this generator, such as a plain id. It is called before
   * the verdict of `settle` or the handle of `adopt` is saved, and sends nothing.
   * @defaultValue none: a wrong operation fails at its first poll
   */
  checkOperation?(operation: JsonValue): void
  /**
   * Gives a picture that the upstream made beside the video of a completed job. Resolve to `undefined` for one that it does not
   * have. The source needs a `mediaType` such as `image/webp`.
   * @defaultValue none: there are no pictures
   */
  openVariant?(operation: Operation, variant: VideoVariant, context: StageContext): Promise<VideoSource | undefined>
}

/** Outcome of a cancellation at the upstream. */
export type CancelOutcome = 'cancelled' | 'too-late' | 'unsupported'

/** Result of `start`. A job with a terminal `status` is not polled. */
export interface StartedTask<Operation extends JsonValue = JsonValue> {
  /** JSON that is enough to poll the job, without secrets. */
  readonly operation: Operation
  /** What the upstream reported with the submission. @defaultValue none: the job is polled */
  readonly status?: TaskStatus | undefined
  /**
   * What the upstream reported about the cost of the job with the submission, such as `{ cost: 0.4 }`; a field of the `usage` of
   * the video takes precedence. Ignored unless it is a JSON object.
   * @defaultValue none
   */
  readonly usage?: JsonObject | undefined
}

/** Status of a job at the upstream. */
export type TaskStatus = PendingTask | CompletedTask | FailedTask

/** The job waits or runs. */
export interface PendingTask {
  /** Whether the job waits or runs. */
  readonly state: 'queued' | 'running'
  /** 0 to 1, only if the upstream reports it. Any other value is ignored with a warning `invalid-progress`. */
  readonly ratio?: number | undefined
  /** The upstream's own word, such as `postprocessing`. */
  readonly phase?: string | undefined
  /** Minimum wait before the next poll, in milliseconds from 0, if the upstream gives one. */
  readonly pollAfterMs?: number | undefined
}

/** The job is done. */
export interface CompletedTask {
  readonly state: 'completed'
  /** The video of the job. */
  readonly video: GeneratedVideo
}

/** The job failed for good. Another generator may be tried. */
export interface FailedTask {
  readonly state: 'failed'
  /** Why the job failed, such as a `ContentRejectedError` or a `GenerationFailedError`. */
  readonly error: SoraPipelineError
}

/**
 * A video that exists: with `url`, a public address, which is all that a mock needs, or with `source`, for bytes that need a key
 * or have no address.
 */
export type GeneratedVideo = GeneratedVideoFacts &
  (
    | { readonly url: string; readonly source?: VideoSource | undefined }
    | { readonly url?: undefined; readonly source: VideoSource }
  )

/** Facts about a generated video. */
export interface GeneratedVideoFacts {
  /** The upstream's id, such as `video_123`. */
  readonly id: string
  /** Length in seconds. */
  readonly durationSeconds?: number | undefined
  /** Width in pixels. */
  readonly width?: number | undefined
  /** Height in pixels. */
  readonly height?: number | undefined
  /** Model that made it, in the upstream's own name. */
  readonly model?: string | undefined
  /** Epoch milliseconds after which the upstream may delete the video. */
  readonly expiresAt?: number | undefined
  /**
   * Usage in the fields of the upstream, such as `{ cost: 0.4, duration_seconds: 8 }`; `usage` of the result is read from it:
   * - `cost`, `total_cost` or `cost_usd`: a number, with `currency` beside it (`USD` without one), or `{ amount, currency }`;
   *   `cost_in_usd_ticks` of xAI;
   * - `duration_seconds`, `video_duration`, `duration` or `seconds` of video, `predict_time` or `inference_time` of computing;
   * - `total_tokens`, or `prompt_tokens` and `completion_tokens`, or `input_tokens` and `output_tokens`.
   */
  readonly usage?: JsonObject | undefined
}
