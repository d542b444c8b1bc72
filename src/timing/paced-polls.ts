import {
  COMPLETE_READINGS,
  type PollHistory,
  type PollSchedule,
  type UsualDuration,
} from '../contracts/poll-schedule.js'
import { type LikelyEnd, likelyEnd, type Move, movesOf } from './likely-end.js'
import { usualDurationGapMs } from './usual-duration-gap.js'

type Pace = { readonly firstMs: number; readonly floorMs: number; readonly ceilMs: number; readonly blindMs: number }

// Past this the end may come as a surprise, unless progress is steady.
const NEARLY_DONE_PERCENT = 70
// Share of the polls of a fixed interval of `blindMs` that a job with moving progress may cost.
const SHARE_OF_FIXED = 0.68
// The same for any job, so that many polls around a wrong prediction are saved later.
const MOST_OF_FIXED = 1.05
// Polls beyond that share: more while a job is new, because one that ends soon costs few.
const [SPARE, SPARE_WHILE_NEW] = [1, 4]
const POLLS_AROUND_END = 8

/** A schedule of `paceSchedule`, without a check of its options. */
export function pacedBy(options: { readonly [Name in keyof Pace]?: number | undefined } = {}): PollSchedule {
  const { firstMs = 3000, floorMs = 700, ceilMs = 10_000, blindMs = 5000 } = options
  const pace = { firstMs, floorMs, ceilMs, blindMs }
  return (history) => Math.max(Math.min(floorMs, 100), gapMs(pace, history) - history.roundTripMs)
}

function gapMs(pace: Pace, history: PollHistory): number {
  const { readings } = history
  const last = readings.at(-1)
  if (last === undefined) return pace.firstMs
  const moves = movesOf(readings)
  const latest = moves.at(-1)
  if (readings.length === 1) return latest !== undefined && latest.percent >= 90 ? 0 : firstGapMs(pace, history.usual)
  if (latest === undefined) return stillGapMs(pace, history.usual, last.atMs)
  // A percentage that was there from the start and has not risen predicts nothing.
  if (latest.atMs === 0) return stillGapMs(pace, history.usual, Math.max(pace.blindMs, last.atMs))
  const end = likelyEnd(readings, moves)
  const counted = readings.slice(-COMPLETE_READINGS)
  const sinceMs = counted[0]?.atMs ?? 0
  return movingGapMs(pace, { end, latest, nowMs: last.atMs, sinceMs, polls: counted.length - 1 })
}

// A job that fails at once is seen at the first poll.
function firstGapMs(pace: Pace, usual: UsualDuration | undefined): number {
  return usual === undefined ? pace.firstMs : Math.min(pace.ceilMs, stillGapMs(pace, usual, 0))
}

// Nothing moves: by the usual duration if it is known, else ever more slowly.
function stillGapMs({ floorMs, firstMs, blindMs, ceilMs }: Pace, usual: UsualDuration | undefined, elapsedMs: number) {
  const gap = usual && usualDurationGapMs(usual, { elapsedMs, longestMs: 3 * ceilMs, blindMs })
  return gap === undefined ? Math.min(blindMs, Math.max(firstMs, elapsedMs)) : Math.max(floorMs, gap)
}

type Seen = {
  readonly end: LikelyEnd
  readonly latest: Move
  readonly nowMs: number
  /** When the polls began that are counted: of a long job, the latest. */
  readonly sinceMs: number
  readonly polls: number
}

function movingGapMs(pace: Pace, seen: Seen): number {
  const { blindMs, ceilMs } = pace
  const { end, latest, nowMs, sinceMs, polls } = seen
  const isSure = latest.percent < NEARLY_DONE_PERCENT || end.isSteady
  const spare = nowMs > 4 * blindMs ? SPARE : SPARE_WHILE_NEW
  const saved = (MOST_OF_FIXED * (nowMs - sinceMs)) / blindMs + spare - polls
  // Below one saved poll the gap grows towards that of a fixed interval.
  const leastMs = saved < 1 ? blindMs * Math.min(1, 1.6 - saved) : 0
  return Math.min(isSure ? ceilMs : blindMs, Math.max(leastMs, aimedGapMs(pace, seen)))
}

function aimedGapMs({ floorMs, blindMs, ceilMs }: Pace, { end, latest, nowMs, sinceMs, polls }: Seen): number {
  const { earliestMs, latestMs, isSteady } = end
  const widthMs = latestMs - earliestMs
  const [least, most] = [earliestMs - nowMs, latestMs - nowMs]
  if (least > floorMs) {
    const early = (0.85 * (least + most)) / 2
    // With steady progress a poll just past the earliest end is soon enough.
    const aim = isSteady ? clamp(early, least - 0.3 * widthMs, least + 0.5 * floorMs) : Math.min(early, least)
    return clamp(aim, floorMs, ceilMs)
  }
  if (most > 0) {
    const left = Math.max(3, (SHARE_OF_FIXED * (latestMs - sinceMs)) / blindMs - polls)
    return clamp(Math.max(widthMs / POLLS_AROUND_END, most / left), 1.1 * floorMs, 4 * floorMs)
  }
  if (-most <= 2 * floorMs + widthMs / 2) return floorMs
  return clamp(0.4 * (nowMs - latest.atMs), Math.min(2000, blindMs), blindMs)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
