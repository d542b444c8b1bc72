import { expect, test } from 'vitest'
import { sharedTimer } from '../../src/http/shared-timer.js'
import { manualClock } from '../../src/testing/index.js'

/** A clock that counts who sleeps on it. */
function countedClock() {
  const clock = manualClock()
  let sleepers = 0
  const counted = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: async (ms: number, options?: { signal?: AbortSignal | undefined }) => {
      sleepers += 1
      try {
        await clock.sleep(ms, options)
      } finally {
        sleepers -= 1
      }
    },
  }
  return { clock, counted, sleepers: () => sleepers }
}

test('a thousand sleepers are one timer, and none when none is left', async () => {
  const { clock, counted, sleepers } = countedClock()
  const timer = sharedTimer(counted, 1000)
  const sleeps = Array.from({ length: 1000 }, (_, index) => timer.sleep(5000 + index))
  expect(sleepers()).toBe(1)
  await clock.runUntil(Promise.all(sleeps))
  await clock.advance(1000)
  expect(sleepers()).toBe(0)
})

test('a sleep never ends early and at most a tick late', async () => {
  const { clock, counted } = countedClock()
  const timer = sharedTimer(counted, 1000)
  const ended: number[] = []
  const start = clock.monotonic()
  for (const ms of [0, 1, 999, 1000, 1001, 2500]) {
    void timer.sleep(ms).then(() => ended.push(clock.monotonic() - start - ms))
  }
  await clock.advance(10_000)
  expect(ended).toHaveLength(6)
  for (const late of ended) {
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThanOrEqual(1000)
  }
})

test('an abort ends a sleep at once with its reason, and the timer with the last of them', async () => {
  const { clock, counted, sleepers } = countedClock()
  const timer = sharedTimer(counted, 1000)
  const caller = new AbortController()
  const sleep = timer.sleep(60_000, { signal: caller.signal })
  caller.abort('gone')
  await expect(sleep).rejects.toBe('gone')
  await expect(timer.sleep(1, { signal: caller.signal })).rejects.toBe('gone')
  await clock.advance(1000)
  expect(sleepers()).toBe(0)
})
