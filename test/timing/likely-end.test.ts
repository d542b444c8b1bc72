import fc from 'fast-check'
import { expect, test } from 'vitest'
import { likelyEnd, movesOf } from '../../src/timing/likely-end.js'

const job = fc.record({
  durationMs: fc.integer({ min: 20_000, max: 600_000 }),
  queuedMs: fc.integer({ min: 0, max: 60_000 }),
  step: fc.constantFrom(1, 2, 5, 10, 20),
  // Where in the work it was polled.
  polled: fc.uniqueArray(fc.integer({ min: 1, max: 989 }), { minLength: 3, maxLength: 60 }),
})

test('the end of a job at a constant pace lies in the range that its readings allow', () => {
  fc.assert(
    fc.property(job, ({ durationMs, queuedMs, step, polled }) => {
      const percentAt = (share: number) => Math.min(100 - step, Math.floor((100 * share) / step) * step)
      const readings = [
        { atMs: 0 },
        { atMs: queuedMs, ratio: 0 },
        ...polled
          .sort((a, b) => a - b)
          .map((share) => ({ atMs: queuedMs + (durationMs * share) / 1000, ratio: percentAt(share / 1000) / 100 })),
      ]
      const moves = movesOf(readings)
      fc.pre(moves.length > 0)
      const { earliestMs, latestMs } = likelyEnd(readings, moves)
      const endMs = queuedMs + durationMs
      // The range is found in 32 steps; a step of the reporter that was never seen makes it wider, or moves it by one step.
      const slackMs = (durationMs * 2 * step) / 100
      expect(earliestMs).toBeLessThanOrEqual(endMs + slackMs)
      expect(latestMs).toBeGreaterThanOrEqual(endMs - slackMs)
    }),
  )
})

test('with many readings in whole percent the range is short', () => {
  const readings = Array.from({ length: 20 }, (_, index) => {
    const atMs = index * 9700
    return { atMs, ratio: Math.floor((100 * atMs) / 200_000) / 100 }
  })
  const { earliestMs, latestMs, isSteady } = likelyEnd(readings, movesOf(readings))
  expect(isSteady).toBe(true)
  expect(earliestMs).toBeLessThanOrEqual(200_000)
  expect(latestMs).toBeGreaterThanOrEqual(200_000)
  expect(latestMs - earliestMs).toBeLessThan(5000)
})

test('progress in leaps is not steady', () => {
  const readings = [
    [0, 0],
    [10, 1],
    [20, 2],
    [30, 45],
    [40, 46],
    [50, 71],
  ].map(([seconds = 0, percent = 0]) => ({ atMs: 1000 * seconds, ratio: percent / 100 }))
  expect(likelyEnd(readings, movesOf(readings)).isSteady).toBe(false)
})

test('any readings give a range in order, in finite numbers', () => {
  const reading = fc.record({
    gapMs: fc.integer({ min: 0, max: 60_000 }),
    ratio: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 150 }), (given) => {
      let atMs = 0
      const readings = given.map(({ gapMs, ratio }) => {
        atMs += gapMs
        return { atMs, ...(ratio !== undefined && { ratio }) }
      })
      const moves = movesOf(readings)
      fc.pre(moves.length > 0)
      const { earliestMs, latestMs } = likelyEnd(readings, moves)
      expect(Number.isFinite(earliestMs) && Number.isFinite(latestMs)).toBe(true)
      expect(earliestMs).toBeLessThanOrEqual(latestMs)
    }),
  )
})
