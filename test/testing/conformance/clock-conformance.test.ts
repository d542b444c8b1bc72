import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { clockConformance, manualClock } from '../../../src/testing/index.js'
import { systemClock } from '../../../src/timing/system-clock.js'
import { failedCases } from './failed-cases.js'

describe('the clock of the machine passes', () => {
  clockConformance({ test, create: () => ({ clock: systemClock }) })
})

describe('the clock of the suites passes', () => {
  clockConformance({ test, create: () => ({ clock: hurriedClock() }) })
})

describe('the manual clock passes', () => {
  clockConformance({
    test,
    create: () => {
      const clock = manualClock()
      return { clock, advance: clock.advance }
    },
  })
})

const broken: readonly (readonly [string, Clock['sleep'], string])[] = [
  [
    'sleeps too short',
    (_, options) => systemClock.sleep(1, options),
    'sleeps no shorter than requested, by now() and by monotonic()',
  ],
  ['does not sleep', async () => {}, 'does not wake before the time'],
  [
    'ends sleep(0) at once',
    async (ms, options) => (ms > 0 ? systemClock.sleep(ms, options) : undefined),
    'wakes without an advance for 0 and for a negative time, but not in the same turn',
  ],
  [
    'never ends sleep(0)',
    (ms, options) => systemClock.sleep(ms > 0 ? ms : Number.POSITIVE_INFINITY, options),
    'wakes without an advance for 0 and for a negative time, but not in the same turn',
  ],
  [
    'does not know the signal',
    (ms) => systemClock.sleep(ms),
    'rejects with the reason itself when the signal is already aborted',
  ],
  [
    'rejects with another error',
    (ms, options) =>
      systemClock.sleep(ms, options).catch(() => {
        throw new Error('aborted')
      }),
    'rejects with the reason itself when the signal is already aborted',
  ],
  [
    'takes Infinity for 0',
    (ms, options) => systemClock.sleep(Number.isFinite(ms) ? ms : 0, options),
    'sleeps for ever until the signal',
  ],
]

test.each(broken)('a clock that %s fails', async (_, sleep, expected) => {
  const create = () => ({ clock: { ...systemClock, sleep } })
  const failed = await failedCases((collect) => clockConformance({ test: collect, timeoutMs: 100, create }))
  expect([...failed.keys()]).toContain(expected)
})
