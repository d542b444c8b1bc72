import { toErrorJson } from '../contracts/errors.js'
import type { PipelineEvent } from '../contracts/events.js'
import type { PipelineResult } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import { EventLog } from '../pipeline/event-log.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'

/** Where a run of the queue is read and cancelled. */
export interface QueuedRunOptions {
  readonly id: string
  /** Resolves when the run is in the store, and rejects when it is not. */
  readonly saved: Promise<void>
  /** The run as the store has it, read while it has readers. */
  readonly followed: PipelineRun
  /** Ends the following. */
  readonly closing: AbortSignal
  /** Ends the run in the store. */
  readonly abort: (reason: unknown) => Promise<void>
}

/** A run that workers advance: its events and its result come from the store, once it is there. */
export class QueuedRun implements PipelineRun {
  readonly id: string
  readonly #options: QueuedRunOptions
  readonly #cancelled = Promise.withResolvers<never>()
  #result: Promise<PipelineResult> | undefined

  constructor(options: QueuedRunOptions) {
    this.id = options.id
    this.#options = options
    // Their readers get the rejections.
    options.saved.catch(ignored)
    this.#cancelled.promise.catch(ignored)
  }

  get saved(): Promise<void> {
    return this.#options.saved
  }

  get result(): Promise<PipelineResult> {
    if (this.#result === undefined) {
      const { saved, followed } = this.#options
      const stored = saved.then(() => followed.result.catch((error: unknown) => this.#fail(error)))
      this.#result = Promise.race([this.#cancelled.promise, stored])
      this.#result.catch(ignored)
    }
    return this.#result
  }

  async cancel(reason: unknown = new DOMException('The run was cancelled', 'AbortError')): Promise<void> {
    this.#cancelled.reject(reason)
    const isSaved = await this.#options.saved.then(
      () => true,
      () => false,
    )
    if (isSaved) await this.#options.abort(reason)
  }

  /** Cancels the run with a signal of its caller. */
  cancelWith(signal: AbortSignal, onError: (error: unknown) => void): void {
    const cancel = () => void this.cancel(signal.reason).catch(onError)
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })
    const forget = () => signal.removeEventListener('abort', cancel)
    this.result.then(forget, forget)
  }

  [Symbol.asyncIterator](): AsyncIterator<PipelineEvent> {
    let events: AsyncIterator<PipelineEvent> | undefined
    let isLeft = false
    const open = async () => {
      events ??= await this.#events()
      if (isLeft) await events.return?.()
      return events
    }
    return {
      next: async () => (isLeft ? { done: true, value: undefined } : (await open()).next()),
      return: async () => {
        isLeft = true
        return (await events?.return?.()) ?? { done: true, value: undefined }
      },
    }
  }

  // An error of its own for each run: those who answer a client note the run of an error.
  #fail(error: unknown): never {
    const { id, closing } = this.#options
    if (!closing.aborted || error !== closing.reason) throw error
    const message = `Could not follow the run here, the runner is closed; it continues in the workers: ${id}`
    throw new RunStateError(message, { isRetryable: true, continues: true })
  }

  // A run that could not be saved has a last event as well.
  async #events(): Promise<AsyncIterator<PipelineEvent>> {
    const { id, saved, followed } = this.#options
    try {
      await saved
      return followed[Symbol.asyncIterator]()
    } catch (error) {
      const log = new EventLog(() => ({ runId: id, at: Date.now() }))
      log.append({ type: 'run-started', stages: ['generate'] })
      log.append({ type: 'run-failed', error: toErrorJson(error), isAborted: false })
      return log.read()
    }
  }
}

function ignored(): void {}
