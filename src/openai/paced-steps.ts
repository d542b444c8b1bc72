import type { SilenceTimer, SilentStream } from './silence-timer.js'

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
  readonly timer: SilenceTimer
}

/** Waits for steps one by one, and for silence in between. */
export class PacedSteps<T> implements SilentStream, StepTaker<T> {
  /** Whether silence may last for ever. */
  isMuted = false
  readonly everyMs: number
  readonly #timer: SilenceTimer
  readonly #steps: Steps<T>
  readonly #waiter: Waiter<T>
  #arrived: { readonly step: IteratorResult<T, unknown> } | { readonly error: unknown } | undefined
  #isReading = false
  #isWaiting = false
  #silentSince: number

  constructor(steps: Steps<T>, { everyMs, timer }: Pace, waiter: Waiter<T>) {
    this.#steps = steps
    this.everyMs = everyMs
    this.#timer = timer
    this.#waiter = waiter
    this.#silentSince = timer.now()
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
    if (this.#isWaiting) this.#timer.follow(this)
  }

  /** Something was sent: silence begins again. */
  sent(): void {
    this.#silentSince = this.#timer.now()
  }

  /** Ends a wait without a call, and the timer. */
  end(): void {
    this.#isWaiting = false
    this.isMuted = true
    this.#timer.leave(this)
  }

  get dueAt(): number {
    return this.#isWaiting && !this.isMuted ? this.#silentSince + this.everyMs : Number.POSITIVE_INFINITY
  }

  wake(): void {
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
