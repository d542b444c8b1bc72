import type { PollHistory, PollReading, PollSchedule, UsualDuration } from '../../src/index.js'

/** What a job of a duration reports at an instant, in percent; both in seconds. */
export type World = (random: () => number, seconds: number) => (at: number) => number | undefined

/** How a schedule did, in seconds and in polls a job. */
export interface Outcome {
  readonly meanLag: number
  readonly p95Lag: number
  readonly polls: number
}

/** Jobs whose durations are log-normal. */
export interface Jobs {
  readonly world: World
  readonly medianSeconds: number
  readonly spread: number
  readonly count: number
  /** Seconds; durations outside of it are drawn again. */
  readonly range?: readonly [number, number]
  /** What a state keeps of the readings. Default: all. */
  readonly kept?: (readings: readonly PollReading[]) => readonly PollReading[]
  readonly seed?: number
  /** Called for each job: its usual duration, as the pipeline would know it. */
  readonly usual?: () => UsualDuration | undefined
  /** Called at the end of each job, with the milliseconds that its polls show. */
  readonly learn?: (durationMs: number) => void
}

const ROUND_TRIP = 0.05
const whole = (percent: number) => Math.min(99, Math.max(0, Math.floor(percent)))
const inSteps = (step: number): World => {
  return (_, seconds) => (at) => Math.min(100 - step, Math.floor((100 * at) / seconds / step) * step)
}
// Reports only at certain instants.
const held = (instants: readonly number[], percentAt: (at: number) => number) => (at: number) =>
  whole(percentAt(instants.findLast((instant) => instant <= at) ?? 0))

const inRandomSteps = (most: number): World => {
  return (random, seconds) => {
    const instants: number[] = []
    for (let percent = 0; percent < 100; percent += 1 + Math.floor(most * random()))
      instants.push((percent / 100) * seconds)
    return held(instants, (at) => (100 * at) / seconds)
  }
}

/** Progress that moves with the work, in steps that are small against it. */
export const STEADY: Readonly<Record<string, World>> = {
  'whole percent': (_, seconds) => (at) => whole((100 * at) / seconds),
  'percent up to 99 at the end': (_, seconds) => (at) => Math.floor((99 * at) / seconds),
  'steps of 2 %': inSteps(2),
}

/** Progress that jumps. */
export const JUMPS: Readonly<Record<string, World>> = {
  'steps of 5 %': inSteps(5),
  'steps of 1 to 3 %': inRandomSteps(3),
  'steps of 1 to 5 %': inRandomSteps(5),
}

/** Worlds in which progress says little about the end. */
export const OTHERS: Readonly<Record<string, World>> = {
  'steps of 10 %': inSteps(10),
  'steps of 25 %': inSteps(25),
  'reports at random instants': (random, seconds) => {
    const instants = [0]
    for (let at = 0; at < seconds; ) {
      at -= (seconds / 30) * Math.log(1 - random())
      instants.push(at)
    }
    return held(instants, (at) => (100 * at) / seconds)
  },
  'progress that jitters': (random, seconds) => {
    const offsets = Array.from({ length: 100 }, () => 6 * (random() - 0.5))
    return (at) => whole((100 * at) / seconds + (offsets[Math.floor((99 * at) / seconds)] ?? 0))
  },
  'a job that stays at 99 %': (_, seconds) => (at) => whole((99 * at) / (0.85 * seconds)),
  'progress that slows down': (_, seconds) => (at) => whole(100 * (1 - (1 - at / seconds) ** 1.5)),
  'progress that speeds up': (_, seconds) => (at) => whole(100 * (at / seconds) ** 1.5),
  'progress that approaches 95 %': (_, seconds) => (at) => whole(95 * (1 - Math.exp((-3 * at) / seconds))),
  'three phases': (_, seconds) => (at) => (at < 0.3 * seconds ? 10 : at < 0.7 * seconds ? 50 : 90),
  '99 % from the start': () => () => 99,
  'progress that falls': (_, seconds) => (at) => 100 - whole((100 * at) / seconds),
  'progress that begins late': (_, seconds) => (at) => 100 * (at / seconds) ** 6,
  'no progress': () => () => undefined,
}

/** Progress of long jobs that stands still. */
export const STILL: Readonly<Record<string, World>> = {
  '50 % after a minute': () => (at) => whole(Math.min(50, at)),
  '99 % after a minute': () => (at) => whole((100 * at) / 60),
  '100 % after a minute': () => (at) => Math.min(100, Math.floor((100 * at) / 60)),
  'one more percent a minute': () => (at) => whole(at / 60),
}

/** Plays jobs against a schedule. */
export function play(schedule: PollSchedule, jobs: Jobs): Outcome {
  const random = randomFrom(jobs.seed ?? 1)
  const lags: number[] = []
  let polls = 0
  for (let job = 0; job < jobs.count; job += 1) {
    const seconds = durationOf(jobs, random)
    const usual = jobs.usual?.()
    const end = playJob(schedule, { percentAt: jobs.world(random, seconds), seconds, usual, kept: jobs.kept })
    polls += end.polls
    lags.push(end.at - seconds)
    jobs.learn?.(500 * (end.at + end.lastOpenAt))
  }
  lags.sort((a, b) => a - b)
  return {
    meanLag: lags.reduce((sum, lag) => sum + lag, 0) / lags.length,
    p95Lag: lags[Math.floor(0.95 * lags.length)] ?? Number.NaN,
    polls: polls / jobs.count,
  }
}

/** The reference: a poll every 5 s. */
export const everyFiveSeconds: PollSchedule = ({ roundTripMs }) => 5000 - roundTripMs

function playJob(
  schedule: PollSchedule,
  job: {
    readonly percentAt: (at: number) => number | undefined
    readonly seconds: number
    readonly usual: UsualDuration | undefined
    readonly kept: Jobs['kept']
  },
) {
  const { percentAt, seconds, usual, kept = (all) => all } = job
  let readings: readonly PollReading[] = [readingOf(0, percentAt(0))]
  let at = 0
  for (let polls = 1; ; polls += 1) {
    const lastOpenAt = at
    const history: PollHistory = { readings, roundTripMs: 1000 * ROUND_TRIP, ...(usual && { usual }) }
    at += schedule(history) / 1000 + ROUND_TRIP
    const readAt = at - ROUND_TRIP / 2
    if (readAt >= seconds) return { polls, at, lastOpenAt }
    if (polls > 5000) throw new Error('Could not finish the job: too many polls')
    readings = kept([...readings, readingOf(at, percentAt(readAt))])
  }
}

function readingOf(at: number, percent: number | undefined): PollReading {
  return { atMs: 1000 * at, ...(percent !== undefined && { ratio: percent / 100 }) }
}

function durationOf({ medianSeconds, spread, range = [0, Number.POSITIVE_INFINITY] }: Jobs, random: () => number) {
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const seconds = medianSeconds * Math.exp(spread * normal)
    if (seconds >= range[0] && seconds <= range[1]) return seconds
  }
}

function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
