import type { GenerationHandle } from '../contracts/generation-handle.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResult } from '../contracts/result.js'
import type { VideoSource } from '../contracts/source.js'
import { attachMethods } from './attached-methods.js'
import type { PipelineDiagnosis } from './diagnose.js'
import type { PruneOptions } from './journal/retention.js'
import type { ReviewVerdict } from './journal/settle-run.js'
import { LiveRuns } from './live-runs.js'
import type { SoraPipelineOptions } from './options.js'
import { keepCore } from './pipeline-cores.js'
import type { PipelineRun } from './pipeline-run.js'
import type { RunDetails } from './run-details.js'
import {
  type AdoptOptions,
  type CloseOptions,
  type OpenVideoOptions,
  type PipelineQuery,
  type RecoverOptions,
  type RunOptions,
  runQueryOf,
} from './run-options.js'
import type { RunRecord } from './run-record.js'

/**
 * Generates a video, publishes it, resolves a URL and uploads it, with fallbacks at every step, and returns a URL that works once
 * a video exists. A submission with unknown outcome is never repeated and never falls back to another generator, because that
 * would pay twice.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * const { url } = await pipeline.generate({ prompt: 'A cat playing piano' })
 * console.log(url) // https://cdn.example/a.mp4
 * ```
 */
export class SoraPipeline {
  readonly #live: LiveRuns

