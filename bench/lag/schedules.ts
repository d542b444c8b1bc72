import { type PollSchedule, paceSchedule } from 'sora-pipeline'
// Not part of the package.
import { learnedDurations } from '../../src/timing/learned-durations.ts'

const KIND = 'one'

/** How the jobs of one kind are polled, one job after the other. */
export interface JobPolling {
  /** The schedule of the next job. */
  next(): PollSchedule
  /** Notes how long the last job took, as far as its polls show. */
  ended(durationMs: number): void
}

/** Every 5 s, as most clients poll. */
export function fixedPolling(): JobPolling {
  const schedule: PollSchedule = ({ roundTripMs }) => 5000 - roundTripMs
  return { next: () => schedule, ended: () => undefined }
}

/** The default schedule of this library, for jobs of one kind, as a pipeline uses it. */
export function ownPolling(): JobPolling {
  const schedule = paceSchedule()
  const durations = learnedDurations()
  return {
    next: () => {
      const usual = durations.usual(KIND)
      return (history) => schedule({ ...history, ...(usual && { usual }) })
    },
    ended: (durationMs) => durations.learn(KIND, durationMs),
  }
}
