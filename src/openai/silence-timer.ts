import type { Clock } from '../contracts/clock.js'

/** A stream whose reader waits. */
export interface SilentStream {
  /** How often it sends something while it is silent, in milliseconds. */
  readonly everyMs: number
  /** When it has to send something, in monotonic milliseconds; `Infinity` while its reader does not wait. */
  readonly dueAt: number
  /** Called when it is due. */
  wake(): void
}

// Wakes are gathered: a stream may be woken this part of its interval late, but at most a second.
const LATE_PART = 1 / 16
const LATE_MS = 1000

/** One timer for the heartbeats of any number of streams. It runs only while there are streams, and never wakes early. */
export class SilenceTimer {
  readonly #clock: Clock
  readonly #streams = new Set<SilentStream>()
  #sleep: AbortController | undefined
  #wakesAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.monotonic()
  }

  /** Follows a stream; called whenever its reader begins to wait. */
  follow(stream: SilentStream): void {
    const { dueAt } = stream
    if (dueAt === Number.POSITIVE_INFINITY) return
    this.#streams.add(stream)
    if (dueAt < this.#wakesAt) this.#sleepUntil(dueAt)
  }

  /** Follows a stream no longer. */
  leave(stream: SilentStream): void {
    if (this.#streams.delete(stream) && this.#streams.size === 0) this.#stop()
  }

  #sleepUntil(at: number): void {
    this.#stop()
    const sleep = new AbortController()
    this.#sleep = sleep
    this.#wakesAt = at
    this.#clock.sleep(at - this.now(), { signal: sleep.signal }).then(
      () => {
        // A sleep that was replaced may still end.
        if (this.#sleep === sleep) this.#wakeThoseDue()
      },
      () => undefined, // Stopped or replaced.
    )
  }

  #wakeThoseDue(): void {
    this.#stop()
    const now = this.now()
    let next = Number.POSITIVE_INFINITY
    // A copy: a stream that is woken may wait again at once.
    for (const stream of [...this.#streams]) {
      const { dueAt, everyMs } = stream
      if (dueAt <= now) stream.wake()
      else next = Math.min(next, Math.max(dueAt, now + Math.min(LATE_MS, everyMs * LATE_PART)))
    }
    if (next < this.#wakesAt) this.#sleepUntil(next)
  }

  #stop(): void {
    this.#sleep?.abort()
    this.#sleep = undefined
    this.#wakesAt = Number.POSITIVE_INFINITY
  }
}

const timers = new WeakMap<Clock, SilenceTimer>()

/** The timer of all streams of a clock. */
export function silenceTimer(clock: Clock): SilenceTimer {
  const timer = timers.get(clock) ?? new SilenceTimer(clock)
  timers.set(clock, timer)
  return timer
}
