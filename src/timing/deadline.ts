import type { Clock } from '../contracts/clock.js'

/** A call that ends by its own result, by the caller's signal, or by its time limit. */
export interface DeadlineOptions {
  readonly clock: Clock
  /** `Infinity` for no limit. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Creates the error for a passed deadline. */
  readonly error: () => Error
}

// Never shown. Without a reason, abort() creates an error with a stack for each call that ends in time.
const OVER = 'over'

/**
 * Runs a call under a signal and a time limit, and settles at once when either ends it, even if the call ignores its signal: its
 * later result is ignored. The call receives both as one signal.
 */
export async function withDeadline<T>(options: DeadlineOptions, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, timeoutMs, signal, error } = options
  signal.throwIfAborted()
  const controller = new AbortController()
  const followCaller = () => controller.abort(signal.reason)
  signal.addEventListener('abort', followCaller, { once: true })
  const done = new AbortController()
  if (timeoutMs !== Number.POSITIVE_INFINITY) {
    clock.sleep(timeoutMs, { signal: done.signal }).then(
      () => controller.abort(error()),
      () => undefined, // The call ended first and cancelled its timer.
    )
  }
  try {
    return await raceAbort(controller.signal, () => call(controller.signal))
  } finally {
    signal.removeEventListener('abort', followCaller)
    done.abort(OVER)
  }
}

/** Settles like the call, or rejects with `signal.reason` the moment the signal is aborted. */
export function raceAbort<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const settle = () => signal.removeEventListener('abort', abort)
    invoke(call).then(resolve, reject).finally(settle)
  })
}

// A strategy that throws before its first await must not differ from one that rejects.
async function invoke<T>(call: () => Promise<T>): Promise<T> {
  return call()
}
