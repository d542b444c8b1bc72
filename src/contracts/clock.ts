/**
 * Where the library gets its time from. Every wait goes through it, so a test that injects `manualClock()` never sleeps.
 *
 * `sleep` rejects with `signal.reason` itself when the signal is aborted before the time is up, and resolves at the next
 * turn for 0 or a negative time.
 */
export interface Clock {
  /** Epoch milliseconds, for instants that people and other machines see. */
  now(): number
  /** Milliseconds that never go back, for durations. The zero is arbitrary. */
  monotonic(): number
  /** Resolves after `ms` milliseconds; `Infinity` waits for the signal alone. */
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}
