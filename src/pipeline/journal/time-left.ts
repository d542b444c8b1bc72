import type { RunState } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'

/** Clocks of two machines may differ by this much; a larger step back means that a clock was set. */
export const SKEW_MS = 10_000

/**
 * The time of a run when a process loads it: the time of its last save plus the time since by the wall clock. A deadline so has
 * at most the time that was left at the save. A state without `time` uses the wall clock, and no time is before the times in the
 * state.
 * @param mostMs - Maximum time since the save, if known.
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

/** Milliseconds from an instant to the earlier of two others; may be negative, and is `Infinity` without any. */
export function leftMs(now: number, end: number | undefined, other: number | undefined = end): number {
  return Math.min(end ?? Number.POSITIVE_INFINITY, other ?? Number.POSITIVE_INFINITY) - now
}
