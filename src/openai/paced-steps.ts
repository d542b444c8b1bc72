import type { SilenceTimer, SilentStream } from './silence-timer.js'

/** What came of a wait: a step, a failure, silence that lasted too long, or the end of the wait by {@link PacedSteps.end}. */
export type Arrival<T> =
  | { readonly kind: 'step'; readonly step: IteratorResult<T, unknown> }
  | { readonly kind: 'failure'; readonly error: unknown }
  | typeof SILENCE
  | typeof ENDED

const SILENCE = { kind: 'silence' } as const
const ENDED = { kind: 'ended' } as const

/** How the steps are read, and when silence has lasted too long. */
export interface Pace<T> {
  /** Reads the next step. One read is pending at a time, over any number of silences. */
  readonly read: () => Promise<IteratorResult<T, unknown>>
  readonly everyMs: number
  /** Milliseconds until the silence has lasted too long; `Infinity` if it never does. */
  readonly dueInMs: () => number
  readonly timer: SilenceTimer
}

/** Waits for the steps of an iterator one by one, and for silence in between. */
export class PacedSteps<T> implements SilentStream {
  readonly #pace: Pace<T>
  #arrival: Arrival<T> | undefined
  #isReading = false
  #isEnded = false
  #wake: (() => void) | undefined

  constructor(pace: Pace<T>) {
    this.#pace = pace
  }

  /** Waits for the next step; a step that came during a silence is returned at once. */
  async next(): Promise<Arrival<T>> {
    if (!this.#isReading) {
      this.#isReading = true
      this.#pace.read().then(
        (step) => this.#arrive({ kind: 'step', step }),
        (error: unknown) => this.#arrive({ kind: 'failure', error }),
      )
    }
    while (this.#arrival === undefined) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#pace.timer.follow(this)
      await woken
      this.#wake = undefined
      if (this.#isEnded) return ENDED
      if (this.#arrival === undefined && this.#pace.dueInMs() <= 0) return SILENCE
    }
    const arrival = this.#arrival
    this.#arrival = undefined
    this.#isReading = false
    return arrival
  }

  /** Ends a wait at once, and its timer. */
  end(): void {
    this.#isEnded = true
    this.#pace.timer.leave(this)
    this.#wake?.()
  }

  get everyMs(): number {
    return this.#pace.everyMs
  }

  dueInMs(): number {
    return this.#wake === undefined ? Number.POSITIVE_INFINITY : this.#pace.dueInMs()
  }

  wake(): void {
    this.#wake?.()
  }

  #arrive(arrival: Arrival<T>): void {
    this.#arrival = arrival
    this.#wake?.()
  }
}
