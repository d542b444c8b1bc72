/**
 * Where the library gets its time from. Every wait goes through it, so a test that injects `manualClock()` never sleeps.
 *
 * `sleep` rejects with `signal.reason` itself when the signal is aborted before the time is up. For 0 or a negative time it
 * resolves in the next turn of the event loop.
 */
export interface Clock {
  /** Epoch milliseconds, for timestamps that leave the process. */
  now(): number
  /** Monotonic milliseconds, for durations. The zero is arbitrary. */
  monotonic(): number
  /** Resolves after `ms` milliseconds; `Infinity` waits until the signal is aborted. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}
