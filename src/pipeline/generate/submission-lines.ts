import type { Clock } from '../../contracts/clock.js'
import type { Generator } from '../../contracts/generator.js'
import { startTimer } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'

// Each has a connection of its own. With the 48 that polls share, and those that are being closed, an upstream gets 64.
const MOST_AT_ONCE = 12
// A submission may take half a minute: past this time it no longer delays others.
const HOLDS_MS = 500
const ONCE = { once: true } as const

/** A submission that was let in; its place is free once it is left, or after half a second. */
export interface SubmissionPlace {
  leave(): void
}

/**
 * The submissions that are under way, for each upstream: 12 at a time, further ones wait in the order of the calls. One that takes
 * longer than half a second no longer counts, so slow answers delay others, but never hold them up. A submission waits before its
 * intent is saved: while it waits nothing is sent, and nothing has to be found out after a crash.
 */
export class SubmissionLines {
  readonly #clock: Clock
  readonly #lines = new Map<Generator | string, Line>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A place if one is free now. */
  enter(generator: Generator): SubmissionPlace | undefined {
    const line = this.#lineOf(generator)
    return line.isFree() ? line.take() : undefined
  }

  /** Counts a submission without waiting. */
  take(generator: Generator): SubmissionPlace {
    return this.#lineOf(generator).take()
  }

  /** Waits for a place. After an abort it rejects with `signal.reason`. */
  wait(generator: Generator, signal: AbortSignal): Promise<SubmissionPlace> {
    return this.#lineOf(generator).wait(signal)
  }

  #lineOf(generator: Generator): Line {
    const key = generator.upstream ?? generator
    let line = this.#lines.get(key)
    if (line === undefined) {
      line = new Line(this.#clock, () => this.#lines.delete(key))
      this.#lines.set(key, line)
    }
    return line
  }
}

class Line {
  readonly #clock: Clock
  readonly #onEmpty: () => void
  /** The places that count, with when they were taken; the oldest first. */
  readonly #places = new Map<SubmissionPlace, number>()
  readonly #waiting = new Set<(place: SubmissionPlace) => void>()
  /** Runs only while submissions wait. */
  #timer: QueuedTimer | undefined

  constructor(clock: Clock, onEmpty: () => void) {
    this.#clock = clock
    this.#onEmpty = onEmpty
  }

  isFree(): boolean {
    if (this.#waiting.size > 0) return false
    if (this.#places.size >= MOST_AT_ONCE) this.#dropOld()
    return this.#places.size < MOST_AT_ONCE
  }

  take(): SubmissionPlace {
    const place = { leave: () => this.#leave(place) }
    this.#places.set(place, this.#clock.monotonic())
    return place
  }

  wait(signal: AbortSignal): Promise<SubmissionPlace> {
    return new Promise((resolve, reject) => {
      const enter = (place: SubmissionPlace) => {
        signal.removeEventListener('abort', giveUp)
        resolve(place)
      }
      const giveUp = () => {
        this.#waiting.delete(enter)
        reject(signal.reason)
        this.#settle()
      }
      if (signal.aborted) return giveUp()
      signal.addEventListener('abort', giveUp, ONCE)
      this.#waiting.add(enter)
      this.#settle()
    })
  }

  #leave(place: SubmissionPlace): void {
    if (this.#places.delete(place)) this.#settle()
  }

  // Lets in who can enter, and arms the timer for the next place that frees itself.
  #settle(): void {
    if (this.#waiting.size > 0) this.#dropOld()
    for (const enter of this.#waiting) {
      if (this.#places.size >= MOST_AT_ONCE) break
      this.#waiting.delete(enter)
      enter(this.take())
    }
    if (this.#waiting.size === 0) {
      this.#timer?.stop()
      this.#timer = undefined
      if (this.#places.size === 0) this.#onEmpty()
      return
    }
    if (this.#timer !== undefined) return
    const [oldest = 0] = this.#places.values()
    this.#timer = startTimer(this.#clock, Math.max(1, oldest + HOLDS_MS - this.#clock.monotonic()), () => {
      this.#timer = undefined
      this.#settle()
    })
  }

  #dropOld(): void {
    const now = this.#clock.monotonic()
    for (const [place, takenAt] of this.#places) {
      if (now - takenAt < HOLDS_MS) return
      this.#places.delete(place)
    }
  }
}
