import type { Clock } from '../../contracts/clock.js'
import type { RunStore } from '../../contracts/run-store.js'
import { inTime, isFenced, type StoreMethod, storeThrough } from './store-calls.js'

// Minimum time of an operation, also after the end of the run; and after that end, once an earlier operation timed out.
const LEAST_MS = 1000
const LEAST_HUNG_MS = 100
const LEAST_REST_MS = 1000
const LONGEST_REST_MS = 8000

/** Options of the store of one run. */
export interface TimedStoreOptions {
  readonly rawStore: RunStore
  /** Whether no operation of it can hang: then none has a time limit. */
  readonly hasOwnStore?: boolean
  readonly clock: Clock
  readonly storeTimeoutMs: number
}

/**
 * The store of one run. Its operations end with the run: each is limited to `storeTimeoutMs`, and all of them together to about a
 * second past the deadline of the run.
 */
export class TimedStore {
  readonly store: RunStore
  readonly #isOwn: boolean
  readonly #clock: Clock
  readonly #storeTimeoutMs: number
  readonly #leftMs: () => number
  #endsAt = Number.POSITIVE_INFINITY
  /** Methods whose last operation timed out: the success of another method does not clear them. */
  #hanging: Set<StoreMethod> | undefined
  #restsUntil = Number.NEGATIVE_INFINITY
  #failures = 0

  /** @param leftMs - Milliseconds until the deadline of the run; `Infinity` for none. */
  constructor({ rawStore, hasOwnStore = false, clock, storeTimeoutMs }: TimedStoreOptions, leftMs: () => number) {
    this.#isOwn = hasOwnStore
    this.#clock = clock
    this.#storeTimeoutMs = storeTimeoutMs
    this.#leftMs = leftMs
    this.store = hasOwnStore ? rawStore : storeThrough(rawStore, (method, operation) => this.wait(method, operation))
  }

  /** Waits for another operation of the store under the same limit. */
  wait<T>(method: StoreMethod, operation: () => Promise<T>): Promise<T> {
    return this.#isOwn ? operation() : this.#waitInTime(method, operation)
  }

  async #waitInTime<T>(method: StoreMethod, operation: () => Promise<T>): Promise<T> {
    const startedAt = this.#clock.monotonic()
    const timeoutMs = this.#limitMs(startedAt)
    try {
      return await inTime(this.#clock, timeoutMs, method, operation)
    } finally {
      if (this.#clock.monotonic() - startedAt < timeoutMs) this.#hanging?.delete(method)
      else {
        this.#hanging ??= new Set()
        this.#hanging.add(method)
      }
    }
  }

  /** Calls the store and records whether that fails; after a timeout the pause is longer than after an immediate error. */
  async paced(act: () => Promise<void>): Promise<void> {
    const startedAt = this.#clock.monotonic()
    try {
      await act()
      this.#restsUntil = startedAt
      this.#failures = 0
    } catch (error) {
      if (isFenced(error)) throw error
      const now = this.#clock.monotonic()
      const backOffMs = Math.min(LONGEST_REST_MS, LEAST_REST_MS * 2 ** this.#failures)
      this.#failures += 1
      this.#restsUntil = now + Math.max(backOffMs, 2 * (now - startedAt))
      throw error
    }
  }

  /** Whether the store failed recently, so that saves that can wait are postponed. */
  isResting(): boolean {
    return this.#clock.monotonic() < this.#restsUntil
  }

  /** An instant of the monotonic clock at which the run must have ended, such as some time after an abort. */
  endBy(at: number): void {
    this.#endsAt = Math.min(this.#endsAt, at)
  }

  #limitMs(now: number): number {
    const untilMs = Math.min(this.#endsAt - now, this.#leftMs() + LEAST_MS)
    const leastMs = this.#hanging === undefined || this.#hanging.size === 0 ? LEAST_MS : LEAST_HUNG_MS
    return Math.min(this.#storeTimeoutMs, Math.max(leastMs, untilMs))
  }
}
