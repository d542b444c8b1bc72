import type { Clock } from '../contracts/clock.js'

/** Options of a circuit. */
export interface CircuitLimits {
  /** Failures in a row that open the circuit. */
  readonly failures: number
  /** How long the circuit stays open, in milliseconds. */
  readonly resetAfterMs: number
}

/** Outcome of an admitted call. `undecided` does not count, such as an abort. */
export type CircuitOutcome = 'succeeded' | 'failed' | 'undecided'

/**
 * A circuit breaker. It counts failures in a row and opens after too many; later it admits one call as a probe, whose outcome
 * closes or reopens it. Calls that were admitted before the last state change do not count.
 */
export class Circuit {
  readonly #limits: CircuitLimits
  #failures = 0
  #openUntil: number | undefined
  #isProbing = false
  // Changes with the state: each call carries the era in which it was admitted.
  #era = 0

  constructor(limits: CircuitLimits) {
    this.#limits = limits
  }

  /** Milliseconds until a call may be admitted; `undefined` if one may now. 0 while a probe is in progress. */
  closedForMs(clock: Clock): number | undefined {
    if (this.#openUntil === undefined) return undefined
    if (this.#isProbing) return 0
    const leftMs = this.#openUntil - clock.monotonic()
    return leftMs > 0 ? leftMs : undefined
  }

  /** Admits a call; pass the result to `settle` with the outcome. */
  enter(): number {
    if (this.#openUntil !== undefined) {
      this.#era += 1
      this.#isProbing = true
    }
    return this.#era
  }

  /** The outcome of a call. */
  leave(passage: number, outcome: CircuitOutcome, clock: Clock): void {
    if (passage !== this.#era) return
    if (outcome === 'succeeded') this.#close()
    else if (outcome === 'undecided') this.#isProbing = false
    else if (this.#isProbing || this.#failures + 1 >= this.#limits.failures) this.#open(clock)
    else this.#failures += 1
  }

  #close(): void {
    this.#failures = 0
    this.#openUntil = undefined
    this.#isProbing = false
  }

  #open(clock: Clock): void {
    this.#era += 1
    this.#isProbing = false
    this.#openUntil = clock.monotonic() + this.#limits.resetAfterMs
  }
}
