import type { Clock } from '../contracts/clock.js'

/** A stream whose reader waits. */
export interface SilentStream {
  /** How often it sends something while it is silent, in milliseconds. */
  readonly everyMs: number
  /** Milliseconds until it has to send something; `Infinity` while nobody waits for it. */
  dueInMs(): number
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

  /** Follows a stream; called whenever its reader begins to wait. */
  follow(stream: SilentStream): void {
    const dueInMs = stream.dueInMs()
    if (dueInMs === Number.POSITIVE_INFINITY) return
    this.#streams.add(stream)
    if (this.#clock.monotonic() + dueInMs < this.#wakesAt) this.#sleepFor(dueInMs)
  }

  /** Follows a stream no longer. */
  leave(stream: SilentStream): void {
    if (this.#streams.delete(stream) && this.#streams.size === 0) this.#stop()
  }

  #sleepFor(ms: number): void {
    this.#stop()
    const sleep = new AbortController()
    this.#sleep = sleep
    this.#wakesAt = this.#clock.monotonic() + ms
    this.#clock.sleep(ms, { signal: sleep.signal }).then(
      () => {
        // A sleep that was replaced may still end.
        if (this.#sleep === sleep) this.#wakeThoseDue()
      },
      () => undefined, // Stopped or replaced.
    )
  }

  #wakeThoseDue(): void {
    let nextInMs = Number.POSITIVE_INFINITY
    for (const stream of this.#streams) {
      const dueInMs = stream.dueInMs()
      if (dueInMs <= 0) stream.wake()
      else nextInMs = Math.min(nextInMs, Math.max(dueInMs, Math.min(LATE_MS, stream.everyMs * LATE_PART)))
    }
    this.#stop()
    if (nextInMs !== Number.POSITIVE_INFINITY) this.#sleepFor(nextInMs)
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
