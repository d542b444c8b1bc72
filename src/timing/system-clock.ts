import type { Clock } from '../contracts/clock.js'
import { type QueuedTimer, TimerQueue } from './timer-queue.js'

/** A system clock of one owner, who can release the process from its timers. */
export interface HeldClock extends Clock {
  /** From now on no sleep keeps the process alive, neither a current one nor a later one. */
  release(): void
}

// The timers of each system clock. A copy of such a clock with another `sleep` is a custom clock.
const queues = new WeakMap<Clock, TimerQueue>()
const heldClocks = new WeakSet<Clock>()
// Never shown. Without a reason, abort() creates an error with a stack.
const STOPPED = 'stopped'

/** The system clock. */
export const systemClock: Clock = clockOn(new TimerQueue(true))

/** The system clock for optional work: its timers do not keep the process alive. */
export const backgroundClock: Clock = clockOn(new TimerQueue(false))

/** A clock for optional work: if it is the system clock, its timers do not keep the process alive. */
export function backgroundOf(clock: Clock): Clock {
  return queues.has(clock) ? backgroundClock : clock
}

/** Creates a system clock that can be released. */
export function heldClock(): HeldClock {
  const queue = new TimerQueue(true)
  const held: HeldClock = { ...clockOn(queue), release: () => queue.release() }
  queues.set(held, queue)
  heldClocks.add(held)
  return held
}

/** Sleeps of the clock no longer keep the process alive. An injected clock stays under the control of its owner. */
export function releaseClock(clock: Clock): void {
  if (heldClocks.has(clock)) (clock as HeldClock).release()
}

/**
 * Calls once, `ms` milliseconds from now, unless it is stopped first. On a system clock it costs one entry of the queue of that
 * clock; on any other clock it is a sleep, which the system clock replaces if it fails.
 */
export function startTimer(clock: Clock, ms: number, ring: () => void): QueuedTimer {
  const queue = queues.get(clock)
  if (queue !== undefined) return queue.add(ms, ring)
  const off = new AbortController()
  let instead: QueuedTimer | undefined
  const ringUnlessStopped = () => {
    if (!off.signal.aborted) ring()
  }
  const replaceClock = () => {
    if (!off.signal.aborted) instead = startTimer(systemClock, ms, ring)
  }
  // A sleep rejects when it is stopped. If a custom clock fails, a time limit must hold all the same.
  try {
    clock.sleep(ms, { signal: off.signal }).then(ringUnlessStopped, replaceClock)
  } catch {
    replaceClock()
  }
  return {
    stop() {
      off.abort(STOPPED)
      instead?.stop()
    },
  }
}

function clockOn(queue: TimerQueue): Clock {
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms, options) => sleep(ms, options?.signal, queue),
  }
  queues.set(clock, queue)
  return clock
}

function sleep(ms: number, signal: AbortSignal | undefined, queue: TimerQueue): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal === undefined) {
      queue.add(ms, resolve)
      return
    }
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      timer.stop()
      reject(signal.reason)
    }
    const timer = queue.add(ms, () => {
      signal.removeEventListener('abort', abort)
      resolve()
    })
    signal.addEventListener('abort', abort, { once: true })
  })
}
