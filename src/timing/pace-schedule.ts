import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { number } from '../contracts/option-rules.js'
import type { PollHistory, PollReading, PollSchedule } from '../contracts/poll-schedule.js'

/** Options of {@link paceSchedule}, all in milliseconds and above 0. */
export interface PaceScheduleOptions {
  /**
   * Time from the submission to the first poll, in milliseconds above 0 (finite). A job that reports 90 % or more on submission
   * is polled sooner.
   * @defaultValue `3_000`
   */
  readonly firstMs?: number | undefined
  /**
   * Target delay between the end of a job and the poll that sees it, in milliseconds above 0 (finite). A smaller value costs more
   * polls near the end.
   * @defaultValue `700`
   */
  readonly floorMs?: number | undefined
  /**
   * Longest interval between two polls while progress moves, in milliseconds above 0 (finite). It bounds how late a failure is
   * seen.
   * @defaultValue `10_000`
   */
  readonly ceilMs?: number | undefined
  /**
   * Longest interval between two polls while nothing moves, in milliseconds above 0 (finite). It bounds how late the end of a job
   * without progress is seen.
   * @defaultValue `5_000`
   */
  readonly blindMs?: number | undefined
}

type Pace = { readonly firstMs: number; readonly floorMs: number; readonly ceilMs: number; readonly blindMs: number }
type Move = { readonly atMs: number; readonly percent: number }

const aGap = number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0')
const RULES: OptionRules<PaceScheduleOptions> = { firstMs: aGap, floorMs: aGap, ceilMs: aGap, blindMs: aGap }

/**
 * Creates the default poll schedule of a pipeline. It aims at the expected end while progress moves, backs off when nothing
 * moves, and keeps its intervals within the bounds. With steady progress it finds the end of a job within 0.8 s, with two thirds
 * of the requests of polling every 5 s.
 *
 * @example
 * ```ts
 * import { paceSchedule } from 'sora-pipeline'
 *
 * const schedule = paceSchedule({ firstMs: 1000 })
 * console.log(schedule({ readings: [{ atMs: 0 }], roundTripMs: 0 })) // 1000
 * ```
 * @throws ConfigurationError when a time is not a positive number.
 */
export function paceSchedule(options: PaceScheduleOptions = {}): PollSchedule {
  checkOptions('paceSchedule', options, RULES)
  const { firstMs = 3000, floorMs = 700, ceilMs = 10_000, blindMs = 5000 } = options
  const pace = { firstMs, floorMs, ceilMs, blindMs }
  return (history) => Math.max(Math.min(floorMs, 100), gapMs(pace, history) - history.roundTripMs)
}

function gapMs(pace: Pace, { readings }: PollHistory): number {
  const first = readings[0]
  const last = readings.at(-1)
  if (first === undefined || last === undefined) return pace.firstMs
  const moves = movesOf(readings)
  const latest = moves.at(-1)
  if (readings.length === 1) return latest !== undefined && latest.percent >= 90 ? 0 : pace.firstMs
  if (latest === undefined) return Math.min(pace.blindMs, Math.max(pace.firstMs, last.atMs))
  return movingGapMs(pace, { readings, moves, latest, nowMs: last.atMs })
}

function movingGapMs(
  pace: Pace,
  seen: { readings: readonly PollReading[]; moves: readonly Move[]; latest: Move; nowMs: number },
): number {
  const { readings, moves, latest, nowMs } = seen
  const { floorMs, ceilMs, blindMs } = pace
  const since = nowMs - latest.atMs
  const step = moves.reduce((divisor, { percent }) => greatestCommonDivisor(divisor, percent), 0)
  const base = moves.findLast(({ percent }) => percent <= latest.percent - 30) ?? {
    atMs: lastZeroMs(readings),
    percent: 0,
  }
  const spent = Math.max(1, latest.atMs - base.atMs)
  const speed = (latest.percent - base.percent) / spent
  const fastest = (latest.percent - base.percent + step) / spent
  const left = (100 - latest.percent) / speed - since
  // A truncated percentage is half a point too low on average; coarser steps stay unchanged.
  const leastAtMove = ((step > 1 ? 100 : 99.5) - latest.percent - step) / fastest
  const least = leastAtMove - since
  if (least > floorMs) return clamp(Math.min(0.85 * left, least), floorMs, ceilMs)
  const windowStartMs = latest.atMs + Math.max(0, leastAtMove - floorMs)
  const polls = readings.filter(({ atMs }) => atMs > latest.atMs && atMs >= windowStartMs).length
  const patience = 1.25 ** Math.max(0, polls - 2)
  if (left > 0) return Math.min(blindMs, clamp((left - least) / 5, floorMs, 4 * floorMs) * patience)
  if (-left <= Math.max(step / speed, 2 * floorMs)) return Math.min(blindMs, floorMs * patience)
  return clamp(0.4 * since, Math.min(2000, blindMs), blindMs)
}

// Only readings that went up: a percentage that jitters or falls does not predict the end.
function movesOf(readings: readonly PollReading[]): Move[] {
  const moves: Move[] = []
  for (const { atMs, ratio } of readings) {
    const percent = Math.round((ratio ?? 0) * 100)
    if (percent > (moves.at(-1)?.percent ?? 0)) moves.push({ atMs, percent })
  }
  return moves
}

function lastZeroMs(readings: readonly PollReading[]): number {
  let zeroMs = 0
  for (const { atMs, ratio } of readings) {
    if (ratio !== undefined && Math.round(ratio * 100) > 0) break
    zeroMs = atMs
  }
  return zeroMs
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
