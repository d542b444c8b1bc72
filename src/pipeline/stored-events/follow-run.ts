import { checkArgument } from '../../contracts/check-argument.js'
import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import type { Clock } from '../../contracts/clock.js'
import { toErrorJson } from '../../contracts/errors.js'
import type { PipelineEvent } from '../../contracts/events.js'
import { aSignal, rule, withMethods } from '../../contracts/option-rules.js'
import type { PipelineResult } from '../../contracts/result.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import { startTimer, systemClock } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'
import { checkIsText } from '../check-request.js'
import { EventLog } from '../event-log.js'
import { type EngineParts, loadEngine } from '../load-engine.js'
import type { PipelineRun } from '../pipeline-run.js'
import { bellsOf } from './event-bells.js'
import { EventReader } from './event-reader.js'

// How often the run is read without a bell: while it is iterated, and while only its result is awaited.
const LOOK_MS = 5000
const SELDOM_LOOK_MS = 30_000
// How long after the end of a run its last event may come.
const LAST_EVENT_MS = 2000
// Two minutes: longer than the failover of a store.
const MOST_FAILURES = 24
// Longer than a worker takes to notice a request, and to cancel the job.
const CANCEL_MS = 15_000

/** Options of {@link followRun}. */
export interface FollowOptions {
  /**
   * Stops following: iterations end, and `result` rejects with `signal.reason`. The run is not affected.
   * @defaultValue none
   */
  readonly signal?: AbortSignal | undefined
  /** Clock of the waits between two reads, such as `manualClock()` in a test. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/**
 * Follows a run of a store that other processes work on, without working on it. Iterations show every event from the first: those in
 * the event log of the store, and then each new one as soon as the store announces it. When an announcement is lost, the run is
 * read every 5 seconds, or every 30 seconds while only `result` is awaited. Of a store without an event log only the last event is
 * shown.
 *
 * The run is read while it is iterated, or once `result` was read. `result` settles from the state in the store; its `video` has no
 * `source`. `cancel` asks the worker that holds the run to cancel it, which takes up to a third of its `leaseMs`; it resolves after
 * the last event, or after 15 seconds, when the request waits in the store for the next worker.
 *
 * @throws ConfigurationError when the store or an option is invalid. InvalidRequestError when the id is not a text. `result` rejects with a
 * `RunStateError` when the store does not know the run, or is down for two minutes.
 */
export function followRun(store: RunStore, id: string, options: FollowOptions = {}): PipelineRun {
  checkOptions('followRun', options, RULES)
  checkArgument('followRun', 'store', store, A_STORE)
  checkIsText(id)
  return new FollowedRun(store, id, options)
}

const A_STORE = rule((value) => typeof Object(value).load === 'function', 'give the store that has the run')
const RULES: OptionRules<FollowOptions> = { signal: aSignal, clock: withMethods('now', 'monotonic', 'sleep') }

class FollowedRun implements PipelineRun {
  readonly id: string
  readonly #store: RunStore
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  readonly #log: EventLog
  readonly #reader: EventReader
  readonly #result = Promise.withResolvers<PipelineResult>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #iterators = new Set<AsyncIterableIterator<PipelineEvent>>()
  /** Who needs the run to be read. */
  #interested = 0
  #isOver = false
  #isStopped = false
  #isLooking = false
  #failures = 0
  #parts: EngineParts | undefined
  #endSeenAt: number | undefined
  #timer: QueuedTimer | undefined
  #stopHearing: (() => void) | undefined
  #isResultRead = false

  constructor(store: RunStore, id: string, { clock = systemClock, signal }: FollowOptions) {
    this.id = id
    this.#store = store
    this.#clock = clock
    this.#signal = signal
    this.#log = new EventLog(() => ({ runId: id, at: clock.now() }))
    this.#reader = new EventReader(store, id, this.#log, () => this.#look())
    this.#result.promise.catch(ignored) // A caller that awaits it still gets the rejection.
  }

