import type { Clock } from '../../contracts/clock.js'
import type { RunState, TimeMark } from '../state/run-state.js'
import { leftMs, runTimeAt, SKEW_MS, waitMsAt } from './time-left.js'

/**
 * The time of one run in this process. It begins with what the state reports and counts on the monotonic clock, so that a wall clock
 * that steps moves no deadline and no wait.
 */
export class RunTime {
  readonly #clock: Clock
  #loaded: Pick<RunState, 'time' | 'wakeAt'>
  /** The time of the run at the zero of the monotonic clock. */
  #zero: number
  /** When the run is due, by the monotonic clock. */
  #dueAt: number
  /** When this process last had the state from the store, by the monotonic clock. */
  #seenAt: number

  constructor(clock: Clock, state: RunState) {
    this.#clock = clock
    this.#loaded = state
    this.#seenAt = clock.monotonic()
    this.#zero = runTimeAt(state, clock.now()) - this.#seenAt
    this.#dueAt = this.#seenAt + waitMsAt(state, clock.now())
  }

  /** In whole epoch milliseconds, by the wall clock as it was when the run began. Rounded up: a wait until a deadline reaches it. */
  now(): number {
    return Math.ceil(this.#zero + this.#clock.monotonic())
  }

  /** Milliseconds until the run is due; 0 or less when it is. */
  get waitMs(): number {
    return this.#dueAt - this.#clock.monotonic()
  }

  /** Milliseconds to the first of some instants of the run; may be negative. */
  leftMs(...ends: readonly (number | undefined)[]): number {
    return leftMs(this.now(), ...ends)
  }

  /**
   * An instant of the wall clock when the run is due, as a save keeps it. One that was chosen by a clock that disagrees with that of
   * this process, or before this one stepped, is translated.
   */
  wakeAt(chosen: number): number {
    const due = this.#clock.now() + Math.round(this.waitMs)
    return Math.abs(due - chosen) > SKEW_MS ? due : chosen
  }

  /** What a save keeps of it. */
  mark(): TimeMark {
    return { wall: this.#clock.now(), run: this.now() }
  }

  /** The run is due at an instant of the wall clock, as it is now. */
  schedule(wakeAt: number | undefined): void {
    if (wakeAt !== undefined) this.#dueAt = this.#clock.monotonic() + wakeAt - this.#clock.now()
  }

  /** This process has saved the state. */
  saved(state: RunState): void {
    this.#loaded = state
    this.#seenAt = this.#clock.monotonic()
  }

  /** Another process may have saved the state. One that is unchanged moves nothing: it is loaded once a second while it is watched. */
  adopt(state: RunState): void {
    const { time, wakeAt } = this.#loaded
    const wall = this.#clock.now()
    const now = this.#clock.monotonic()
    const isSaved = time?.wall !== state.time?.wall || time?.run !== state.time?.run
    if (isSaved) this.#zero = runTimeAt(state, wall, now - this.#seenAt) - now
    if (isSaved || wakeAt !== state.wakeAt) this.#dueAt = now + waitMsAt(state, wall)
    this.#loaded = state
    this.#seenAt = now
  }
}
