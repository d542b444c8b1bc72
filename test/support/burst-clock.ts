import { type ManualClock, manualClock } from '../../src/testing/index.js'

/**
 * A manual clock that wakes all sleepers of one instant in the same turn of the event loop, as the system clock does. A manual
 * clock wakes one after the other.
 */
export function burstClock(): ManualClock {
  const clock = manualClock()
  const instants = new Map<number, { readonly wakes: Set<() => void>; readonly off: AbortController }>()

  const instantAt = (at: number, ms: number) => {
    const known = instants.get(at)
    if (known !== undefined) return known
    const instant = { wakes: new Set<() => void>(), off: new AbortController() }
    instants.set(at, instant)
    const ring = () => {
      instants.delete(at)
      for (const wake of instant.wakes) wake()
    }
    clock.sleep(ms, { signal: instant.off.signal }).then(ring, () => undefined)
    return instant
  }

  return {
    ...clock,
    get pending() {
      return clock.pending
    },
    sleep(ms, options = {}) {
      const { signal } = options
      if (!(ms > 0 && ms < Number.POSITIVE_INFINITY) || signal?.aborted) return clock.sleep(ms, options)
      const at = clock.monotonic() + ms
      const { wakes, off } = instantAt(at, ms)
      return new Promise((resolve, reject) => {
        const wake = () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const abort = () => {
          wakes.delete(wake)
          if (wakes.size === 0) {
            instants.delete(at)
            off.abort()
          }
          reject(signal?.reason)
        }
        wakes.add(wake)
        signal?.addEventListener('abort', abort, { once: true })
      })
    },
  }
}
