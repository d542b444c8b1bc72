import { abortable } from './abortable.js'

/** The limits of a call. */
export interface TimeLimitOptions {
  /** Milliseconds of wall time, which sockets use as well; `Infinity` for no limit. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Creates the error of a passed limit. */
  readonly error: () => Error
}

/**
 * Runs one exchange with a remote service under a time limit and the caller's signal, and settles as soon as either
 * ends it. The call gets both as one signal, which is not aborted after the call has settled.
 */
export async function withTimeLimit<T>(
  options: TimeLimitOptions,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs, signal, error } = options
  signal.throwIfAborted()
  const controller = new AbortController()
  const followCaller = () => controller.abort(signal.reason)
  signal.addEventListener('abort', followCaller, { once: true })
  const timer = Number.isFinite(timeoutMs) ? setTimeout(() => controller.abort(error()), timeoutMs) : undefined
  try {
    return await abortable(controller.signal, call(controller.signal))
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', followCaller)
  }
}
