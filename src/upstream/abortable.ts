/**
 * Settles like the promise, or rejects with `signal.reason` itself the moment the signal is aborted, also when whoever makes
 * the promise does not listen to the signal. What the promise does later is ignored.
 */
export function abortable<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
