import type { Clock } from '../contracts/clock.js'
import { backgroundOf, startTimer } from '../timing/system-clock.js'
import type { QueuedTimer } from '../timing/timer-queue.js'

/** Takes the outcome of one read. */
export interface StepTaker<T> {
  onStep(step: IteratorResult<T, unknown>): void
  onFailure(error: unknown): void
}

/** Steps that are read one by one, without a promise for each layer between the run and its reader. */
export interface Steps<T> {
  /** Calls the taker once, at once or later. Called again only after that. */
  read(taker: StepTaker<T>): void
}

/** What a wait ends with. */
export interface Waiter<T> extends StepTaker<T> {
  /** The silence lasted too long. The same step is still being read. */
  onSilence(): void
}

/** How long silence may last. */
export interface Pace {
  /** `Infinity` for any length. */
  readonly everyMs: number
  /** Its timers do not keep the process alive if it is the system clock: a reader that waits is no work. */
  readonly clock: Clock
}

/** Waits for steps one by one, and for silence in between. */
export class PacedSteps<T> implements StepTaker<T> {
  /** Whether silence may last for ever. */
  isMuted = false
  readonly #everyMs: number
  readonly #clock: Clock
  readonly #steps: Steps<T>
  readonly #waiter: Waiter<T>
  #arrived: { readonly step: IteratorResult<T, unknown> } | { readonly error: unknown } | undefined
  #isReading = false
  #isWaiting = false
  #silentSince: number
  /** Rings at the end of the silence, or before it if something was sent meanwhile. */
  #timer: QueuedTimer | undefined

  constructor(steps: Steps<T>, { everyMs, clock }: Pace, waiter: Waiter<T>) {
    this.#steps = steps
    this.#everyMs = everyMs
    this.#clock = backgroundOf(clock)
    this.#waiter = waiter
    this.#silentSince = clock.monotonic()
  }

  /** Waits for one step or one silence. */
  wait(): void {
    this.#isWaiting = true
    const arrived = this.#arrived
    if (arrived !== undefined) {
      this.#arrived = undefined
      if ('error' in arrived) this.onFailure(arrived.error)
      else this.onStep(arrived.step)
      return
    }
    if (!this.#isReading) {
      this.#isReading = true
      this.#steps.read(this)
    }
    // Otherwise the step was there at once.
    if (this.#isWaiting) this.#startTimer()
  }

  /** Something was sent: silence begins again. */
  sent(): void {
    this.#silentSince = this.#clock.monotonic()
  }

  /** Ends a wait without a call, and the timer. */
  end(): void {
    this.#isWaiting = false
    this.isMuted = true
    this.#timer?.stop()
  }

  #startTimer(): void {
    if (this.isMuted || this.#timer !== undefined || this.#everyMs === Number.POSITIVE_INFINITY) return
    const leftMs = this.#silentSince + this.#everyMs - this.#clock.monotonic()
    this.#timer = startTimer(this.#clock, Math.max(0, leftMs), this.#ring)
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    if (!this.#isWaiting || this.isMuted) return
    if (this.#clock.monotonic() - this.#silentSince < this.#everyMs) {
      this.#startTimer()
      return
    }
    this.#isWaiting = false
    this.#waiter.onSilence()
  }

  onStep(step: IteratorResult<T, unknown>): void {
    this.#isReading = false
    if (!this.#isWaiting) {
      this.#arrived = { step }
      return
    }
    this.#isWaiting = false
    try {
      this.#waiter.onStep(step)
    } catch (error) {
      this.#waiter.onFailure(error)
    }
  }

  onFailure(error: unknown): void {
    this.#isReading = false
    if (!this.#isWaiting) {
      this.#arrived = { error }
      return
    }
    this.#isWaiting = false
    this.#waiter.onFailure(error)
  }
}

/** Reads the next step of an iterator. */
export function readNext<T>(next: () => Promise<IteratorResult<T, unknown>>, taker: StepTaker<T>): void {
  // Also what `next` throws.
  const read = async () => next()
  read().then(
    (step) => taker.onStep(step),
    (error: unknown) => taker.onFailure(error),
  )
}
