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
  /** Name in events, handles and messages; each generator of a chain needs its own. */
  readonly name: string
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /** What its jobs belong to; see {@link TaskGenerator}. */
  readonly upstream?: string | undefined
  /**
   * Resolves when the video exists. What a rejection means for the money is the same as for {@link TaskGenerator.start}: send one
   * request, turn the retries of your client off, and throw a plain error only where surely nothing was accepted.
   *
   * What it resolves with was paid. When it is not a video with `id` and `url` or `source`, the run ends in review with a
   * `SubmissionUnknownError` that names the field and what to give; nothing else is tried. An abort leaves running (and costing)
   * whatever the upstream has begun.
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
  /** Name in events, handles and messages; each generator of a chain needs its own. */
  readonly name: string
  /** For people, in progress texts; the name serves without one. */
  readonly label?: string | undefined
  /**
   * What its jobs belong to, such as origin and path of the base URL, without secrets. A job is only polled by a generator of the same
   * name and upstream, however the chain changes between two deploys. Without it the name alone decides.
   */
  readonly upstream?: string | undefined
  /** What the upstream offers after a submission whose outcome is unknown. */
  readonly submission?: SubmissionSupport | undefined
  /**
   * Submits the job once. Send one request and turn the retries of your client off (`maxRetries: 0`): of several, only the last error
   * is seen here, and the first may have been accepted.
   *
   * A rejection says whether the job may have been accepted without an answer. If so, its outcome is unknown: it is inquired after
   * where `submission` offers a way, else the run ends in review with a `SubmissionUnknownError`; it is never repeated, and never falls
   * to another generator. Otherwise it was refused, and may be retried or fall to another generator. The outcome is unknown after
   * - `SubmissionUnknownError`, and `UpstreamResponseError`, `UpstreamHttpError` and `NetworkError` without `isRefusal`;
   * - an error that carries an HTTP status in `status`, `statusCode`, `response.status` or `response.statusCode`, as those of openai,
   *   axios, got, ky and the AI SDK do, or one from 400 on in `code`, as those of Google's clients do, unless the status is 503, 529 or
   *   a 4xx other than 408, 409, 444, 460 and 499;
   * - a time limit, a reset or an abort by name, class or code, such as `APIConnectionError`, `TimeoutError`, `ECONNRESET`,
   *   `ETIMEDOUT`, and everything that `fetch` rejects with;
   * - an answer that could not be read, such as `ZodError`;
   * - `RunStateError` and `FencedError` of a pipeline of your own, unless nothing was sent there (`isRetryable` without a `handle`);
   * - `TypeError`, `RangeError`, `ReferenceError`, `SyntaxError` and `URIError`: a bug, which may sit after the send. Where the
   *   upstream honours keys, the third one in a row ends the run in review.
   *
   * Causes count as well, up to five deep. It is a refusal all the same where one of them proves that nothing was sent: an unknown
   * host, a refused connection or one that took too long, a failed TLS handshake. A plain `Error`, and any other error of the library,
   * is your word that nothing was accepted. `errorFromResponse` and `networkErrorFrom` of `sora-pipeline/strategies` make the right
   * error of a `Response` and of what `fetch` rejected with.
   *
   * What it resolves with was paid. Without an `operation` that is JSON (`null` is) the run ends in review with a
   * `SubmissionUnknownError` that names the field, unless `status` says that the job has ended. A `status` that cannot be read is left
   * out, with a warning `invalid-result`, and the job is polled.
   */
  start(request: VideoRequest, context: SubmitContext): Promise<StartedTask<Operation>>
  /**
   * Asks once. A verdict is `{ state: 'failed' }`; a rejection is a missed poll, which is reported in a warning `poll-missed`. Three in a
   * row that do not pass without a change end the run, with the handle of the job in the error and without another generator:
   * - an error of the library that is not `isRetryable`, other than `NetworkError`;
   * - an error that carries a 4xx other than 408, 425 and 429 (404 only after the first minute), or another status that is not
   *   retryable;
   * - a bug (`TypeError`, `RangeError`, `ReferenceError`, `URIError`), but not a `SyntaxError`, which is half an answer;
   * - a result that is not a {@link TaskStatus}: an unknown `state`, `completed` without a usable video, `failed` without an error.
   *
   * After anything else the job is polled until its deadline. A poll that takes longer than 30 seconds is missed.
   */
  // A method signature on purpose: it keeps TaskGenerator<{ id: string }> assignable to TaskGenerator.
  poll(operation: Operation, context: StageContext): Promise<TaskStatus>
  /**
   * Jobs that could be the unknown submission of this request. An empty list proves that it was not accepted: after two of them it is
   * sent again. Resolve to `'unclear'` where the upstream's list proves neither, such as a list that is cut off or leaves out prompts;
   * the run then ends in review, and nothing is sent again. A rejection is retried.
   *
   * Jobs that other runs of the store claim are left out by the pipeline. One job that is left is taken; several end the run in review,
   * as does a run with the same prompt whose own submission may have created the job.
   */
  find?(request: VideoRequest, context: FindContext): Promise<Operation[] | 'unclear'>
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
  /** Milliseconds from 0 after which a job that was accepted is surely listed. @defaultValue `30_000` (30 s) */
  readonly settleMs?: number | undefined
}

/** What `start` gives back. A terminal `status` is not polled. */
export interface StartedTask<Operation extends JsonValue = JsonValue> {
  /** JSON that is enough to poll the job, without secrets. */
  readonly operation: Operation
  /** What the upstream reported with the submission. @defaultValue none: the job is polled */
  readonly status?: TaskStatus | undefined
}

/** What an upstream says of a job. */
export type TaskStatus = PendingTask | CompletedTask | FailedTask

/** The job waits or runs. */
export interface PendingTask {
  /** Whether the job waits or runs. */
  readonly state: 'queued' | 'running'
  /** 0 to 1, only when the upstream reports it. Anything else is left out, with a warning `invalid-progress`. */
  readonly ratio?: number | undefined
  /** The upstream's own word, such as `postprocessing`. */
  readonly phase?: string | undefined
  /** Lower bound for the next poll, in milliseconds from 0, when the upstream gives one. */
  readonly pollAfterMs?: number | undefined
}

/** The job is done. */
export interface CompletedTask {
  readonly state: 'completed'
  /** The video of the job. */
  readonly video: GeneratedVideo
}

/** The upstream's verdict: the job will never give a video. Another generator may be tried. */
export interface FailedTask {
  readonly state: 'failed'
  /** Why the job failed, such as a `ContentRejectedError` or a `GenerationFailedError`. */
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
  /** Length in seconds. */
  readonly durationSeconds?: number | undefined
  /** Width in pixels. */
  readonly width?: number | undefined
  /** Height in pixels. */
  readonly height?: number | undefined
  /** Name of the model that made it, as the upstream calls it. */
  readonly model?: string | undefined
  /** Epoch milliseconds after which the upstream may delete the video. */
  readonly expiresAt?: number | undefined
  /** What the upstream says that it cost, in its own words. */
  readonly usage?: JsonObject | undefined
}
