import type { Clock } from '../contracts/clock.js'

// The longest time that a timer of Node can hold; longer sleeps are made of several.
const LONGEST_TIMER_MS = 2_147_483_647

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, options) => sleep(ms, options?.signal, start),
}

/** The machine's own time for what may be left undone: a process that has nothing else to do does not wait for it. */
export const backgroundClock: Clock = {
  ...systemClock,
  sleep: (ms, options) => sleep(ms, options?.signal, startAside),
}

function start(call: () => void, ms: number) {
  return setTimeout(call, ms)
}

function startAside(call: () => void, ms: number) {
  const timer = start(call, ms)
  // Elsewhere than in Node a timer is a number, and holds nothing.
  return typeof timer === 'object' ? timer.unref() : timer
}

function sleep(ms: number, signal: AbortSignal | undefined, startTimer: typeof start): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const end = performance.now() + ms
    let timer: ReturnType<typeof setTimeout>
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const wait = () => {
      const left = end - performance.now()
      if (left <= 0) {
        signal?.removeEventListener('abort', abort)
        return resolve()
      }
      timer = startTimer(wait, Math.min(Math.ceil(left), LONGEST_TIMER_MS))
    }
    signal?.addEventListener('abort', abort, { once: true })
    timer = startTimer(wait, Math.min(Math.max(0, Math.ceil(ms)), LONGEST_TIMER_MS))
  })
}
