import type { Clock } from '../../src/index.js'

// Between what a strategy waits before it tries again, and what limits its work. A poll may come 2 % later than scheduled.
const LONGEST_WAIT_MS = 20_400

/**
 * Time that passes only while code waits: a pause is over at once, and a deadline comes when the pauses before it are longer.
 * So no run takes time, and none is late because the machine is busy.
 */
export function jumpingClock(): Clock {
  let now = 1_767_225_600_000
  const deadlines = new Set<{ readonly at: number; readonly wake: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    async sleep(ms, { signal } = {}) {
      signal?.throwIfAborted()
      if (ms <= LONGEST_WAIT_MS) {
        now += ms
        for (const deadline of deadlines) if (deadline.at <= now) deadline.wake()
        await new Promise((resolve) => setImmediate(resolve))
        signal?.throwIfAborted()
        return
      }
      await new Promise<void>((resolve, reject) => {
        const abort = () => {
          deadlines.delete(deadline)
          reject(signal?.reason)
        }
        const wake = () => {
          deadlines.delete(deadline)
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const deadline = { at: now + ms, wake }
        deadlines.add(deadline)
        signal?.addEventListener('abort', abort, { once: true })
      })
    },
  }
}
