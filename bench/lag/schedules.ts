import { type PollSchedule, paceSchedule } from 'sora-pipeline'

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

/** The default schedule of this library. A schedule that learns from durations belongs here as soon as there is one. */
export function ownPolling(): JobPolling {
  const schedule = paceSchedule()
  return { next: () => schedule, ended: () => undefined }
}
