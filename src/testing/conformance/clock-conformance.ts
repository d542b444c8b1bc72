import assert from 'node:assert/strict'
import type { Clock } from '../../contracts/clock.js'
import { type ConformanceCase, type ConformanceOptions, checkSuite, registerCases } from './conformance-suite.js'
import { turns } from './trial.js'

/** A clock under test. */
export interface ClockSubject {
  /** The clock under test. */
  readonly clock: Clock
  /** Moves time forward, for a clock that a test controls. */
  advance?(ms: number): Promise<void>
  /** Removes everything that `create` set up. */
  dispose?(): Promise<void> | void
}

/** Options of {@link clockConformance}. */
export interface ClockConformanceOptions extends ConformanceOptions<ClockSubject> {}

/**
 * Tests a clock against its contract: a sleep is never too short, wakes at the next turn for 0, and is ended by the
 * signal. Pass the `test` of your runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { clockConformance, manualClock } from 'sora-pipeline/testing'
 *
 * clockConformance({
 *   test,
 *   create() {
 *     const clock = manualClock()
 *     return { clock, advance: clock.advance }
 *   },
 * })
 * ```
 */
export function clockConformance(options: ClockConformanceOptions): void {
  checkSuite('clockConformance', options)
  registerCases(options, CASES)
}

const CASES: readonly ConformanceCase<ClockSubject>[] = [
  {
    name: 'sleeps no shorter than requested, by now() and by monotonic()',
    async check({ clock, advance }, trial) {
      const [now, monotonic] = [clock.now(), clock.monotonic()]
      const nap = clock.sleep(20)
      await advance?.(20)
      await trial.settle(nap, 'sleep')
      const [slept, shown] = [clock.monotonic() - monotonic, clock.now() - now]
      // A timer of the host may be a fraction of a millisecond early.
      assert.ok(slept >= 19, `monotonic must show the sleep of 20 ms, but shows: ${slept} ms`)
      assert.ok(shown >= 19, `now must show the sleep of 20 ms, but shows: ${shown} ms`)
    },
  },
  {
    name: 'does not wake before the time',
    async check({ clock }, trial) {
      let isAwake = false
      const controller = new AbortController()
      const nap = clock.sleep(60_000, { signal: controller.signal }).then(() => {
        isAwake = true
      })
      await turns(5)
      assert.equal(isAwake, false, 'sleep must last as long as requested')
      await trial.rejectsWithReason(nap, controller, 'sleep')
    },
  },
  {
    name: 'wakes without an advance for 0 and for a negative time, but not in the same turn',
    async check({ clock }, trial) {
      for (const ms of [0, -1]) {
        let isAwake = false
        const nap = clock.sleep(ms).then(() => {
          isAwake = true
        })
        await Promise.resolve()
        assert.equal(isAwake, false, `sleep(${ms}) must not end in the same turn`)
        await trial.settle(nap, `sleep(${ms})`)
      }
    },
  },
  {
    name: 'rejects with the reason itself when the signal is already aborted',
    async check({ clock }, trial) {
      const controller = new AbortController()
      controller.abort()
      for (const ms of [0, 1, Number.POSITIVE_INFINITY]) {
        await trial.rejectsWithReason(clock.sleep(ms, { signal: controller.signal }), controller, `sleep(${ms})`)
      }
    },
  },
  {
    name: 'sleeps for ever until the signal',
    async check({ clock, advance }, trial) {
      const controller = new AbortController()
      const nap = clock.sleep(Number.POSITIVE_INFINITY, { signal: controller.signal })
      let isAwake = false
      const awake = () => {
        isAwake = true
      }
      nap.then(awake, awake)
      await (advance ? advance(1e9) : new Promise((resolve) => setTimeout(resolve, 5)))
      assert.equal(isAwake, false, 'an endless sleep must not end without the signal')
      await trial.rejectsWithReason(nap, controller, 'sleep')
    },
  },
]
