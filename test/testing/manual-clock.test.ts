import fc from 'fast-check'
import { expect, test } from 'vitest'
import { manualClock } from '../../src/testing/index.js'

test('sleepers wake in order of due time, ties in order of call, and never early', async () => {
  const sleeps = fc.array(fc.nat({ max: 50 }), { maxLength: 30 })
  const steps = fc.array(fc.nat({ max: 20 }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(sleeps, steps, async (durations, advances) => {
      const clock = manualClock({ now: 1000 })
      const woken: { readonly index: number; readonly at: number }[] = []
      for (const [index, ms] of durations.entries()) {
        clock.sleep(ms + 1).then(() => woken.push({ index, at: clock.monotonic() }))
      }
      for (const ms of advances) await clock.advance(ms)
      const elapsed = advances.reduce((sum, ms) => sum + ms, 0)
      const expected = durations
        .map((ms, index) => ({ index, at: ms + 1 }))
        .filter(({ at }) => at <= elapsed)
        .sort((a, b) => a.at - b.at || a.index - b.index)
      expect(woken).toEqual(expected)
      expect(clock.pending).toBe(durations.length - expected.length)
      expect(clock.monotonic()).toBe(elapsed)
      expect(clock.now()).toBe(1000 + elapsed)
    }),
    { numRuns: 200 },
  )
})

test('code that sleeps again inside the window runs as often as it would', async () => {
  const clock = manualClock()
  const ticks: number[] = []
  const loop = async () => {
    for (;;) {
      await clock.sleep(10)
      await clock.sleep(0)
      ticks.push(clock.monotonic())
    }
  }
  void loop()
  await clock.advance(35)
  expect(ticks).toEqual([10, 20, 30])
})

test('an aborted sleeper is removed at once and rejects with the reason itself', async () => {
  const clock = manualClock()
  const controller = new AbortController()
  const reason = { any: 'value' }
  const nap = clock.sleep(10, { signal: controller.signal })
  expect(clock.pending).toBe(1)
  controller.abort(reason)
  expect(clock.pending).toBe(0)
  await expect(nap).rejects.toBe(reason)
})

test('sleep(0) can be aborted in its turn, and is not pending', async () => {
  const clock = manualClock()
  const controller = new AbortController()
  const nap = clock.sleep(0, { signal: controller.signal })
  expect(clock.pending).toBe(0)
  controller.abort()
  await expect(nap).rejects.toBe(controller.signal.reason)
})

test('a loop of sleep(0) does not keep advance from ending', async () => {
  const clock = manualClock()
  let isOver = false
  const loop = async () => {
    while (!isOver) await clock.sleep(0)
  }
  const looping = loop()
  await clock.advance(5)
  expect(clock.monotonic()).toBe(5)
  isOver = true
  await looping
})

test('advances at the same time follow one another', async () => {
  const clock = manualClock()
  await Promise.all([clock.advance(10), clock.advance(5), clock.advance(0)])
  expect(clock.monotonic()).toBe(15)
})

test('advanceTo advances to an instant', async () => {
  const clock = manualClock({ now: 5000 })
  await clock.advanceTo(5250)
  expect([clock.now(), clock.monotonic()]).toEqual([5250, 250])
  await expect(clock.advanceTo(5249)).rejects.toThrow(new RangeError('Could not move the clock by: -1'))
})

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
  'does not advance by %s, and continues afterwards',
  async (ms) => {
    const clock = manualClock()
    await expect(clock.advance(ms)).rejects.toThrow(RangeError)
    await clock.advance(1)
    expect(clock.monotonic()).toBe(1)
  },
)

test('begins at the first instant of 2026', () => {
  expect(new Date(manualClock().now()).toISOString()).toBe('2026-01-01T00:00:00.000Z')
})

test('runUntil walks from sleeper to sleeper until a promise settles', async () => {
  const clock = manualClock()
  const work = async () => {
    await clock.sleep(1000)
    await clock.sleep(0)
    await clock.sleep(30_000)
    return 'done'
  }
  expect(await clock.runUntil(work())).toBe('done')
  expect(clock.monotonic()).toBe(31_000)
})

test('runUntil does not move time for what settles without it, and rejects like the promise', async () => {
  const clock = manualClock()
  void clock.sleep(10)
  await expect(clock.runUntil(Promise.reject(new Error('Could not work: refused')))).rejects.toThrow('refused')
  expect(clock.monotonic()).toBe(0)
})

test('runUntil gives up when nothing sleeps, or only forever', async () => {
  const clock = manualClock()
  const never = new Promise(() => {})
  await expect(clock.runUntil(never)).rejects.toThrow('Could not run until the promise settled: nothing sleeps')
  void clock.sleep(Number.POSITIVE_INFINITY)
  await expect(clock.runUntil(never)).rejects.toThrow('nothing sleeps')
})

test('runUntil gives up at its limit', async () => {
  const clock = manualClock()
  const loop = async () => {
    for (;;) await clock.sleep(60_000)
  }
  await expect(clock.runUntil(loop(), { withinMs: 150_000 })).rejects.toThrow('still waiting after 150000 ms')
  expect(clock.monotonic()).toBe(120_000)
})
