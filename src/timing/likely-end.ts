import type { PollReading } from '../contracts/poll-schedule.js'

/** When a job with moving progress is likely to end, in milliseconds since its submission. */
export interface LikelyEnd {
  /** It can hardly end sooner. */
  readonly earliestMs: number
  /** It can hardly end later. */
  readonly latestMs: number
  /** Whether the progress was steady enough to rely on `earliestMs`. */
  readonly isSteady: boolean
}

/** A reading that went up, in percent. */
export interface Move {
  readonly atMs: number
  readonly percent: number
}

// Progress before that is too old to predict the end.
const SPAN_PERCENT = 40
// Of the readings in that span, enough to bound the end.
const MOST_POINTS = 24
// A report that is behind the work by more than this is not steady.
const STEADY_PERCENT = 8
const LARGEST_LAG_PERCENT = 64
const STEPS = 32

/** Readings that went up: a percentage that jitters or falls does not predict the end. */
export function movesOf(readings: readonly PollReading[]): readonly Move[] {
  const moves: Move[] = []
  let highest = 0
  for (const { atMs, ratio = 0 } of readings) {
    const percent = percentOf(ratio)
    if (percent > highest) moves.push({ atMs, percent })
    highest = Math.max(highest, percent)
  }
  return moves
}

/**
 * Predicts the end of a job from its readings, at least one of which has to be above 0. Assumes that the work proceeds at a
 * constant pace, and that each report is behind it by less than the reporter's step: every line that fits all readings ends the
 * job at some instant, and the result is the range of these instants. If no line fits, larger steps are tried.
 */
export function likelyEnd(readings: readonly PollReading[], moves: readonly Move[]): LikelyEnd {
  const points = pointsOf(readings)
  const step = stepOf(moves)
  for (let lag = Math.max(1, step); lag <= LARGEST_LAG_PERCENT; lag *= 2) {
    const end = rangeOfEnds(points, lag, 100)
    if (end === undefined) continue
    // Some reporters count to 99.
    const sooner = step > 1 ? undefined : rangeOfEnds(points, lag, 99)
    const earliestMs = Math.min(end[0], sooner?.[0] ?? end[0])
    const isSteady = lag <= Math.max(STEADY_PERCENT, step) && points.length > 2
    return { earliestMs, latestMs: end[1], isSteady }
  }
  return averageEnd(points)
}

function percentOf(ratio: number): number {
  return Math.round(ratio * 100_000_000) / 1_000_000
}

// From the last reading at 0 on; falling readings are left out.
function pointsOf(readings: readonly PollReading[]): readonly Move[] {
  let points: Move[] = [{ atMs: 0, percent: 0 }]
  for (const { atMs, ratio } of readings) {
    if (ratio === undefined) continue
    const percent = percentOf(ratio)
    const highest = points.at(-1)?.percent ?? 0
    if (percent === 0 && highest === 0) points = [{ atMs, percent }]
    else if (percent >= highest) points.push({ atMs, percent })
  }
  const highest = points.at(-1)?.percent ?? 0
  const first = points.findLastIndex(({ percent }) => percent <= highest - SPAN_PERCENT)
  const recent = points.slice(Math.max(0, first))
  if (recent.length <= MOST_POINTS) return recent
  const half = MOST_POINTS / 2
  const stride = Math.ceil(recent.length / half)
  return recent.filter((_, index) => index % stride === 0 || index >= recent.length - half)
}

// The step in which the reporter counts: the greatest common divisor of what was seen.
function stepOf(moves: readonly Move[]): number {
  const percents = moves.map(({ percent }) => percent)
  return percents.every(Number.isInteger) ? percents.reduce(greatestCommonDivisor, 0) : 1
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

// The ends of all lines with percent <= line < percent + lag at every point, where a job ends at `target` percent.
function rangeOfEnds(
  points: readonly Move[],
  lag: number,
  target: number,
): readonly [earliestMs: number, latestMs: number] | undefined {
  const first = points[0]
  const last = points.at(-1)
  const rise = (last?.percent ?? 0) - (first?.percent ?? 0)
  if (first === undefined || last === undefined || rise <= 0) return undefined
  const spentMs = last.atMs - first.atMs
  const soonest = last.atMs + (Math.max(0, target - last.percent - lag) * spentMs) / (rise + lag)
  const slowest = last.atMs + ((target - last.percent) * spentMs) / (rise > lag ? rise - lag : rise / 2)
  const stepMs = (slowest - soonest) / STEPS
  const fitsAt = (index: number) => fits(points, lag, target, soonest + index * stepMs)
  let earliest = 0
  while (earliest <= STEPS && !fitsAt(earliest)) earliest += 1
  if (earliest > STEPS) return undefined
  let latest = STEPS
  while (latest > earliest && !fitsAt(latest)) latest -= 1
  return [soonest + (earliest - 0.5) * stepMs, soonest + (latest + 0.5) * stepMs]
}

function fits(points: readonly Move[], lag: number, target: number, endMs: number): boolean {
  let slowest = 0
  let fastest = Number.POSITIVE_INFINITY
  for (const { atMs, percent } of points) {
    const leftMs = endMs - atMs
    if (leftMs <= 0) return target - percent - lag <= 0
    slowest = Math.max(slowest, (target - percent - lag) / leftMs)
    fastest = Math.min(fastest, (target - percent) / leftMs)
    if (slowest > fastest) return false
  }
  return true
}

function averageEnd(points: readonly Move[]): LikelyEnd {
  const { atMs: firstMs, percent: from } = points[0] ?? { atMs: 0, percent: 0 }
  const { atMs, percent } = points.at(-1) ?? { atMs: 0, percent: 0 }
  const leftMs = ((100 - percent) * (atMs - firstMs)) / Math.max(1, percent - from)
  return { earliestMs: atMs + 0.8 * leftMs, latestMs: atMs + 1.2 * leftMs, isSteady: false }
}
