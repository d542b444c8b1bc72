import type { RunState } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'

/** Clocks of two machines may differ by this much; a larger step back is a clock that was set. */
export const SKEW_MS = 10_000

/**
 * The time of a run when a process loads it: that of its last save, and what the wall clock counted since. A deadline so has the
 * remainder by the wall clock, at most what was left at the save. A state without a mark has the time of the wall clock, and no
 * state is older than what it reports.
 * @param mostMs - What can have passed since the save, where that is known.
 */
export function runTimeAt(
  state: Pick<RunState, 'time' | 'startedAt' | 'stepStartedAt' | 'submission'>,
  wall: number,
  mostMs = Number.POSITIVE_INFINITY,
): number {
  const { time, startedAt, stepStartedAt = startedAt, submission } = state
  const at = time === undefined ? wall : time.run + Math.min(Math.max(0, wall - time.wall), mostMs)
  return Math.max(at, stepStartedAt, handleOf(submission)?.startedAt ?? startedAt)
}

/** Milliseconds until a run that was loaded is due; 0 when the wall clock was set back since its last save. */
export function waitMsAt({ time, wakeAt }: Pick<RunState, 'time' | 'wakeAt'>, wall: number): number {
  if (time !== undefined && wall < time.wall - SKEW_MS) return 0
  return Math.max(0, wakeAt - wall)
}

/** Milliseconds from an instant to the first of some others; may be negative, and `Infinity` when there is none. */
export function leftMs(now: number, ...ends: readonly (number | undefined)[]): number {
  return Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY)) - now
}
