import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError, type PollReading, paceSchedule } from '../../src/index.js'

type World = (elapsedMs: number, durationMs: number) => number | undefined
type Outcome = { readonly polls: number; readonly lagMs: number }

const ROUND_TRIP_MS = 100

/** Plays a job against a schedule: how many polls it took, and how late the end was seen. */
function play(gap: (readings: readonly PollReading[]) => number, world: World, durationMs: number): Outcome {
  const readings: PollReading[] = [{ atMs: 0 }]
  let now = 0
  for (let polls = 1; polls < 2000; polls += 1) {
    now += gap(readings) + ROUND_TRIP_MS
    if (now >= durationMs) return { polls, lagMs: now - durationMs }
    const ratio = world(now, durationMs)
    readings.push({ atMs: now, ...(ratio !== undefined && { ratio }) })
  }
  throw new Error('Could not finish the job: too many polls')
}

const linear: World = (elapsed, duration) => Math.min(0.99, Math.floor((elapsed / duration) * 100) / 100)
const steps: World = (elapsed, duration) => Math.min(0.9, Math.floor((elapsed / duration) * 10) / 10)
const stuckAt99: World = (elapsed, duration) => Math.min(0.99, Math.floor((elapsed / (0.85 * duration)) * 100) / 100)
const silent: World = () => undefined
const stepsOfFifths: World = (elapsed, duration) => Math.min(0.8, Math.floor((elapsed / duration) * 5) / 5)

// Lognormal durations of 20 to 180 s from a fixed seed.
function durations(count: number): number[] {
  let state = 42
  const random = () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return (state + 0.5) / 2 ** 32
  }
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
  return Array.from({ length: count }, () => Math.min(180_000, Math.max(20_000, 63_000 * Math.exp(0.6 * normal()))))
}

const pace = paceSchedule()
const paced = (readings: readonly PollReading[]) => pace({ readings, roundTripMs: ROUND_TRIP_MS })
const fixed = () => 5000 - ROUND_TRIP_MS
const percentile = (values: number[], share: number) =>
  values.sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
const measure = (gap: typeof paced, world: World) => {
  const outcomes = durations(2000).map((duration) => play(gap, world, duration))
  const lags = outcomes.map(({ lagMs }) => lagMs)
  return {
    polls: outcomes.reduce((sum, { polls }) => sum + polls, 0) / outcomes.length,
    mean: lags.reduce((sum, lag) => sum + lag, 0) / lags.length,
    p95: percentile(lags, 0.95),
  }
}

