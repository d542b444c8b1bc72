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
export function withTimeLimit<T>(options: TimeLimitOptions, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { timeoutMs, signal, error } = options
  return new Promise<T>((resolve, reject) => {
    signal.throwIfAborted()
    const controller = new AbortController()
    const followCaller = () => end(signal.reason)
    const timer = Number.isFinite(timeoutMs) ? setTimeout(() => end(error()), timeoutMs) : undefined
    const release = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', followCaller)
    }
    const end = (reason: unknown) => {
      release()
      controller.abort(reason)
      reject(reason)
    }
    signal.addEventListener('abort', followCaller, { once: true })
    call(controller.signal).then(
      (value) => {
        release()
        resolve(value)
      },
      (reason: unknown) => {
        release()
        reject(reason)
      },
    )
  })
}
