import fc from 'fast-check'
import { expect, test } from 'vitest'
import { paceSchedule } from '../../src/index.js'
import { learnedDurations } from '../../src/timing/learned-durations.js'
import { everyFiveSeconds, OTHERS, play } from './simulated-jobs.js'

const KIND = 'a kind'
const pace = paceSchedule()
const world = OTHERS['no progress'] as NonNullable<(typeof OTHERS)[string]>

function jobsOf(medianSeconds: number, count: number, spread = 0.25) {
  const durations = learnedDurations()
  const known = { usual: () => durations.usual(KIND), learn: (ms: number) => durations.learn(KIND, ms) }
  return { world, medianSeconds, spread, count, ...known }
}

test.each([60, 240])(
  'jobs of one kind that take about %i s are found 1.4 s late on average with 0.9 of the polls of fixed 5 s',
  (seconds) => {
    const jobs = jobsOf(seconds, 1500)
    const ours = play(pace, jobs)
    expect(ours.meanLag).toBeLessThanOrEqual(1.45)
    expect(ours.polls).toBeLessThanOrEqual(0.91 * play(everyFiveSeconds, jobs).polls)
  },
)

test.each([30, 90, 120])('after a change from 60 to %i s, 20 jobs are enough', (seconds) => {
  const durations = learnedDurations()
  const known = { usual: () => durations.usual(KIND), learn: (ms: number) => durations.learn(KIND, ms) }
  const spread = 0.25
  let changed = 0
  let settled = 0
  const rounds = 60
  for (let round = 0; round < rounds; round += 1) {
    const seed = 1000 * round
    play(pace, { world, medianSeconds: 60, spread, count: 60, seed, ...known })
    play(pace, { world, medianSeconds: seconds, spread, count: 20, seed: seed + 1, ...known })
    changed +=
      play(pace, { world, medianSeconds: seconds, spread, count: 20, seed: seed + 2, ...known }).meanLag / rounds
    settled +=
      play(pace, { world, medianSeconds: seconds, spread, count: 60, seed: seed + 3, ...known }).meanLag / rounds
  }
  expect(changed).toBeLessThanOrEqual(1.2 * settled)
})

test.each([0.4, 0.6, 1])('kinds whose durations differ by a spread of %d are no later than fixed 5 s', (spread) => {
  const jobs = jobsOf(60, 1500, spread)
  const ours = play(pace, jobs)
  const theirs = play(everyFiveSeconds, jobs)
  expect(ours.p95Lag).toBeLessThanOrEqual(1.02 * theirs.p95Lag)
  expect(ours.polls).toBeLessThanOrEqual(1.1 * theirs.polls)
})

test('polls are no further apart than the ceiling once progress has risen, however little', () => {
  const usual = { medianMs: 100_000, spread: 0.05 }
  const readings = [
    { atMs: 0, ratio: 0 },
    { atMs: 10_000, ratio: 1e-6 },
  ]
  expect(pace({ readings, roundTripMs: 0, usual })).toBeLessThanOrEqual(10_000)
  expect(pace({ readings: readings.slice(0, 1), roundTripMs: 0, usual })).toBeLessThanOrEqual(10_000)
})

test('nothing is known before five jobs have finished, and the median and spread after', () => {
  const durations = learnedDurations()
  for (let job = 0; job < 4; job += 1) durations.learn(KIND, 60_000)
  expect(durations.usual(KIND)).toBeUndefined()
  durations.learn(KIND, 60_000)
  const { medianMs, spread } = durations.usual(KIND) ?? { medianMs: 0, spread: 0 }
  expect(medianMs).toBeCloseTo(60_000)
  expect(spread).toBe(0.05)
  expect(durations.usual('another kind')).toBeUndefined()
})

test('durations that are no durations are ignored', () => {
  const durations = learnedDurations()
  for (let job = 0; job < 5; job += 1) durations.learn(KIND, 60_000)
  const before = durations.usual(KIND)
  for (const broken of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) durations.learn(KIND, broken)
  expect(durations.usual(KIND)).toEqual(before)
})

test('the 256 kinds that finished last are kept', () => {
  const durations = learnedDurations()
  const finish = (kind: string) => {
    for (let job = 0; job < 5; job += 1) durations.learn(kind, 60_000)
  }
  finish('first')
  finish('second')
  for (let kind = 0; kind < 254; kind += 1) finish(`kind ${kind}`)
  finish('first')
  finish('one more')
  expect(durations.usual('first')).toBeDefined()
  expect(durations.usual('second')).toBeUndefined()
})

test('a usual duration never puts polls closer than the floor, nor further apart than three times the ceiling', () => {
  const usual = fc.record({
    medianMs: fc.double({ min: 1, max: 86_400_000, noNaN: true }),
    spread: fc.double({ min: 0.05, max: 0.4, noNaN: true }),
  })
  fc.assert(
    fc.property(usual, fc.integer({ min: 1, max: 86_400_000 }), (known, elapsedMs) => {
      const history = { readings: [{ atMs: 0 }, { atMs: elapsedMs }], roundTripMs: 0, usual: known }
      const gapMs = pace(history)
      expect(gapMs).toBeGreaterThanOrEqual(700)
      expect(gapMs).toBeLessThanOrEqual(30_000)
    }),
  )
})
