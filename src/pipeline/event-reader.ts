import type { PipelineEvent } from '../contracts/events.js'

/** The events of a log, as a reader needs them. */
export interface ReadableLog {
  readonly isEnded: boolean
  /** The event at a position; `undefined` while it is not there. */
  at(position: number): PipelineEvent | undefined
  /** Wakes the reader once, when the next event is there. */
  await(reader: EventReader): void
  /** The reader no longer waits. */
  leave(reader: EventReader): void
}

type Step = IteratorResult<PipelineEvent, undefined>

/** Reads a log from its first event to the terminal one. A wait costs one promise: thousands of readers wait at the same time. */
export class EventReader implements AsyncIterableIterator<PipelineEvent, undefined> {
  readonly #log: ReadableLog
  #position = 0
  #isDone = false
  /** Reads that wait, the oldest first. */
  #waiting: ((step: Step) => void)[] = []

  constructor(log: ReadableLog) {
    this.#log = log
  }

  next(): Promise<Step> {
    const step = this.#waiting.length === 0 ? this.#step() : undefined
    if (step !== undefined) return Promise.resolve(step)
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#log.await(this)
    })
  }

  async return(): Promise<Step> {
    this.#isDone = true
    this.#log.leave(this)
    this.wake()
    return done()
  }

  /** Answers the reads that wait, as far as there are events. */
  wake(): void {
    while (this.#waiting.length > 0) {
      const step = this.#step()
      if (step === undefined) {
        this.#log.await(this)
        return
      }
      this.#waiting.shift()?.(step)
    }
  }

  #step(): Step | undefined {
    if (this.#isDone) return done()
    const value = this.#log.at(this.#position)
    if (value === undefined) return this.#log.isEnded ? done() : undefined
    this.#position += 1
    return { done: false, value }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

// A new one for each reader, which may change it.
function done(): Step {
  return { done: true, value: undefined }
}
