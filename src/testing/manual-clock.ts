import { checkOptions } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { partsSettled } from '../contracts/lazy-part.js'
import { number } from '../contracts/option-rules.js'

/** Options of {@link manualClock}. */
export interface ManualClockOptions {
  /**
   * Epoch milliseconds at which the clock begins; any finite number, others are refused.
   * @defaultValue `1_767_225_600_000`, the first instant of 2026 in UTC
   */
  readonly now?: number | undefined
}

/** Time that only moves when a test moves it. */
export interface ManualClock extends Clock {
  /** How many sleepers wait for time to pass, including those of `sleep(Infinity)` but not those of `sleep(0)`. */
  readonly pending: number
  /**
   * Moves time forward by `ms` milliseconds, step by step: to each sleeper that falls due, in order of due time and,
   * in a tie, of the call. Between two steps everything that was woken runs until it waits again, so a loop that
   * sleeps again inside the window runs as often as it would in real time. 0 only lets the code run. Simultaneous
   * calls move one after the other.
   * @throws RangeError when `ms` is negative or not finite.
   */
  advance(ms: number): Promise<void>
  /**
   * Moves time forward, like `advance`, to an instant in epoch milliseconds.
   * @throws RangeError when the instant has passed or is not finite.
   */
  advanceTo(at: number): Promise<void>
  /**
   * Moves time from sleeper to sleeper until a promise settles, and settles like it. Meant for code without real I/O:
   * time moves on as soon as all code sleeps, and may so pass a deadline before a real answer arrives.
   * @throws Error when nothing sleeps, or the next sleeper is due more than `withinMs` (an hour by default) after the
   * call.
   */
  runUntil<T>(promise: Promise<T>, options?: { readonly withinMs?: number | undefined }): Promise<T>
}

interface Sleeper {
  readonly dueAt: number
  wake(): void
}

// Two turns run everything that waits for promises; the third is for loopback I/O that is about to finish.
const TURNS = 3
// An endless loop of `sleep(0)` must not hang the test that advances the clock.
const MOST_TURNS = 1000
// As it was when this module was loaded: fake timers of a test runner may replace it later, and run only when the test moves them.
const { setImmediate } = globalThis

/**
 * Makes a clock for tests: no test sleeps, every wait of the library can be walked through. It needs no fake timers, and works while
 * those of Vitest, Jest or `node:test` are enabled, whatever they fake. It uses the `setImmediate` that is there when the module is
 * loaded: where fakes are enabled before that (`enableGlobally` of Jest), leave `setImmediate` out (`doNotFake: ['setImmediate']`).
 *
 * Without this clock a run goes by `Date`, `performance.now` and `setTimeout`, and fake timers have to fake all of them: those of
 * Vitest and Jest do by default, `node:test` has none for `performance.now`.
 *
 * @example
 * ```ts
 * import { manualClock } from 'sora-pipeline/testing'
 *
 * const clock = manualClock()
 * const nap = clock.sleep(60_000).then(() => 'awake')
 * await clock.advance(60_000)
 * console.log(await nap)
 * ```
 */
export function manualClock(options: ManualClockOptions = {}): ManualClock {
  checkOptions<ManualClockOptions>('manualClock', options, { now: number(Number.isFinite, 'give epoch milliseconds') })
  const epoch = options.now ?? 1_767_225_600_000
  const sleepers = new Set<Sleeper>()
  let elapsed = 0
  let turning = 0
  let moves: Promise<void> = Promise.resolve()

  const settle = async () => {
    for (let turns = 0; turns < TURNS || (turning > 0 && turns < MOST_TURNS); turns += 1) {
      await nextTurn()
      // A part of the library that is being loaded takes real time.
      await partsSettled()
    }
  }

  const nearest = (): Sleeper | undefined => {
    let first: Sleeper | undefined
    for (const sleeper of sleepers) if (first === undefined || sleeper.dueAt < first.dueAt) first = sleeper
    return first
  }

  const moveTo = async (target: number) => {
    await settle()
    for (let next = nearest(); next !== undefined && next.dueAt <= target; next = nearest()) {
      elapsed = next.dueAt
      next.wake()
      await settle()
    }
    elapsed = target
  }

  const move = (target: () => number): Promise<void> => {
    const moved = moves.then(() => {
      const to = target()
      const ms = to - elapsed
      if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) throw new RangeError(`Could not move the clock by: ${ms}`)
      return moveTo(to)
    })
    moves = moved.catch(() => undefined) // The caller gets the error; the next move does not depend on it.
    return moved
  }

  const clock: ManualClock = {
    now: () => epoch + elapsed,
    monotonic: () => elapsed,
    get pending() {
      return sleepers.size
    },
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const abort = () => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const sleeper: Sleeper = {
          dueAt: elapsed + ms,
          wake() {
            sleepers.delete(sleeper)
            signal?.removeEventListener('abort', abort)
            resolve()
          },
        }
        signal?.addEventListener('abort', abort, { once: true })
        if (ms > 0) sleepers.add(sleeper)
        else {
          turning += 1
          nextTurn().then(() => {
            turning -= 1
            sleeper.wake()
          })
        }
      }),
    advance: (ms) => move(() => elapsed + ms),
    advanceTo: (at) => move(() => at - epoch),
    async runUntil(promise, { withinMs = 3_600_000 } = {}) {
      const limit = elapsed + withinMs
      let isSettled = false
      const settled = () => {
        isSettled = true
      }
      promise.then(settled, settled)
      await clock.advance(0)
      while (!isSettled) {
        const wakeAt = nearest()?.dueAt ?? Number.POSITIVE_INFINITY
        if (wakeAt === Number.POSITIVE_INFINITY)
          throw new Error('Could not run until the promise settled: nothing sleeps')
        if (wakeAt > limit) {
          throw new Error(`Could not run until the promise settled: still waiting after ${withinMs} ms`)
        }
        await move(() => Math.max(elapsed, wakeAt)) // Without epoch milliseconds, which would round a fraction away.
      }
      return promise
    },
  }
  return clock
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
