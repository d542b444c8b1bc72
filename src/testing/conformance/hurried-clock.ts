import type { Clock } from '../../contracts/clock.js'

// Fast enough for back-offs of seconds, and slow enough that a local server has most of a second within a limit of
// ten.
const PACE = 20

/** Time that runs twenty times as fast as the machine's: real servers have time to answer, and back-offs are short. */
export function hurriedClock(): Clock {
  const startedAt = Date.now()
  const origin = performance.now()
  const monotonic = () => (performance.now() - origin) * PACE
  return {
    now: () => Math.round(startedAt + monotonic()),
    monotonic,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const end = monotonic() + ms
        let timer: ReturnType<typeof setTimeout> | undefined
        const abort = () => {
          clearTimeout(timer)
          reject(signal?.reason)
        }
        const wake = () => {
          if (monotonic() < end) return wait()
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const wait = () => {
          // Without a timer, only the signal ends an endless sleep.
          if (Number.isFinite(ms)) timer = setTimeout(wake, Math.max(0, end - monotonic()) / PACE)
        }
        signal?.addEventListener('abort', abort, { once: true })
        wait()
      }),
  }
}
