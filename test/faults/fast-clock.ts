import type { Clock } from 'sora-pipeline'

/** The machine's time, faster by a factor: waits of minutes take seconds, while sockets keep their own time. */
export function fastClock(speed: number, skewMs: () => number = () => 0): Clock {
  const startedAt = Date.now()
  const zero = performance.now()
  const monotonic = () => (performance.now() - zero) * speed
  return {
    now: () => startedAt + monotonic() + skewMs(),
    monotonic,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const wake = () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const timer = Number.isFinite(ms) ? setTimeout(wake, Math.max(0, ms / speed)) : undefined
        const abort = () => {
          clearTimeout(timer)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
      }),
  }
}
