import type { UsualDuration } from '../contracts/poll-schedule.js'

/** How long finished jobs took, by kind. */
export interface LearnedDurations {
  /** Notes a finished job. */
  learn(kind: string, durationMs: number): void
  /** How long jobs of a kind usually take; `undefined` until a few have finished, and if they differ widely. */
  usual(kind: string): UsualDuration | undefined
}

const MOST_KINDS = 256
const FEWEST_JOBS = 5
const MOST_JOBS = 80
// If the latest jobs differ from those before by more than chance, the speed of the upstream has changed.
const LATEST_JOBS = 6
const CHANCE = 3
const LEAST_SPREAD = 0.05
// With a larger one a poll every few seconds is as good.
const MOST_SPREAD = 0.4

/** Learns the durations of the 256 kinds of jobs that finished last, each from its last 80 jobs. */
export function learnedDurations(): LearnedDurations {
  // Natural logarithms of the durations.
  const kinds = new Map<string, readonly number[]>()
  return {
    learn(kind, durationMs) {
      if (!(durationMs > 0 && Number.isFinite(durationMs))) return
      const known = [...(kinds.get(kind) ?? []), Math.log(durationMs)].slice(-MOST_JOBS)
      // The kind that finished last comes last.
      kinds.delete(kind)
      kinds.set(kind, hasChanged(known) ? known.slice(-LATEST_JOBS) : known)
      const [oldest] = kinds.keys()
      if (kinds.size > MOST_KINDS && oldest !== undefined) kinds.delete(oldest)
    },
    usual(kind) {
      const known = kinds.get(kind) ?? []
      if (known.length < FEWEST_JOBS) return undefined
      const spread = spreadOf(known)
      return spread > MOST_SPREAD ? undefined : { medianMs: Math.exp(meanOf(known)), spread }
    },
  }
}

function hasChanged(known: readonly number[]): boolean {
  if (known.length < 2 * LATEST_JOBS) return false
  const before = known.slice(0, -LATEST_JOBS)
  const difference = meanOf(known.slice(-LATEST_JOBS)) - meanOf(before)
  return Math.abs(difference) > (CHANCE * spreadOf(before)) / Math.sqrt(LATEST_JOBS)
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function spreadOf(values: readonly number[]): number {
  const mean = meanOf(values)
  const sum = values.reduce((total, value) => total + (value - mean) ** 2, 0)
  return Math.max(LEAST_SPREAD, Math.sqrt(sum / (values.length - 1)))
}
