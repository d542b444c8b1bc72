import type { OptionRules } from '../contracts/check-options.js'
import { number, whole } from '../contracts/option-rules.js'
import { type CloseOptions, closeTimesOf } from '../pipeline/run-options.js'
import type { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { startTimer, systemClock } from '../timing/system-clock.js'
import { jobAdvancer } from './advance-job.js'
import { errorReporter, lastingFailure } from './queue-errors.js'
import { pipelineConfigOf, QUEUE_RULES, type QueueOptions, queueOptionsOf } from './queue-options.js'
import { RunQueue } from './run-queue.js'
import { keepWorker } from './store-reach.js'
import { sweepRuns } from './sweep-runs.js'
import { WorkerLoop } from './worker-loop.js'

/** Options of {@link createWorker}. */
export interface QueueWorkerOptions extends QueueOptions {
  /**
   * How many runs the worker advances at the same time, a whole number from 1. A run that waits for its upstream has no place: only
   * a submission, a poll, or a later stage in progress has one.
   * @defaultValue `50`
   */
  readonly concurrency?: number | undefined
  /**
   * How long the lock of a job lasts, in milliseconds from 100 to 3,600,000; a live worker renews it. Past it, without a renewal,
   * another worker gets the job, at most half of it later.
   * @defaultValue `10_000` (10 s)
   */
  readonly lockMs?: number | undefined
  /**
   * How often this worker searches the store for runs that are overdue and adds those that have no job, in milliseconds from 100
   * to 3,600,000, with up to a tenth more at random. Every worker does so, and a second job of a run is not added. Past it, a run
   * that the queue has lost continues.
   * @defaultValue `5_000` (5 s)
   */
  readonly sweepMs?: number | undefined
}

/** A worker of a queue: a process that advances runs. */
export interface QueueWorker {
  /**
   * Resolves when the worker takes jobs; a server that is away is awaited. Rejects with a `ConfigurationError` when the server cannot
   * be used, such as a client with the wrong options, a schema that was not migrated, a version that is too old, or a wrong password.
   * Rejects with a `RunStateError` when the store was not migrated, or the worker is closed before. After a rejection the worker is
   * closed. It never causes an unhandled rejection.
   */
  readonly ready: Promise<void>
  /**
   * Stops taking jobs and closes the pipeline, which hands its runs over: another worker continues them at once. A submission or
   * later stage in progress may finish within `graceMs`; one that takes longer is handled as by `pipeline.close`.
   * @throws InvalidRequestError when `graceMs` is invalid.
   */
  close(options?: CloseOptions): Promise<void>
  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

const someMs = number((value) => value >= 100 && value <= 3_600_000, 'give milliseconds from 100 to 3600000')

const WORKER_RULES: OptionRules<QueueWorkerOptions> = {
  ...QUEUE_RULES,
  concurrency: whole(1),
  lockMs: someMs,
  sweepMs: someMs,
}

/**
 * Advances the runs of a queue in this process, until it is closed. Each job calls `pipeline.advance`; between two steps a run waits
 * in the queue, without a place in a worker. The queue carries ids of runs and nothing else: what is known of a run is in the store
 * of the pipeline, and a queue that loses or repeats a job costs time, never money.
 *
 * The store of the pipeline must be one that all machines share, `postgresStore` or `redisStore`, and all workers of a queue need
 * the same store and chain of generators. A run whose generator is missing here stays unchanged: the error is reported to `onError`,
 * and the run is tried again every 30 s by any worker.
 * @throws ConfigurationError when the pipeline or an option is invalid.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { createWorker } from 'sora-pipeline/jobs'
 * import { type PostgresPool, postgresStore } from 'sora-pipeline/stores'
 * import { videosApiGenerator } from 'sora-pipeline/strategies'
 *
 * export async function work(pool: PostgresPool, redisUrl: string) {
 *   const store = postgresStore({ pool })
 *   await store.migrate()
 *   const pipeline = new SoraPipeline({ generator: videosApiGenerator({ baseUrl: 'https://gateway.example/v1' }), store })
 *   const worker = createWorker(pipeline, { connection: { url: redisUrl }, onError: console.error })
 *   process.once('SIGTERM', () => worker.close())
 *   await worker.ready
 * }
 * ```
 */
export function createWorker(pipeline: SoraPipeline, given: QueueWorkerOptions): QueueWorker {
  const options = queueOptionsOf('createWorker', given, WORKER_RULES)
  const config = pipelineConfigOf('createWorker', pipeline)
  const { concurrency = 50, lockMs = 10_000, sweepMs = 5_000 } = options
  const report = errorReporter(options.onError)
  let isClosing = false
  const advance = jobAdvancer({ pipeline, config, report, isClosing: () => isClosing })
  const queue = new RunQueue(options, report)
  const loop = new WorkerLoop({ options, concurrency, lockMs, advance, report })
  const forget = keepWorker(config.rawStore)
  const sweeper = repeated(sweepMs, () => sweepRuns(config, queue).then(ignored, report))
  let closed: Promise<void> | undefined

  const close = async (times: CloseOptions = {}): Promise<void> => {
    closeTimesOf(times)
    closed ??= (async () => {
      isClosing = true
      sweeper.stop()
      loop.pause()
      await pipeline.close(times)
      await Promise.all([loop.close(), queue.close()])
      forget()
    })()
    await closed
  }
  const start = async () => {
    // A store that was not migrated refuses this; one that is away delays the start.
    await loop.patiently(() => pipeline.due(1))
    await loop.start()
    // Before the worker counts as ready: a connection that stalls in a migration of the queue keeps other processes from starting.
    await loop.patiently(async () => {
      await queue.ready().catch((error: unknown) => {
        throw lastingFailure('createWorker', error) ?? error
      })
    })
    sweeper.start()
  }
  const ready = start().catch(async (error: unknown) => {
    if (!isClosing) {
      report(error)
      await close()
    }
    throw error
  })
  ready.catch(ignored)
  return { ready, close, [Symbol.asyncDispose]: () => close() }
}

/** A task that is repeated, one at a time, with a pause that differs between processes. */
function repeated(pauseMs: number, task: () => Promise<void>): { start(): void; stop(): void } {
  let isStopped = false
  let timer: { stop(): void } | undefined
  const next = () => {
    if (isStopped) return
    timer = startTimer(systemClock, pauseMs * (1 + Math.random() / 10), () => void task().then(next))
  }
  return {
    start: () => void task().then(next),
    stop: () => {
      isStopped = true
      timer?.stop()
    },
  }
}

function ignored(): void {}
