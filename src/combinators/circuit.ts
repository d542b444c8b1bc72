import type { Clock } from '../contracts/clock.js'

/** How long a circuit holds. */
export interface CircuitLimits {
  /** Failures in a row that open it. */
  readonly failures: number
  /** How long it then stays open, in milliseconds. */
  readonly resetAfterMs: number
}

/** What a call that was let through came to. `undecided` says nothing of the strategy, such as an abort. */
export type CircuitOutcome = 'succeeded' | 'failed' | 'undecided'

/**
 * Counts failures in a row and lets no call through once there were too many; after a while it lets one through as a probe, and
 * the outcome of that one decides. Calls that were let through before the last change do not count any more.
 */
export class Circuit {
  readonly #limits: CircuitLimits
  #failures = 0
  #openUntil: number | undefined
  #isProbing = false
  // Changes with the state: a call is known by the era in which it was let through.
  #era = 0

  constructor(limits: CircuitLimits) {
    this.#limits = limits
  }

  /** Milliseconds until a call may be let through; `undefined` when one may now. 0 while a probe is under way. */
  closedForMs(clock: Clock): number | undefined {
    if (this.#openUntil === undefined) return undefined
    if (this.#isProbing) return 0
    const leftMs = this.#openUntil - clock.monotonic()
    return leftMs > 0 ? leftMs : undefined
  }

  /** Lets a call through; give back what it gives with the outcome. */
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
