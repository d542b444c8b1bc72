import type { GenerationHandle } from '../contracts/generation-handle.js'
import type { VideoRequest } from '../contracts/request.js'
import { RunStateError } from '../contracts/run-errors.js'
import { checkId, checkRequest } from '../pipeline/check-request.js'
import { createStored } from '../pipeline/create-run.js'
import { adoptJob } from '../pipeline/journal/adopt-run.js'
import { retriedRequest } from '../pipeline/journal/retried-request.js'
import { type ReviewVerdict, settleRun } from '../pipeline/journal/settle-run.js'
import type { PipelineConfig } from '../pipeline/pipeline-config.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import {
  type AdoptOptions,
  checkAdoptOptions,
  checkRunOptions,
  newRunId,
  type RunOptions,
} from '../pipeline/run-options.js'
import type { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { followRun } from '../pipeline/stored-events/follow-run.js'
import { errorReporter, lastingFailure, queueFailure, type ReportError } from './queue-errors.js'
import type { QueueOptions } from './queue-options.js'
import { QueuedRun } from './queued-run.js'
import { RunQueue } from './run-queue.js'
import { StoreReach } from './store-reach.js'

/** The runs of a queue, as one process starts and reads them. */
export class QueuedRuns {
  readonly ready: Promise<void>
  readonly #pipeline: SoraPipeline
  readonly #config: PipelineConfig
  readonly #queue: RunQueue
  readonly #report: ReportError
  readonly #reach: StoreReach
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(pipeline: SoraPipeline, config: PipelineConfig, options: QueueOptions) {
    this.#pipeline = pipeline
    this.#config = config
    this.#report = errorReporter(options.onError)
    this.#queue = new RunQueue(options, this.#report)
    this.#reach = new StoreReach(config.rawStore, this.#report)
    this.ready = this.#start()
    this.ready.catch(this.#report)
  }

  /** Saves a run and adds it to the queue. */
  run(request: VideoRequest, options: RunOptions): PipelineRun {
    const checked = checkRequest(request)
    checkRunOptions(options)
    this.#assertOpen('start a run')
    const { signal, id = newRunId(), ...origin } = options
    const saved = this.#save(checked, { ...origin, id })
    return this.#follow(id, saved, signal)
  }

  /** Aborted when the runner or its pipeline closes. */
  get closing(): AbortSignal {
    return AbortSignal.any([this.#closing.signal, this.#config.closing.signal])
  }

  resume(id: string, options: Pick<RunOptions, 'signal'>): PipelineRun {
    checkId(id)
    checkRunOptions(options, ['signal'])
    this.#assertOpen('resume the run')
    return this.#follow(id, Promise.resolve(), options.signal)
  }

  async wake(id: string): Promise<void> {
    await this.#pipeline.wake(id)
    await this.#queue.wake(id)
  }

  async remove(id: string): Promise<void> {
    await this.#pipeline.remove(id)
    await this.#queue.remove(id).catch(this.#report)
  }

  async settle(id: string, verdict: ReviewVerdict): Promise<PipelineRun> {
    checkId(id)
    this.#assertOpen('settle the run')
    await settleRun(this.#config, id, verdict)
    return this.#queued(id)
  }

  async retry(id: string, changes: Partial<VideoRequest>): Promise<PipelineRun> {
    checkId(id)
    this.#assertOpen('retry the run')
    const { request, owner } = await retriedRequest(this.#config, id, changes)
    const retried = {
      id: newRunId(),
      request: checkRequest(request),
      owner,
      retryOf: id,
      isCallerId: false,
    }
    await createStored(this.#config, retried)
    return this.#queued(retried.id)
  }

  async adopt(handle: GenerationHandle, options: AdoptOptions): Promise<PipelineRun> {
    this.#assertOpen('adopt the job')
    checkAdoptOptions(options)
    const { request, id = newRunId(), owner } = options
    const checked = request && checkRequest(request)
    await adoptJob(this.#config, { id, isCallerId: options.id !== undefined, handle, request: checked, owner })
    return this.#queued(id)
  }

  /** Whether this or the pipeline has begun to close. */
  get isClosing(): boolean {
    return this.#closed !== undefined || this.#pipeline.isClosing
  }

  close(drainMs: number): Promise<void> {
    this.#closed ??= this.#close(drainMs)
    return this.#closed
  }

  // The queue connects at once; the error of the store is that of its worker.
  async #start(): Promise<void> {
    const [store, queue] = await Promise.allSettled([this.#pipeline.due(1), this.#queue.ready()])
    if (store.status === 'rejected') throw store.reason
    if (queue.status === 'fulfilled') return
    throw lastingFailure('createQueueRunner', queue.reason) ?? queueFailure('reach the queue', queue.reason)
  }

  async #close(drainMs: number): Promise<void> {
    if (drainMs > 0) await this.#config.clock.sleep(drainMs)
    this.#closing.abort('closed')
    await this.#queue.close()
  }

  async #save(request: VideoRequest, options: Omit<RunOptions, 'signal'>): Promise<void> {
    const { id, status } = await this.#pipeline.create(request, options)
    this.#reach.check()
    // A queue that is away costs time: the workers find the run in the store.
    if (status === 'running') this.#queue.add([id]).catch(this.#report)
  }

  // A queue that is away costs time: the workers find the run in the store.
  async #queued(id: string): Promise<PipelineRun> {
    this.#reach.check()
    await this.#queue.wake(id).catch(this.#report)
    return this.#follow(id, Promise.resolve(), undefined)
  }

  #follow(id: string, saved: Promise<void>, signal: AbortSignal | undefined): PipelineRun {
    const followed = followRun(this.#config.store, id, { signal: this.#closing.signal })
    const run = new QueuedRun({
      id,
      saved,
      followed,
      closing: this.#closing.signal,
      abort: (reason) => this.#abort(id, reason),
    })
    if (signal) run.cancelWith(signal, this.#report)
    return run
  }

  // Here, so that it counts also while no worker lives.
  async #abort(id: string, reason: unknown): Promise<void> {
    await this.#pipeline.resume(id).cancel(reason)
    await this.#queue.remove(id).catch(this.#report)
  }

  #assertOpen(action: string): void {
    if (!this.#closing.signal.aborted) return
    const reason = 'the runner is closed'
    throw new RunStateError(`Could not ${action}: ${reason}`, { isRetryable: true, reason })
  }
}
