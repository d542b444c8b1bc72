import type { SilenceTimer, SilentStream } from './silence-timer.js'

/** What a wait ends with. */
export interface Waiter<T> {
  onStep(step: IteratorResult<T, unknown>): void
  onFailure(error: unknown): void
  /** The silence lasted too long. The same step is still being read. */
  onSilence(): void
}

/** How the steps are read, and how long silence may last. */
export interface Pace<T> {
  readonly read: () => Promise<IteratorResult<T, unknown>>
  /** `Infinity` for any length. */
  readonly everyMs: number
  readonly timer: SilenceTimer
}

/** Waits for the steps of an iterator one by one, and for silence in between. */
export class PacedSteps<T> implements SilentStream {
  /** Whether silence may last for ever. */
  isMuted = false
  readonly #pace: Pace<T>
  readonly #waiter: Waiter<T>
  #arrived: { readonly step: IteratorResult<T, unknown> } | { readonly error: unknown } | undefined
  #isReading = false
  #isWaiting = false
  #silentSince: number

  constructor(pace: Pace<T>, waiter: Waiter<T>) {
    this.#pace = pace
    this.#waiter = waiter
    this.#silentSince = pace.timer.now()
  }

  /** Waits for one step or one silence. */
  wait(): void {
    this.#isWaiting = true
    if (!this.#isReading) {
      this.#isReading = true
      this.#pace.read().then(this.#onStep, this.#onFailure)
    }
    if (this.#arrived === undefined) this.#pace.timer.follow(this)
    else this.#deliver()
  }

  /** Something was sent: silence begins again. */
  sent(): void {
    this.#silentSince = this.#pace.timer.now()
  }

  /** Ends a wait without a call, and the timer. */
  end(): void {
    this.#isWaiting = false
    this.isMuted = true
    this.#pace.timer.leave(this)
  }

  get everyMs(): number {
    return this.#pace.everyMs
  }

  get dueAt(): number {
    return this.#isWaiting && !this.isMuted ? this.#silentSince + this.#pace.everyMs : Number.POSITIVE_INFINITY
  }

  wake(): void {
    this.#isWaiting = false
    this.#waiter.onSilence()
  }

  readonly #onStep = (step: IteratorResult<T, unknown>): void => {
    this.#arrived = { step }
    if (this.#isWaiting) this.#deliver()
  }

  readonly #onFailure = (error: unknown): void => {
    this.#arrived = { error }
    if (this.#isWaiting) this.#deliver()
  }

  #deliver(): void {
    const arrived = this.#arrived
    if (arrived === undefined) return
    this.#arrived = undefined
    this.#isReading = false
    this.#isWaiting = false
    if ('error' in arrived) {
      this.#waiter.onFailure(arrived.error)
      return
    }
    try {
      this.#waiter.onStep(arrived.step)
    } catch (error) {
      this.#waiter.onFailure(error)
    }
  }
}
