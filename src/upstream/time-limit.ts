import { abortable } from './abortable.js'

/** What ends a call besides its own result. */
export interface TimeLimitOptions {
  /** Milliseconds of the machine's own time, for sockets know no other; `Infinity` for no limit. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Makes the error of a passed limit. */
  readonly error: () => Error
}

/**
 * Runs one exchange with a remote service under a time limit and the caller's signal, and settles at once when either ends it.
 * The call sees both as one signal, which stays silent after the call has settled.
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
