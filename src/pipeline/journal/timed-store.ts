import type { Clock } from '../../contracts/clock.js'
import type { RunStore } from '../../contracts/run-store.js'
import { inTime, isFenced, withinTime } from './store-calls.js'

/** The store of one run, whose operations end with the run. */
export interface TimedStore {
  readonly store: RunStore
  /** Waits for another operation of the store under the same limit. */
  wait<T>(method: 'heartbeat' | 'putMedia' | 'create' | 'save', operation: () => Promise<T>): Promise<T>
  /** Calls the store and records whether that fails; after a timeout the pause is longer than after an immediate error. */
  paced(act: () => Promise<void>): Promise<void>
  /** Whether the store failed recently, so that saves that can wait are postponed. */
  isResting(): boolean
  /** An instant of the monotonic clock at which the run must have ended, such as some time after an abort. */
  endBy(at: number): void
}

// Minimum time of an operation, also after the end of the run; and after that end, once an earlier operation timed out.
const LEAST_MS = 1000
const LEAST_HUNG_MS = 100
const LEAST_REST_MS = 1000
const LONGEST_REST_MS = 8000

/**
 * Limits the operations of a store for one run: each to `storeTimeoutMs`, and all of them together to about a second past the
 * deadline of the run.
 */
export function timedStore(options: {
  readonly rawStore: RunStore
  readonly clock: Clock
  readonly storeTimeoutMs: number
  /** Until the deadline of the run; `Infinity` for none. */
  readonly leftMs: () => number
}): TimedStore {
  const { rawStore, clock, storeTimeoutMs, leftMs } = options
  let endsAt = Number.POSITIVE_INFINITY
  // Methods whose last operation timed out: the success of another method does not clear them.
  const hanging = new Set<string>()
  let restsUntil = Number.NEGATIVE_INFINITY
  let failures = 0

  const limitMs = () => {
    const untilMs = Math.min(endsAt - clock.monotonic(), leftMs() + LEAST_MS)
    const leastMs = hanging.size > 0 ? LEAST_HUNG_MS : LEAST_MS
    return Math.min(storeTimeoutMs, Math.max(leastMs, untilMs))
  }
  const observed = async <T>(method: string, timeoutMs: number, operation: Promise<T>): Promise<T> => {
    const startedAt = clock.monotonic()
    try {
      return await operation
    } finally {
      if (clock.monotonic() - startedAt >= timeoutMs) hanging.add(method)
      else hanging.delete(method)
    }
  }
  const bounded = withinTime(rawStore, clock, limitMs)
  const store = Object.entries(bounded).map(([method, call]) => [
    method,
    (...given: unknown[]) => observed(method, limitMs(), (call as (...all: unknown[]) => Promise<unknown>)(...given)),
  ])
  return {
    store: Object.fromEntries(store) as RunStore,
    wait: (method, operation) => {
      const timeoutMs = limitMs()
      return observed(method, timeoutMs, inTime({ clock, storeTimeoutMs: timeoutMs }, method, operation))
    },
    paced: async (act) => {
      const startedAt = clock.monotonic()
      try {
        await act()
        restsUntil = startedAt
        failures = 0
      } catch (error) {
        if (isFenced(error)) throw error
        const now = clock.monotonic()
        const backOffMs = Math.min(LONGEST_REST_MS, LEAST_REST_MS * 2 ** failures)
        failures += 1
        restsUntil = now + Math.max(backOffMs, 2 * (now - startedAt))
        throw error
      }
    },
    isResting: () => clock.monotonic() < restsUntil,
    endBy: (at) => {
      endsAt = Math.min(endsAt, at)
    },
  }
}
