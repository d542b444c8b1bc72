import type { Clock } from '../contracts/clock.js'
import { type HasSignal, LazySignal } from './lazy-signal.js'
import { startTimer } from './system-clock.js'

/** A call that ends by its own result, by the caller's signal, or by its time limit. */
export interface DeadlineOptions {
  readonly clock: Clock
  /** `Infinity` for no limit. */
  readonly timeoutMs: number
  /** Absent when only the time ends the call. */
  readonly signal?: AbortSignal | undefined
  /** Creates the error for a passed deadline. */
  readonly error: () => Error
}

const ONCE = { once: true } as const

/**
 * Runs a call under a signal and a time limit, and settles at once when either ends it, even if the call ignores its signal: its
 * later result is ignored. The call receives both as one signal.
 */
export function withDeadline<T>(options: DeadlineOptions, call: (limit: HasSignal) => Promise<T>): Promise<T> {
  const { clock, timeoutMs, signal, error } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const limit = new LazySignal()
    const cut = (reason: unknown) => {
      leave()
      reject(reason)
      limit.abort(reason)
    }
    const followCaller = () => cut(signal?.reason)
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : startTimer(clock, timeoutMs, () => cut(error()))
    signal?.addEventListener('abort', followCaller, ONCE)
    const leave = () => {
      timer?.stop()
      signal?.removeEventListener('abort', followCaller)
    }
    settleLike(() => call(limit), { resolve, reject, leave })
  })
}

/** Settles like the call, or rejects with `signal.reason` the moment the signal is aborted. */
export function raceAbort<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, ONCE)
    settleLike(call, { resolve, reject, leave: () => signal.removeEventListener('abort', abort) })
  })
}

// A strategy that throws before its first await must not differ from one that rejects.
function settleLike<T>(
  call: () => Promise<T>,
  { resolve, reject, leave }: { resolve(value: T): void; reject(reason: unknown): void; leave(): void },
): void {
  const fail = (reason: unknown) => {
    leave()
    reject(reason)
  }
  try {
    Promise.resolve(call()).then((value) => {
      leave()
      resolve(value)
    }, fail)
  } catch (thrown) {
    fail(thrown)
  }
}
