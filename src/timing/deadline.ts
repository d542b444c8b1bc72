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
      fail(reason)
      limit.abort(reason)
    }
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : startTimer(clock, timeoutMs, () => cut(error()))
    const followCaller = signal && (() => cut(signal.reason))
    if (followCaller) signal.addEventListener('abort', followCaller, ONCE)
    const leave = () => {
      timer?.stop()
      if (followCaller) signal.removeEventListener('abort', followCaller)
    }
    const fail = (reason: unknown) => {
      leave()
      reject(reason)
    }
    try {
      Promise.resolve(call(limit)).then((value) => {
        leave()
        resolve(value)
      }, fail)
    } catch (thrown) {
      fail(thrown) // A strategy that throws before its first await must not differ from one that rejects.
    }
  })
}

/** Settles like the call, or rejects with `signal.reason` the moment the signal is aborted. */
export function raceAbort<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, ONCE)
    const fail = (reason: unknown) => {
      signal.removeEventListener('abort', abort)
      reject(reason)
    }
    try {
      Promise.resolve(call()).then((value) => {
        signal.removeEventListener('abort', abort)
        resolve(value)
      }, fail)
    } catch (thrown) {
      fail(thrown)
    }
  })
}