describe('paceSchedule', () => {
  it('finds the end of a job with steady progress within 0.8 s, with at most 0.7 of the polls of fixed 5 s', () => {
    const ours = measure(paced, linear)
    expect(ours.mean).toBeLessThanOrEqual(500)
    expect(ours.p95).toBeLessThanOrEqual(800)
    expect(ours.polls).toBeLessThanOrEqual(0.7 * measure(fixed, linear).polls)
  }, 20_000)

  it.each([
    ['progress in tens', steps],
    ['progress in fifths', stepsOfFifths],
    ['a job that sticks at 99', stuckAt99],
    ['no progress', silent],
  ])(
    'is no later than fixed 5 s in %s, with at most 1.25 of its polls',
    (_, world) => {
      const ours = measure(paced, world)
      const theirs = measure(fixed, world)
      expect(ours.p95).toBeLessThanOrEqual(1.01 * theirs.p95) // The same within the precision of 2,000 jobs.
      expect(ours.polls).toBeLessThanOrEqual(1.25 * theirs.polls)
    },
    20_000,
  )

  it('polls first after 3 s, and at once when the submission reports the job as nearly done', () => {
    expect(pace({ readings: [{ atMs: 0 }], roundTripMs: 0 })).toBe(3000)
    expect(pace({ readings: [], roundTripMs: 0 })).toBe(3000)
    expect(pace({ readings: [{ atMs: 0, ratio: 0.9 }], roundTripMs: 0 })).toBe(100)
    expect(pace({ readings: [{ atMs: 0, ratio: 0.89 }], roundTripMs: 0 })).toBe(3000)
  })

  it('stays within its bounds and is a pure function, whatever was read', () => {
    const reading = fc.record({
      gap: fc.integer({ min: 1, max: 60_000 }),
      ratio: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(reading, { minLength: 1, maxLength: 60 }), fc.nat(20_000), (gaps, roundTripMs) => {
        let atMs = 0
        const readings = gaps.map(({ gap, ratio }, index) => {
          atMs += index === 0 ? 0 : gap
          return { atMs, ...(ratio !== undefined && { ratio }) }
        })
        const gap = pace({ readings, roundTripMs })
        expect(gap).toBeGreaterThanOrEqual(100)
        expect(gap).toBeLessThanOrEqual(10_000)
        expect(pace(structuredClone({ readings, roundTripMs }))).toBe(gap)
      }),
    )
  })

  // Percentages by the second that they were read at.
  const gapAfter = (seen: readonly (readonly [seconds: number, percent?: number])[], options = {}) =>
    paceSchedule({ ceilMs: 60_000, ...options })({
      readings: seen.map(([seconds, percent]) => ({
        atMs: 1000 * seconds,
        ...(percent !== undefined && { ratio: percent / 100 }),
      })),
      roundTripMs: 0,
    })

  it.each([
    // 1 % a second, so 49 s are left: 0.85 of them.
    ['a steady job at its half', [[0], [20, 20], [35, 35], [51, 51]], 41_650],
    // The same, and 10 s have passed since.
    ['a steady job that has not moved since', [[0], [20, 20], [35, 35], [51, 51], [61, 51]], 33_150],
    // A fall back and a jitter say nothing.
    ['a job whose progress fell back', [[0], [20, 20], [35, 35], [51, 51], [51, 40], [51, 51]], 41_650],
    // It may be at 59.9 already: 50 points in 40 s, so the 40 that are left take 32 s.
    ['a job in tens, by the earliest that they allow', [[0], [10, 10], [50, 50]], 32_000],
    // Only the last 30 points count: 60 points in 4 s at most, so the 20 that are left take 1.3 s.
    ['a job that has become fast', [[0], [50, 20], [54, 60]], 1333.333],
    // Counted from when it was last seen at nothing. It may be over at any moment or in 10 s: a fifth of that.
    ['a job that stood in a queue', [[0], [60, 0], [70, 50]], 2000],
    // As before; from the third poll that finds it running each gap is a quarter longer.
    ['a job that should end soon', [[0], [60, 0], [70, 50], [72, 50], [74, 50], [76, 50], [78, 50]], 3125],
    // Polls of before it could have ended do not count for that: 2 s are left, and a fifth is under the floor.
    [
      'a steady job that was polled often',
      [[0], [20, 20], [35, 35], [51, 51], [60, 51], [70, 51], [80, 51], [90, 51], [97.5, 51], [98, 51]],
      700,
    ],
    ['a fast job that should have ended just now', [[0], [2, 40], [3, 80], [4.8, 80]], 700],
    [
      'a job that should have ended just now, and was polled often',
      [[0], [60, 0], [70, 50], [84, 50], [86, 50], [88, 50], [90, 50]],
      1093.75,
    ],
    ['a job that should have ended just now', [[0], [60, 0], [70, 50], [90, 50]], 700],
    // 0.4 of the time since it moved, at most 5 s.
    ['a job that is overdue', [[0], [2, 40], [3, 80], [9, 80]], 2400],
    ['a job that is long overdue', [[0], [60, 0], [70, 50], [100, 50]], 5000],
  ] as const)('aims at the end of %s', (_, seen, gapMs) => {
    expect(gapAfter(seen)).toBeCloseTo(gapMs, 2)
  })

  it('backs off from a job without progress reports, to its bound', () => {
    expect(gapAfter([[0], [3]])).toBe(3000)
    expect(gapAfter([[0], [3], [6]], { blindMs: 60_000 })).toBe(6000)
    expect(gapAfter([[0], [3], [6]])).toBe(5000)
  })

  it('takes the time that a poll takes from the gap, and never polls without one', () => {
    expect(pace({ readings: [{ atMs: 0 }], roundTripMs: 1200 })).toBe(1800)
    expect(pace({ readings: [{ atMs: 0 }], roundTripMs: 9000 })).toBe(100)
    expect(paceSchedule({ floorMs: 20 })({ readings: [{ atMs: 0 }], roundTripMs: 9000 })).toBe(20)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null])('refuses a time of %s', (ceilMs) => {
    const make = () => paceSchedule({ firstMs: undefined, ceilMs: ceilMs as number })
    expect(make).toThrow(/^Could not configure paceSchedule: ceilMs is \S+ \(give milliseconds above 0\)/)
  })

  it('names every option that is wrong', () => {
    expect(() => paceSchedule({ firstMs: 0, ceilMs: Number.NaN })).toThrow(ConfigurationError)
    expect(() => paceSchedule({ firstMs: 0, ceilMs: Number.NaN })).toThrow(/firstMs is 0 .*ceilMs is NaN/)
  })
})
