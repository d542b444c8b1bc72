import type { Clock } from '../contracts/clock.js'

// The longest time that a timer of Node can hold; longer sleeps are made of several.
const LONGEST_TIMER_MS = 2_147_483_647

type Timer = ReturnType<typeof setTimeout>

interface Timers {
  start(call: () => void, ms: number): Timer
  stop(timer: Timer): void
}

/** The machine's own time for one owner, who may stop to hold the process with it. */
export interface HeldClock extends Clock {
  /** From now on no sleep keeps the process alive, neither one under way nor a later one. */
  release(): void
}

const plainTimers: Timers = { start: (call, ms) => setTimeout(call, ms), stop: (timer) => clearTimeout(timer) }
const looseTimers: Timers = { ...plainTimers, start: (call, ms) => loosened(setTimeout(call, ms)) }
const heldClocks = new WeakSet<Clock>()

/** The machine's own time. */
export const systemClock: Clock = clockOf(plainTimers)

/** The machine's own time for what may be left undone: a process that has nothing else to do does not wait for it. */
export const backgroundClock: Clock = clockOf(looseTimers)

/** A clock for what may be left undone: that of the machine does not keep the process alive. */
export function backgroundOf(clock: Clock): Clock {
  return clock === systemClock || heldClocks.has(clock) ? backgroundClock : clock
}

/** Makes a clock of the machine's own time that can be released. */
export function heldClock(): HeldClock {
  const running = new Set<Timer>()
  let isReleased = false
  const clock = clockOf({
    start: (call, ms) => {
      const timer: Timer = setTimeout(() => {
        running.delete(timer)
        call()
      }, ms)
      running.add(isReleased ? loosened(timer) : timer)
      return timer
    },
    stop: (timer) => {
      running.delete(timer)
      clearTimeout(timer)
    },
  })
  const held: HeldClock = {
    ...clock,
    release: () => {
      isReleased = true
      for (const timer of running) loosened(timer)
    },
  }
  heldClocks.add(held)
  return held
}

/** Nothing that still sleeps by a clock keeps the process alive. One that was injected is its owner's to stop. */
export function releaseClock(clock: Clock): void {
  if (heldClocks.has(clock)) (clock as HeldClock).release()
}

function clockOf(timers: Timers): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms, options) => sleep(ms, options?.signal, timers),
  }
}

// Elsewhere than in Node a timer is a number, and holds nothing.
function loosened(timer: Timer): Timer {
  return typeof timer === 'object' ? timer.unref() : timer
}

function sleep(ms: number, signal: AbortSignal | undefined, timers: Timers): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const end = performance.now() + ms
    let timer: Timer
    const abort = () => {
      timers.stop(timer)
      reject(signal?.reason)
    }
    const wait = () => {
      const left = end - performance.now()
      if (left <= 0) {
        signal?.removeEventListener('abort', abort)
        return resolve()
      }
      timer = timers.start(wait, Math.min(Math.ceil(left), LONGEST_TIMER_MS))
    }
    signal?.addEventListener('abort', abort, { once: true })
    timer = timers.start(wait, Math.min(Math.max(0, Math.ceil(ms)), LONGEST_TIMER_MS))
  })
}
