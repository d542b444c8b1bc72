import { type Job, Worker } from 'bullmq'
import { isSoraPipelineError } from '../contracts/errors.js'
import { RunStateError } from '../contracts/run-errors.js'
import { systemClock } from '../timing/system-clock.js'
import { lastingFailure, queueFailure, type ReportError } from './queue-errors.js'
import type { RunJob } from './queue-job.js'
import type { QueueOptions } from './queue-options.js'
import { closeSoon, queuePlace } from './run-queue.js'
import { untilReady } from './until-ready.js'

const FIRST_PAUSE_MS = 500
const MOST_PAUSE_MS = 15_000
// BullMQ fails without a pause where the server answers with errors, such as one that has lost its schema or is starting.
const BURST_MS = 1_000
const BURST_ERRORS = 8
// One error for each job; it is reported once for all.
const LOST_LOCK = /^could not renew lock for job/
// Another worker has the job: the server is well.
const LOST_JOB = /^(?:Job|Missing (?:key|lock)|Lock mismatch) /
// A crash is no reason to give a run up: another delivery is harmless.
const MOST_STALLED = 1_000_000

/** Options of the loop of a worker. */
export interface LoopOptions {
  readonly options: QueueOptions
  readonly concurrency: number
  readonly lockMs: number
  /** Advances the run of a job. */
  readonly advance: (job: Job<RunJob>, token?: string) => Promise<void>
  readonly report: ReportError
}

/** Takes jobs from the queue, with growing pauses while its server fails. */
export class WorkerLoop {
  readonly #options: LoopOptions
  readonly #closing = new AbortController()
  #worker: Worker<RunJob, void> | undefined
  #resuming: Promise<void> | undefined
  #errors = 0
  #errorsSince = 0
  #bursts = 0

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /**
   * Resolves when the loop takes jobs; waits for a server that is away. Rejects with a `ConfigurationError` when a person has to
   * change something, and with a `RunStateError` when the loop is closed.
   */
  async start(): Promise<void> {
    await this.patiently(async () => {
      const worker = this.#created()
      this.#worker = worker
      try {
        await this.#unlessClosed(untilReady(worker))
      } catch (error) {
        this.#worker = undefined
        void closeSoon(worker)
        throw lastingFailure('createWorker', error) ?? error
      }
      worker.run().catch((cause: unknown) => this.#onError(cause))
    })
  }

  /** Repeats a call, with growing pauses, until it succeeds or fails for a reason that a repetition does not change. */
  async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MOST_PAUSE_MS, pauseMs * 2)) {
      this.#assertOpen()
      try {
        return await call()
      } catch (error) {
        if (this.#closing.signal.aborted || (isSoraPipelineError(error) && !error.isRetryable)) throw error
        this.#options.report(queueFailure('start to work', error))
        await this.#sleep(pauseMs)
      }
    }
  }

  /** Takes no more jobs. */
  pause(): void {
    this.#closing.abort(closedError())
    // Active jobs are not awaited.
    void this.#worker?.pause(true).catch(ignored)
  }

  /** Resolves when the jobs in progress have been put back, or after two seconds. */
  async close(): Promise<void> {
    this.pause()
    if (this.#worker) await closeSoon(this.#worker)
  }

  #created(): Worker<RunJob, void> {
    const { options, concurrency, lockMs, advance } = this.#options
    const { name, place, backend } = queuePlace(options)
    const settings = {
      autorun: false,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs / 4,
      maxStalledCount: MOST_STALLED,
      runRetryDelay: FIRST_PAUSE_MS,
    }
    try {
      // BullMQ derives the types of the options from the backend, which is only known when the program runs.
      const worker = new Worker(name, advance as never, { ...place, ...settings } as never, backend as never)
      worker.on('error', (cause) => this.#onError(cause))
      worker.on('lockRenewalFailed', (jobIds: readonly string[]) => {
        const cause = new RunStateError(`Could not keep the locks of jobs: ${jobIds.length}`, { isRetryable: true })
        this.#options.report(cause)
      })
      return worker as unknown as Worker<RunJob, void>
    } catch (error) {
      throw lastingFailure('createWorker', error) ?? error
    }
  }

  #onError(cause: unknown): void {
    const { message } = Object(cause) as { readonly message?: unknown }
    if (this.#closing.signal.aborted || LOST_LOCK.test(String(message))) return
    this.#options.report(queueFailure('work on the queue', cause))
    if (LOST_JOB.test(String(message))) return
    const now = performance.now()
    if (now > this.#errorsSince + BURST_MS) {
      // A quiet minute ends a series of bursts.
      if (now > this.#errorsSince + 60_000) this.#bursts = 0
      this.#errorsSince = now
      this.#errors = 0
    }
    this.#errors += 1
    if (this.#errors >= BURST_ERRORS) this.#resuming ??= this.#rest()
  }

  async #rest(): Promise<void> {
    const worker = this.#worker
    await worker?.pause(true).catch(ignored)
    const pauseMs = Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#bursts, 10))
    this.#bursts += 1
    await this.#sleep(pauseMs).catch(ignored)
    this.#resuming = undefined
    this.#errors = 0
    if (!this.#closing.signal.aborted) await worker?.resume().catch(ignored)
  }

  #sleep(ms: number): Promise<void> {
    return systemClock.sleep(ms, { signal: this.#closing.signal })
  }

  #unlessClosed(ready: Promise<void>): Promise<void> {
    const { signal } = this.#closing
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      ready.then(resolve, reject)
    })
  }

  #assertOpen(): void {
    this.#closing.signal.throwIfAborted()
  }
}

function closedError(): RunStateError {
  const reason = 'the worker is closed'
  return new RunStateError(`Could not start to work: ${reason}`, { isRetryable: true, reason })
}

function ignored(): void {}