  /** @throws ConfigurationError when options are invalid; the message names every problem. */
  constructor(options: SoraPipelineOptions) {
    this.#live = new LiveRuns(options)
    keepCore(this, this.#live.engine.core)
  }

  /**
   * Starts a run, which continues until it has a result, with or without a reader: only `run.cancel` or the signal stops it. An
   * abort cancels the job if the generator supports it. Otherwise the job continues running and costing money, and the last event
   * reports that.
   *
   * `run.result` rejects with `signal.reason` itself after an abort, and otherwise with a `SoraPipelineError`:
   * `AllStrategiesFailedError`, `SubmissionUnknownError` (a job may be running: check the upstream before you pay again),
   * `StageTimeoutError` (its `handle` resumes the job), `ContentRejectedError`, `NoUsableUrlError` (the video is only behind a
   * key), `RunStateError` (the store) and others.
   *
   * @throws InvalidRequestError when the request or an option is invalid; the message names every problem, and nothing was sent.
   * RunStateError when the pipeline is closed.
   */
  run(request: VideoRequest, options: RunOptions = {}): PipelineRun {
    return this.#live.run(request, options)
  }

  /**
   * Resumes a run of the store: a run that this or another process left, or one that has ended.
   * @throws InvalidRequestError for an invalid id. RunStateError of a closed pipeline; `result` rejects with it for an unknown id.
   */
  resume(id: string, options: Pick<RunOptions, 'signal'> = {}): PipelineRun {
    return this.#live.resume(id, options)
  }

  /** Runs and waits: short for `run(request, options).result`. Rejects with the errors of `run` and of its `result`. */
  async generate(request: VideoRequest, options?: RunOptions): Promise<PipelineResult> {
    return this.run(request, options).result
  }

  /**
   * Resumes every unfinished run of the store that is not live in this pipeline, such as after a restart. A run of another live
   * process is only watched. The first polls of jobs are spread over up to five seconds.
   * @throws InvalidRequestError when an option is invalid. RunStateError when the store is down. A run that cannot be read
   * rejects only its own `result`.
   */
  async recover(options: RecoverOptions = {}): Promise<readonly PipelineRun[]> {
    return this.#live.recover(options)
  }

  /**
   * Saves a new run without working on it, for a caller of {@link advance}. The run of a known id stays unchanged.
   * @throws InvalidRequestError for an invalid request. RunStateError when the store is down, or the id is that of another request.
   */
  async create(request: VideoRequest, options: Omit<RunOptions, 'signal'> = {}): Promise<RunRecord> {
    return this.#live.create(request, options)
  }

  /**
   * Ids of runs that are due and that no live worker holds, for a cron route, a queue or a workflow engine that calls {@link advance}.
   * @param limit - At most this many, the most overdue first; a whole number from 1.
   * @throws RunStateError when the store is down.
   */
  async due(limit = 100): Promise<readonly string[]> {
    return (await this.#live.engine.load()).due(limit)
  }

  /**
   * Advances a run by one step, if that is due: one submission, one poll, or one later stage. Between two calls no worker holds
   * the run, so any process may make the next call; `wakeAt` of the resolved record is when. Does nothing for an ended run, or a
   * run that a live worker holds, this one included. The error of a failed run is in the store and its events, not thrown.
   * @throws InvalidRequestError when the id is invalid. RunStateError when the store does not know the run or is down.
   */
  async advance(id: string): Promise<RunRecord> {
    return this.#live.advance(id)
  }

  /**
   * Polls the job of a run now, such as for a webhook. A sleeping run of this process polls at once. A run that no live worker
   * holds is due at once: the next `due`, `advance` or `recover` polls it. A run of another process is polled there within a
   * second if that pipeline has `wakeUrl`, otherwise with its next heartbeat, a third of `leaseMs`.
   * @throws InvalidRequestError when the id is invalid. RunStateError when the store does not know the run or is down.
   */
  async wake(id: string): Promise<void> {
    await this.#live.wake(id)
  }

  /**
   * Stops working after `drainMs`, so that the next process can take the runs over at once. New runs are refused; `get`, `list`
   * and `openVideo` still work. A submission or a later stage in progress may finish within `graceMs`; after that the outcome of
   * the submission is unknown, and the next process repeats the later stage. Runs that have not ended stay `running` in the store;
   * their `result` rejects with a `RunStateError` here. Nothing is cancelled upstream: jobs continue, and cost.
   * @throws InvalidRequestError when an option is invalid.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    await this.#live.close(options)
  }

  /** Whether {@link close} was called: a health check should fail from now on. */
  get isClosing(): boolean {
    return this.#live.isClosing
  }

  /** Checks with read-only requests whether the store and the services of the strategies answer; a failed check does not reject. */
  async diagnose(): Promise<PipelineDiagnosis> {
    return (await this.#live.engine.load()).diagnose()
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Forgets runs that completed or failed before an instant, with their media, and resolves to their number. Runs in review stay.
   * For a run with an id of the caller, status, URL and error are kept for 24 hours after its end.
   * @throws InvalidRequestError when `endedBefore` is in the future. RunStateError when the store is down, or has no `prune`.
   */
  async prune(options: PruneOptions): Promise<number> {
    return (await this.#live.engine.load()).prune(options)
  }

  /**
   * Removes the prompt, the media and all other input of a run that has ended. The outcome stays.
   * @throws RunStateError when the store does not know the run or is down, or the run is running or in review.
   */
  async erase(id: string): Promise<void> {
    await (await this.#live.engine.load()).erase(id)
  }

  /**
   * Creates a run for a paid job that no run works on, such as one whose handle was in an error, and continues it; the run that
   * ended with it is linked. Nothing is submitted, unless the job fails and `request` is given.
   * @throws InvalidRequestError when the handle, the request or the id is invalid. RunStateError when no generator of the chain fits
   * the handle, another run works on the job or has its video, the id belongs to another run, or the store is down.
   */
  async adopt(handle: GenerationHandle, options: AdoptOptions = {}): Promise<PipelineRun> {
    return this.#live.adopt(handle, options)
  }

  /**
   * Retries an ended run as a new run, linked to it by `retryOf`. A job is paid again.
   * @param changes - Fields of the request to change. Media of an ended run is gone, and must be given again.
   * @throws InvalidRequestError when the prompt or the media is gone, or the changed request is invalid. RunStateError when the
   * store does not know the run or is down, or the run has not ended.
   */
  async retry(id: string, changes: Partial<VideoRequest> = {}): Promise<PipelineRun> {
    return this.#live.retry(id, changes)
  }

  /**
   * Settles a run after a person has checked the upstream: a run in review, or one that failed or was aborted without the video
   * of a job that it has or may have. The run continues with the job, or, only from review, submits again.
   * @param verdict - `{ operation }` of the found job, such as `{ id: 'video_123' }`, or `'not-submitted'` (pays twice if wrong).
   * @throws RunStateError when the store does not know the run or is down, or the run is not in review.
   */
  async settle(id: string, verdict: ReviewVerdict): Promise<PipelineRun> {
    return this.#live.settle(id, verdict)
  }

  /**
   * Reads a run from the store without working on it; `undefined` for an unknown or removed run.
   * @throws RunStateError when the store is down, or the state is of a later version.
   */
  async get(id: string): Promise<RunRecord | undefined> {
    return this.#live.asSeenHere(await (await this.#live.engine.load()).read(id))
  }

  /** Like {@link get}, with attempts, warnings, the submission and the verdicts that {@link settle} accepts. */
  async inspect(id: string): Promise<RunDetails | undefined> {
    return this.#live.asSeenHere(await (await this.#live.engine.load()).inspect(id))
  }

  /**
   * Lists the runs of an owner, or of all owners, by start time.
   * @param query - `order` is `newest-first` by default, and `limit` (1 to 1000) is 100.
   * @throws InvalidRequestError when the query is invalid. RunStateError when the store is down, or has no `list`.
   */
  async list(query: Partial<PipelineQuery> = {}): Promise<readonly RunRecord[]> {
    const checked = runQueryOf(query)
    return (await this.#live.engine.load()).list(checked)
  }

  /**
   * Opens the bytes of the video of a run, also long after its end, and also if they are only behind the generator's key: from the
   * resolved URL, the generator (polled once if its URL has expired), or the copy, whichever serves them first. A video of a
   * one-shot generator without a public URL can be opened only in this process, for the latest 20 such runs.
   * @throws RunStateError when the store does not know the run, or it has no video, or no such picture of it.
   */
  async openVideo(id: string, options: OpenVideoOptions = {}): Promise<VideoSource> {
    return (await this.#live.engine.load()).openVideo(id, options, this.#live.unserved.get(id))
  }

  /**
   * Removes a run from `list`, `get` and `openVideo`. A running run is aborted first, and its job cancelled if the generator
   * supports it; otherwise the job continues running and costing money. The state stays in the store.
   * @throws RunStateError when the store does not know the run, or is down.
   */
  async remove(id: string): Promise<void> {
    await this.#live.remove(id)
  }

  static {
    const isOwn = (value: unknown) => typeof value === 'object' && value !== null && #live in value
    attachMethods(SoraPipeline.prototype, { throwing: ['run', 'resume'], isOwn, how: 'pipeline' })
  }
}
