import type { Clock } from '../../contracts/clock.js'
import type { RunState, TimeMark } from '../state/run-state.js'
import { leftMs, runTimeAt, SKEW_MS, waitMsAt } from './time-left.js'

/**
 * The time of one run in this process. It starts at the time in the state and follows the monotonic clock, so that a step of the
 * wall clock moves no deadline and no wait.
 */
export class RunTime {
  readonly #clock: Clock
  #loaded: Pick<RunState, 'time' | 'wakeAt'>
  /** The time of the run at the zero of the monotonic clock. */
  #zero: number
  /** When the run is due, by the monotonic clock. */
  #dueAt: number
  /** When this process last loaded or saved the state, by the monotonic clock. */
  #seenAt: number

  constructor(clock: Clock, state: RunState) {
    this.#clock = clock
    this.#loaded = state
    this.#seenAt = clock.monotonic()
    this.#zero = runTimeAt(state, clock.now()) - this.#seenAt
    this.#dueAt = this.#seenAt + waitMsAt(state, clock.now())
  }

  /**
   * In whole epoch milliseconds, by the wall clock at the start of the run. Rounded up, so that a wait until a deadline reaches
   * it.
   */
  now(): number {
    return Math.ceil(this.#zero + this.#clock.monotonic())
  }

  /** Milliseconds until the run is due; 0 or less when it is. */
  get waitMs(): number {
    return this.#dueAt - this.#clock.monotonic()
  }

  /** Milliseconds to the earlier of two instants of the run; may be negative. */
  leftMs(end: number | undefined, other?: number): number {
    return leftMs(this.now(), end, other)
  }

  /**
   * When the run is due by the wall clock, for a save. A time that was chosen by another clock, or before the clock of this
   * process stepped, is converted.
   */
  wakeAt(chosen: number): number {
    const due = this.#clock.now() + Math.round(this.waitMs)
    return Math.abs(due - chosen) > SKEW_MS ? due : chosen
  }

  /** Both clocks, for a save. */
  mark(): TimeMark {
    return { wall: this.#clock.now(), run: this.now() }
  }

  /** Sets when the run is due, by the current wall clock. */
  schedule(wakeAt: number | undefined): void {
    if (wakeAt !== undefined) this.#dueAt = this.#clock.monotonic() + wakeAt - this.#clock.now()
  }

  /** Called after this process has saved the state. */
  saved(state: RunState): void {
    this.#loaded = state
    this.#seenAt = this.#clock.monotonic()
  }

  /** Called with a loaded state. An unchanged state has no effect: a watched run is loaded once a second. */
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
