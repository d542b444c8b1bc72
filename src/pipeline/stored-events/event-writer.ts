import type { Clock } from '../../contracts/clock.js'
import type { PipelineEvent } from '../../contracts/events.js'
import type { RunStore, StoredEvent } from '../../contracts/run-store.js'
import { backgroundOf, startTimer } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'
import { isTerminal, PUBLISHED_PROGRESS_MS } from '../event-log.js'

/** Events after a takeover are numbered from a multiple of this. */
export const SEQUENCES = 1_000_000

// Events that wait for a store that is down; beyond that the oldest are lost.
const MOST_WAITING = 1000
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
// After the last event of the run.
const MOST_TRIES = 5

/** Options of a writer. */
export interface EventWriterOptions {
  readonly id: string
  /** With a time limit on each operation. */
  readonly store: Pick<RunStore, 'appendEvents'>
  readonly clock: Clock
  /** Has the writes that are under way. */
  readonly writes: Set<Promise<void>>
  /** Called once, when the store fails for the first time. */
  readonly onFailure: () => void
}

/**
 * Adds the events of one run to the log of the store, in the background: a store that fails or hangs neither fails nor delays the
 * run. Of progress, at most one event a second is kept; the others are superseded.
 */
export class EventWriter {
  readonly #options: EventWriterOptions
  readonly #waiting: PipelineEvent[] = []
  #newest = -1
  /** Difference between numbers in the store and in this process, see `#renumber`. */
  #offset = 0
  #latest: PipelineEvent | undefined
  #progressAt = Number.NEGATIVE_INFINITY
  #timer: QueuedTimer | undefined
  #sending: Promise<void> | undefined
  #hasFailed = false
  /** Whether another process has taken the run over, so that its events count. */
  #isLost = false

  constructor(options: EventWriterOptions) {
    this.#options = options
  }

  /** Adds an event; one that was added before is ignored. */
  add(event: PipelineEvent): void {
    if (event.sequence <= this.#newest || this.#isLost || isLeft(event)) return
    this.#newest = event.sequence
    this.#latest = undefined
    if (event.type !== 'stage-progressed') this.#put(event)
    else {
      const dueInMs = this.#progressAt + PUBLISHED_PROGRESS_MS - this.#options.clock.monotonic()
      if (dueInMs <= 0) this.#putProgress(event)
      else {
        this.#latest = event
        this.#timer ??= this.#startTimer(dueInMs, () => this.#latest && this.#putProgress(this.#latest))
      }
    }
  }

  /** Resolves when no event waits. */
  async flushed(): Promise<void> {
    while (this.#sending) await this.#sending
  }

  #putProgress(event: PipelineEvent): void {
    this.#latest = undefined
    this.#progressAt = this.#options.clock.monotonic()
    this.#put(event)
  }

  #put(event: PipelineEvent): void {
    this.#waiting.push(event)
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift()
    if (this.#sending) return
    const { writes } = this.#options
    const sending = this.#send().finally(() => {
      this.#sending = undefined
      writes.delete(sending)
    })
    this.#sending = sending
    writes.add(sending)
  }

  async #send(): Promise<void> {
    await undefined // Events of the same turn are one write.
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0)
      const isLast = batch.some(isTerminal)
      for (let tries = 1; !this.#isLost && !(await this.#isAppended(batch)); tries += 1) {
        if (isLast && tries === MOST_TRIES) return
        const { clock } = this.#options
        await backgroundOf(clock).sleep(Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS))
      }
    }
  }

  async #isAppended(batch: readonly PipelineEvent[]): Promise<boolean> {
    const { id, store } = this.#options
    const numbered = () => {
      const offset = this.#offset
      return offset === 0 ? batch : batch.map((event) => ({ ...event, sequence: event.sequence + offset }))
    }
    try {
      let newest = await store.appendEvents?.(id, numbered() as unknown as StoredEvent[])
      if (newest !== undefined && this.#renumber(batch, newest)) {
        newest = await store.appendEvents?.(id, numbered() as unknown as StoredEvent[])
      }
      return true
    } catch {
      if (!this.#hasFailed) this.#options.onFailure()
      this.#hasFailed = true
      return false
    }
  }

  /**
   * The log has other events with these numbers. Those of a takeover count, and these are left out. Otherwise they are of an
   * earlier step of the same holder, as with `advance`, and the numbers continue after them.
   */
  #renumber([first]: readonly PipelineEvent[], newest: number): boolean {
    const sequence = (first?.sequence ?? 0) + this.#offset
    this.#isLost = Math.floor(newest / SEQUENCES) > Math.floor(sequence / SEQUENCES)
    if (this.#isLost) return false
    this.#offset += newest + 1 - sequence
    return true
  }

  #startTimer(ms: number, ring: () => void): QueuedTimer {
    return startTimer(backgroundOf(this.#options.clock), ms, () => {
      this.#timer = undefined
      ring()
    })
  }
}

// This process has stopped, rather than the run.
function isLeft(event: PipelineEvent): boolean {
  return event.type === 'run-failed' && (event.error.code === 'run-state' || event.error.code === 'run-fenced')
}
