import type { PipelineEvent } from '../contracts/events.js'
import type { PipelineResult } from '../contracts/result.js'
import { RunStateError } from '../contracts/run-errors.js'
import { EventLog } from '../pipeline/event-log.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { RunRecord } from '../pipeline/run-record.js'
import type { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { systemClock } from '../timing/system-clock.js'

const POLL_MS = 500

/** A run that workers advance, as this process sees it. */
export interface Followed {
  readonly id: string
  readonly pipeline: SoraPipeline
  /** Resolves when the run is in the store. */
  readonly saved: Promise<unknown>
  /** Aborts when the runner closes. */
  readonly closing: AbortSignal
  readonly onStart: () => void
  readonly onEnd: () => void
}

/** Follows a run in the store from the moment when its events or its result are read. */
export class FollowedRun implements PipelineRun {
  readonly id: string
  readonly #followed: Followed
  readonly #log: EventLog
  #result: Promise<PipelineResult> | undefined
  #cancelled: AbortController | undefined

  constructor(followed: Followed) {
    this.id = followed.id
    this.#followed = followed
    this.#log = new EventLog(() => ({ runId: followed.id, at: Date.now() }))
  }

  get result(): Promise<PipelineResult> {
    if (this.#result === undefined) {
      this.#followed.onStart()
      this.#result = this.#follow().finally(this.#followed.onEnd)
      this.#result.catch(() => undefined)
    }
    return this.#result
  }

  async cancel(reason: unknown = new DOMException('The run was cancelled', 'AbortError')): Promise<void> {
    this.#cancelled ??= new AbortController()
    void this.result
    this.#cancelled.abort(reason)
    await this.#followed.saved.catch(() => undefined)
    await this.#followed.pipeline.resume(this.id).cancel(reason)
  }

  /** Cancels the run with a signal of a caller. */
  follow(signal: AbortSignal): void {
    const cancel = () => void this.cancel(signal.reason)
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })
  }

  [Symbol.asyncIterator](): AsyncIterator<PipelineEvent> {
    void this.result
    return this.#log.read()
  }

  async #follow(): Promise<PipelineResult> {
    const { saved, pipeline, closing } = this.#followed
    await saved
    this.#log.append({ type: 'run-started', stages: ['generate'] })
    for (let last: string | undefined; ; ) {
      this.#cancelled?.signal.throwIfAborted()
      const record = await pipeline.get(this.id)
      if (record === undefined) throw new RunStateError(`Could not follow the run, it was removed: ${this.id}`)
      if (record.status !== 'running') return this.#end()
      last = this.#relay(record, last)
      await systemClock.sleep(POLL_MS, { signal: closing })
    }
  }

  #relay({ stage, progress }: RunRecord, last: string | undefined): string {
    const text = JSON.stringify([stage, progress])
    if (stage !== undefined && progress !== undefined && text !== last)
      this.#log.progress({ type: 'stage-progressed', elapsedMs: 0, strategy: '', ...progress })
    return text
  }

  async #end(): Promise<PipelineResult> {
    const ended = this.#followed.pipeline.resume(this.id)
    for await (const event of ended) {
      if (event.type === 'run-completed' || event.type === 'run-failed') this.#log.append(event)
    }
    return ended.result
  }
}
