import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigurationError, paceSchedule } from '../../src/index.js'
import { thinned } from '../../src/pipeline/state/poll-readings.js'
import { everyFiveSeconds, JUMPS, OTHERS, play, STEADY, STILL, type World } from './simulated-jobs.js'

const pace = paceSchedule()
const SHORT = { medianSeconds: 63, spread: 0.6, range: [20, 180], count: 1200 } as const
const LONG = { medianSeconds: 240, spread: 0.5, range: [100, 600], count: 600 } as const
const KINDS = [
  ['jobs of 20 to 180 s', SHORT],
  ['jobs of about 240 s', LONG],
] as const

function cases(worlds: Readonly<Record<string, World>>) {
  return Object.entries(worlds).flatMap(([name, world]) =>
    KINDS.map(([kind, jobs]) => [name, kind, { ...jobs, world }] as const),
  )
}

describe('paceSchedule', () => {
  it.each(cases(STEADY))('finds the end within 0.8 s with 0.7 of the polls of fixed 5 s: %s, %s', (_, __, jobs) => {
    const ours = play(pace, jobs)
    expect(ours.meanLag).toBeLessThanOrEqual(0.5)
    expect(ours.p95Lag).toBeLessThanOrEqual(0.8)
    expect(ours.polls).toBeLessThanOrEqual(0.7 * play(everyFiveSeconds, jobs).polls)
  })

  it.each(cases(JUMPS))('finds the end within 1.7 s with 0.75 of the polls of fixed 5 s: %s, %s', (_, __, jobs) => {
    const ours = play(pace, jobs)
    expect(ours.p95Lag).toBeLessThanOrEqual(1.7)
    expect(ours.polls).toBeLessThanOrEqual(0.75 * play(everyFiveSeconds, jobs).polls)
  })

  it.each(cases(OTHERS))('is no later than fixed 5 s with at most 1.1 of its polls: %s, %s', (_, __, jobs) => {
    const ours = play(pace, jobs)
    const theirs = play(everyFiveSeconds, jobs)
    // The same within the precision of the simulation.
    expect(ours.p95Lag).toBeLessThanOrEqual(1.02 * theirs.p95Lag)
    expect(ours.polls).toBeLessThanOrEqual(1.1 * theirs.polls)
  })

  it.each(Object.entries(STILL))('costs a long job at most 1.1 of the polls of fixed 5 s: %s', (_, world) => {
    const hour = { medianSeconds: 3600, spread: 0.2, count: 20, world, kept: thinned }
    expect(play(pace, hour).polls).toBeLessThanOrEqual(1.1 * play(everyFiveSeconds, hour).polls)
  })

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
    // 1 % a second, so 49 s are left.
    ['a steady job at its half', [[0], [20, 20], [35, 35], [51, 51]], 41, 49],
    ['a steady job that has not moved since', [[0], [20, 20], [35, 35], [51, 51], [52, 51]], 40, 48],
    // A fall back and a jitter say nothing.
    ['a job whose progress fell back', [[0], [20, 20], [35, 35], [51, 51], [51, 40], [51, 51]], 41, 49],
    // It may be at 59.9 already: 50 points in 40 s, so the 40 that are left take 32 s.
    ['a job in tens, by the earliest that they allow', [[0], [10, 10], [50, 50]], 25, 33],
    // Only the last 40 points count: 40 points in 4 s, so the 40 that are left take 4 s.
    ['a job that has become fast', [[0], [50, 20], [54, 60]], 1, 4],
    ['a fast job that should have ended just now', [[0], [2, 40], [3, 80], [4.8, 80]], 0.7, 1],
    ['a job that should have ended just now', [[0], [60, 0], [70, 50], [82, 50]], 0.7, 3],
    // By the time since it moved, at most 5 s.
    ['a job that is overdue', [[0], [2, 40], [3, 80], [9, 80]], 2.3, 2.4],
    ['a job that is long overdue', [[0], [60, 0], [70, 50], [200, 50]], 2, 5],
  ] as const)('aims at the end of %s', (_, seen, least, most) => {
    expect(gapAfter(seen) / 1000).toBeGreaterThanOrEqual(least)
    expect(gapAfter(seen) / 1000).toBeLessThanOrEqual(most)
  })

  it('polls no further apart than fixed 5 s past 70 % while progress is not steady', () => {
    const rest = [[0], [60, 10], [61, 30], [62, 40], [90, 41], [91, 72]] as const
    expect(gapAfter(rest)).toBeLessThanOrEqual(5000)
  })

  it('polls no more often than fixed 5 s after many polls', () => {
    const often = Array.from({ length: 31 }, (_, index) => [index, Math.min(99, index * 4)] as const)
    expect(gapAfter(often)).toBe(5000)
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
