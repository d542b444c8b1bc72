import type { UsualDuration } from '../contracts/poll-schedule.js'

// Polls per job, against those of a fixed interval of `blindMs`.
const SHARE_OF_FIXED = 0.87
const GRID = 48
const [LOWEST_SCORE, HIGHEST_SCORE] = [-4, 3]
// Past this score a job takes longer than nearly all before it: they say nothing about its end.
const LAST_SCORE = 2.5
const HALVINGS = 20
const STEPS = 80

/**
 * Milliseconds to the next poll of a job without progress whose kind usually takes a known time; `undefined` when it has already
 * taken longer than nearly all. Durations are taken as log-normal. The lag is shortest for a number of polls when they are as
 * dense as the square root of the rate at which jobs end.
 */
export function usualDurationGapMs(
  { medianMs, spread }: UsualDuration,
  at: { readonly elapsedMs: number; readonly longestMs: number; readonly blindMs: number },
): number | undefined {
  const { elapsedMs, longestMs, blindMs } = at
  const middle = Math.log(medianMs)
  if (scoreOf(elapsedMs, middle, spread) > LAST_SCORE) return undefined
  const factor = densityFactor({ middle, spread, least: 1 / longestMs, blindMs })
  const stepMs = longestMs / STEPS
  let polls = 0
  for (let gapMs = 0; gapMs < longestMs; gapMs += stepMs) {
    const more = factor * rootOfEndRate(elapsedMs + gapMs + stepMs / 2, middle, spread) * stepMs
    if (polls + more >= 1) return gapMs + (stepMs * (1 - polls)) / more
    polls += more
  }
  return longestMs
}

// The factor with which a job costs its share of polls.
function densityFactor(of: {
  readonly middle: number
  readonly spread: number
  readonly least: number
  readonly blindMs: number
}): number {
  const { middle, spread, least, blindMs } = of
  const cells: { readonly root: number; readonly openMs: number }[] = []
  let beforeMs = 0
  let meanMs = 0
  for (let index = 1; index <= GRID; index += 1) {
    const untilMs = Math.exp(middle + spread * (LOWEST_SCORE + ((HIGHEST_SCORE - LOWEST_SCORE) * index) / GRID))
    const atMs = (beforeMs + untilMs) / 2
    const openMs = (untilMs - beforeMs) * shareAbove(scoreOf(atMs, middle, spread))
    cells.push({ root: rootOfEndRate(atMs, middle, spread), openMs })
    meanMs += openMs
    beforeMs = untilMs
  }
  const budget = (SHARE_OF_FIXED * meanMs) / blindMs
  let low = 0
  let high = 1
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const factor = (low + high) / 2
    let polls = 0
    for (const { root, openMs } of cells) polls += Math.max(least, factor * root) * openMs
    if (polls > budget) high = factor
    else low = factor
  }
  return low
}

function scoreOf(atMs: number, middle: number, spread: number): number {
  return (Math.log(Math.max(1, atMs)) - middle) / spread
}

// Square root of the rate at which open jobs end, per millisecond.
function rootOfEndRate(atMs: number, middle: number, spread: number): number {
  const score = scoreOf(atMs, middle, spread)
  const scale = Math.max(1, atMs) * spread
  if (score > HIGHEST_SCORE) return Math.sqrt((score + 1 / score) / scale)
  return Math.sqrt(Math.exp(-(score ** 2) / 2) / (Math.sqrt(2 * Math.PI) * shareAbove(score) * scale))
}

// Share of a normal distribution above a score: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
function shareAbove(score: number): number {
  const x = Math.abs(score) / Math.SQRT2
  const t = 1 / (1 + 0.327_591_1 * x)
  const sum =
    t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))))
  const tail = (sum * Math.exp(-(x ** 2))) / 2
  return score >= 0 ? tail : 1 - tail
}
