import type { Clock } from '../contracts/clock.js'

/** A sleeper of a {@link sharedTimer}. */
interface Sleeper {
  readonly endsAt: number
  readonly wake: () => void
}

/**
 * A clock whose sleepers share one timer, for thousands of streams that each wait for their next heartbeat. A sleep
 * ends up to `tickMs` late and never early; without sleepers no timer runs.
 */
export function sharedTimer(clock: Clock, tickMs: number): Clock {
  const sleepers = new Set<Sleeper>()
  let isTicking = false

  const tick = async () => {
    isTicking = true
    while (sleepers.size > 0) {
      await clock.sleep(tickMs)
      const now = clock.monotonic()
      for (const sleeper of sleepers) {
        if (sleeper.endsAt > now) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    }
    isTicking = false
  }

  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = () => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const wake = () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const sleeper: Sleeper = { endsAt: clock.monotonic() + ms, wake }
        signal?.addEventListener('abort', abort, { once: true })
        sleepers.add(sleeper)
        if (!isTicking) void tick()
      }),
  }
}