  get result(): Promise<PipelineResult> {
    if (!this.#isResultRead) this.#join()
    this.#isResultRead = true
    return this.#result.promise
  }

  async cancel(reason: unknown = new DOMException('The run was cancelled', 'AbortError')): Promise<void> {
    if (this.#isOver) return
    this.#result.reject(reason)
    this.#join()
    let timer: QueuedTimer | undefined
    try {
      const { requestCancel } = await loadEngine()
      await requestCancel(this.#store, this.#clock, this.id, reason)
      const late = new Promise<void>((resolve) => {
        timer = startTimer(this.#clock, CANCEL_MS, resolve)
      })
      await Promise.race([this.#ended.promise, late])
    } finally {
      timer?.stop()
      this.#leave()
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<PipelineEvent> {
    const events = this.#log.read()
    let isReading = false
    const end = () => {
      this.#iterators.delete(events)
      if (isReading) this.#leave()
      isReading = false
    }
    return {
      next: async () => {
        if (!isReading && !this.#isOver) {
          isReading = true
          this.#iterators.add(events)
          this.#join()
        }
        // An iteration that begins after the stop has no end in the log.
        if (this.#isStopped) events.return?.()
        const step = await events.next()
        if (step.done) end()
        return step
      },
      return: async () => {
        end()
        return (await events.return?.()) ?? { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  // Ends without a last event.
  readonly #stop = (): void => {
    this.#isStopped = true
    this.#result.reject(this.#signal?.reason)
    this.#end()
    for (const events of this.#iterators) events.return?.()
  }

  #join(): void {
    this.#interested += 1
    if (this.#signal?.aborted && !this.#isOver) this.#stop()
    if (this.#interested > 1 || this.#isOver) return
    this.#signal?.addEventListener('abort', this.#stop, { once: true })
    const read = () => {
      this.#reader.catchUp().catch(ignored) // The next look reads again.
    }
    if (this.#store.followEvents) this.#stopHearing = bellsOf(this.#store).hear(this.id, read)
    this.#look()
  }

  #leave(): void {
    this.#interested -= 1
    if (this.#interested === 0) this.#pause()
  }

  // The signal may last longer than the run, such as that of a queue runner.
  #pause(): void {
    this.#signal?.removeEventListener('abort', this.#stop)
    this.#timer?.stop()
    this.#timer = undefined
    this.#stopHearing?.()
    this.#stopHearing = undefined
  }

  #look(): void {
    if (this.#isLooking || this.#isOver) return
    this.#isLooking = true
    this.#timer?.stop()
    this.#read()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#isLooking = false
        if (this.#isOver || this.#interested === 0) return
        this.#timer = startTimer(this.#clock, this.#nextLookMs(), () => this.#look())
      })
  }

  #nextLookMs(): number {
    if (this.#endSeenAt !== undefined) return LAST_EVENT_MS
    const isAnnounced = this.#store.followEvents !== undefined && this.#failures === 0
    return isAnnounced && this.#iterators.size === 0 ? SELDOM_LOOK_MS : LOOK_MS
  }

  async #read(): Promise<void> {
    this.#parts ??= await loadEngine()
    const loaded = await this.#parts.loadRun(this.#store, this.id)
    if (loaded === undefined)
      throw new RunStateError(`Could not follow the run, the store does not know it: ${this.id}`)
    await this.#reader.catchUp()
    this.#failures = 0
    const { state } = loaded
    if (state.status === 'running') {
      this.#endSeenAt = undefined
      return
    }
    const now = this.#clock.monotonic()
    this.#endSeenAt ??= now
    const { event, result, error } = this.#parts.recordedEnd(state)
    if (result) this.#result.resolve(result)
    else this.#result.reject(error)
    if (this.#reader.hasEnd) this.#reader.showEnd(true)
    else if (now - this.#endSeenAt >= LAST_EVENT_MS || this.#store.readEvents === undefined) this.#log.append(event)
    else return
    this.#end()
  }

  #failed(error: unknown): void {
    this.#failures += 1
    // Without the engine no later look succeeds either.
    if (this.#parts !== undefined && !this.#parts.isAnswer(error) && this.#failures < MOST_FAILURES) return
    this.#log.append({ type: 'run-failed', error: toErrorJson(error), isAborted: false })
    this.#result.reject(error)
    this.#end()
  }

  #end(): void {
    this.#isOver = true
    this.#pause()
    this.#ended.resolve()
  }
}

function ignored(): void {}
