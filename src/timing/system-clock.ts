import type { Clock } from '../contracts/clock.js'

// The longest delay of a Node timer; longer sleeps use several timers.
const LONGEST_TIMER_MS = 2_147_483_647

type Timer = ReturnType<typeof setTimeout>

interface Timers {
  start(call: () => void, ms: number): Timer
  stop(timer: Timer): void
}

/** A system clock of one owner, who can release the process from its timers. */
export interface HeldClock extends Clock {
  /** From now on no sleep keeps the process alive, neither a current one nor a later one. */
  release(): void
}

const plainTimers: Timers = { start: (call, ms) => setTimeout(call, ms), stop: (timer) => clearTimeout(timer) }
const looseTimers: Timers = { ...plainTimers, start: (call, ms) => loosened(setTimeout(call, ms)) }
const heldClocks = new WeakSet<Clock>()

/** The system clock. */
export const systemClock: Clock = clockOf(plainTimers)

/** The system clock for optional work: its timers do not keep the process alive. */
export const backgroundClock: Clock = clockOf(looseTimers)

/** A clock for optional work: if it is the system clock, its timers do not keep the process alive. */
export function backgroundOf(clock: Clock): Clock {
  return clock === systemClock || heldClocks.has(clock) ? backgroundClock : clock
}

/** Creates a system clock that can be released. */
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

/** Sleeps of the clock no longer keep the process alive. An injected clock stays under the control of its owner. */
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

// Outside Node a timer is a number, and does not keep the process alive.
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
