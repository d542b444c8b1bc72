import type { OptionRules } from '../contracts/check-options.js'
import type { GenerationHandle } from '../contracts/generation-handle.js'
import { required } from '../contracts/option-rules.js'
import type { VideoRequest } from '../contracts/request.js'
import type { VideoSource } from '../contracts/source.js'
import { engineParts } from '../pipeline/engine-parts.js'
import type { ReviewVerdict } from '../pipeline/journal/settle-run.js'
import { keepEngine } from '../pipeline/load-engine.js'
import { PIPELINE_RULES, type SoraPipelineOptions } from '../pipeline/options.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import {
  type AdoptOptions,
  type CloseOptions,
  closeTimesOf,
  type OpenVideoOptions,
  type PipelineQuery,
  type RunOptions,
} from '../pipeline/run-options.js'
import type { RunRecord } from '../pipeline/run-record.js'
import { keepStore } from '../pipeline/runner-stores.js'
import { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { pipelineConfigOf, QUEUE_RULES, type QueueOptions, queueOptionsOf } from './queue-options.js'
import { QueuedRuns } from './queued-runs.js'

/** Options of {@link createQueueRunner} for a pipeline that exists. */
export type QueueRunnerOptions = QueueOptions

/**
 * Options of {@link createQueueRunner} for a pipeline of its own: those of the queue and of a `SoraPipeline`. `store` is required: one
 * that all processes reach, such as `postgresStore` or `redisStore`.
 */
export type StandaloneRunnerOptions = QueueOptions &
  Omit<SoraPipelineOptions, 'store'> &
  Required<Pick<SoraPipelineOptions, 'store'>>

const STANDALONE_RULES: OptionRules<StandaloneRunnerOptions> = {
  ...PIPELINE_RULES,
  ...QUEUE_RULES,
  store: required(PIPELINE_RULES.store),
}

/** The methods of a pipeline, for runs that the workers of a queue advance. */
export interface QueueRunner {
  /**
   * Resolves when the store and the server of the queue have answered. Rejects with a `ConfigurationError` when the queue cannot be
   * used until a person changes something, with a `RunStateError` when the store was not migrated, and with a retryable
   * `RunStateError` when one of them is away. It never causes an unhandled rejection. A runner works without it: a run is added to
   * the queue again until a worker has it.
   */
  readonly ready: Promise<void>
  /**
   * Saves a run and adds it to the queue. The run continues in the workers, with or without this process. The run of an id that the
   * store knows is joined. `result` and the events are read from the store.
   *
   * `run.result` rejects with the errors of `pipeline.run`, and with a `RunStateError` when the store is down. A queue that is away
   * is no error: the workers find the run in the store within seconds.
   * @throws InvalidRequestError when the request or an option is invalid. RunStateError when the runner is closed.
   */
  run(request: VideoRequest, options?: RunOptions): PipelineRun
  /**
   * Follows a run of the store.
   * @throws InvalidRequestError when the id is invalid. RunStateError when the runner is closed; `result` rejects with it for an
   * unknown id.
   */
  resume(id: string, options?: Pick<RunOptions, 'signal'>): PipelineRun
  /** The record of a run: see `pipeline.get`. A run that waits in the queue is not `isAttended`. */
  get(id: string): Promise<RunRecord | undefined>
  /** The records of an owner's runs: see `pipeline.list`. */
  list(query?: Partial<PipelineQuery>): Promise<readonly RunRecord[]>
  /** Opens the bytes of the video of a run: see `pipeline.openVideo`. */
  openVideo(id: string, options?: OpenVideoOptions): Promise<VideoSource>
  /**
   * Has a worker poll the job of a run now, such as for a webhook.
   * @throws InvalidRequestError when the id is invalid. RunStateError when the store does not know the run, or store or queue is
   * down.
   */
  wake(id: string): Promise<void>
  /** Removes a run from `list`, `get` and `openVideo`, after an abort if it is running: see `pipeline.remove`. */
  remove(id: string): Promise<void>
  /** Settles a run after a person has checked the upstream: see `pipeline.settle`. The workers continue the run. */
  settle(id: string, verdict: ReviewVerdict): Promise<PipelineRun>
  /**
   * Retries an ended run as a new run, linked to it by `retryOf`, in the workers. A job is paid again. Rejects like
   * `pipeline.retry`; without an answer of the store, the new run may have been saved.
   */
  retry(id: string, changes?: Partial<VideoRequest>): Promise<PipelineRun>
  /** Creates a run for a paid job that the store does not know, and has the workers continue it: see `pipeline.adopt`. */
  adopt(handle: GenerationHandle, options?: AdoptOptions): Promise<PipelineRun>
  /** Whether {@link close} was called, or the pipeline closes: a health check should fail from now on. */
  readonly isClosing: boolean
  /**
   * Stops following runs after `drainMs`. Their `result` rejects here with a `RunStateError`, and the workers continue them.
   * @throws InvalidRequestError when `drainMs` is invalid.
   */
  close(options?: Pick<CloseOptions, 'drainMs'>): Promise<void>
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Gives runs to the workers of a queue, with the methods of a pipeline, so that `createHandler(runner)` serves them. A runner never
 * submits, polls or uploads; a cancellation calls the generator's `cancel`, and `openVideo` may poll a job for a fresh URL.
 *
 * @param pipeline - The same configuration as that of the workers, over the same store. The runner leaves it open.
 * @throws ConfigurationError when the pipeline or an option is invalid.
 *
 * @example
 * ```ts
 * import type { SoraPipeline } from 'sora-pipeline'
 * import { createHandler } from 'sora-pipeline/http'
 * import { createQueueRunner } from 'sora-pipeline/jobs'
 *
 * export function backend(pipeline: SoraPipeline, redisUrl: string, apiKey: string) {
 *   const runner = createQueueRunner(pipeline, { connection: { url: redisUrl }, onError: console.error })
 *   return createHandler(runner, { apiKeys: [apiKey] })
 * }
 * ```
 */
export function createQueueRunner(pipeline: SoraPipeline, options: QueueRunnerOptions): QueueRunner
/**
 * The same with a pipeline of its own, which closes with the runner: the options of the queue and of the pipeline in one object.
 *
 * @param options - The chain and the store are those of the workers.
 * @throws ConfigurationError when an option is invalid.
 *
 * @example
 * ```ts
 * import type { Generator } from 'sora-pipeline'
 * import { createQueueRunner } from 'sora-pipeline/jobs'
 * import { type PostgresPool, postgresStore } from 'sora-pipeline/stores'
 *
 * export function runnerOf(generator: Generator, pool: PostgresPool, redisUrl: string) {
 *   const store = postgresStore({ pool })
 *   return createQueueRunner({ connection: { url: redisUrl }, store, generator, onError: console.error })
 * }
 * ```
 */
export function createQueueRunner(options: StandaloneRunnerOptions): QueueRunner
export function createQueueRunner(
  given: SoraPipeline | StandaloneRunnerOptions,
  options?: QueueRunnerOptions,
): QueueRunner {
  if (options === undefined && !(given instanceof SoraPipeline)) return standaloneRunner(given)
  const held = queueOptionsOf('createQueueRunner', options as QueueRunnerOptions, QUEUE_RULES)
  return runnerOf(given as SoraPipeline, held, async () => undefined)
}

function standaloneRunner(given: StandaloneRunnerOptions): QueueRunner {
  const held = queueOptionsOf('createQueueRunner', given, STANDALONE_RULES)
  // The other modules of this entry file have it already.
  keepEngine(engineParts)
  const { connection, backend, queueName, prefix, onError, ...others } = held
  const pipeline = new SoraPipeline(others)
  return runnerOf(pipeline, { connection, backend, queueName, prefix, onError }, () => pipeline.close())
}

function runnerOf(pipeline: SoraPipeline, options: QueueOptions, closePipeline: () => Promise<void>): QueueRunner {
  const config = pipelineConfigOf('createQueueRunner', pipeline)
  const runner = new QueuedRuns(pipeline, config, options)
  const close = async (drainMs: number) => {
    await runner.close(drainMs)
    await closePipeline()
  }
  const queueRunner: QueueRunner = {
    ready: runner.ready,
    run: (request, given = {}) => runner.run(request, given),
    resume: (id, given = {}) => runner.resume(id, given),
    get: (id) => pipeline.get(id),
    list: (query) => pipeline.list(query),
    openVideo: (id, given) => pipeline.openVideo(id, given),
    wake: (id) => runner.wake(id),
    remove: (id) => runner.remove(id),
    settle: (id, verdict) => runner.settle(id, verdict),
    retry: (id, changes = {}) => runner.retry(id, changes),
    adopt: (handle, given = {}) => runner.adopt(handle, given),
    get isClosing() {
      return runner.isClosing
    },
    close: async (given = {}) => close(closeTimesOf(given, ['drainMs']).drainMs),
    [Symbol.asyncDispose]: () => close(0),
  }
  keepStore(queueRunner, { store: config.store, closing: runner.closing })
  return queueRunner
}
