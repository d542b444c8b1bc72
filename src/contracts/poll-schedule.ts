/**
 * When to poll a job next: milliseconds from the last response to the next poll. A pure function of the readings so far, which
 * are kept in the state of the run, so a resumed run continues the same schedule. Hints of the upstream apply on top, as a lower
 * bound.
 */
export type PollSchedule = (history: PollHistory) => number

/** Number of the latest readings of a job that are all kept. */
export const COMPLETE_READINGS = 60

/** Readings of a job. */
export type PollHistory = {
  /**
   * In order; the first is the response to the submission, at 0. Of a job with more than 120 polls, older readings without a
   * change are left out; the latest 60 are complete.
   */
  readonly readings: readonly PollReading[]
  /** How long the last request took, in milliseconds. */
  readonly roundTripMs: number
  /** How long jobs of this kind took lately; absent until a few have finished, and if they differ widely. */
  readonly usual?: UsualDuration | undefined
}

/** How long jobs of one kind (generator, model, size and duration of the video) usually take, by its last 80 jobs. */
export type UsualDuration = {
  /** Milliseconds from the response to the submission to the end: half of the jobs took longer. */
  readonly medianMs: number
  /** Standard deviation of the natural logarithm of the durations, from 0.05 (all alike) to 0.4. */
  readonly spread: number
}

/** One response, or one missed poll (without `ratio`). */
export type PollReading = {
  /** Milliseconds since the response to the submission. */
  readonly atMs: number
  /** 0 to 1, if the upstream reported it. */
  readonly ratio?: number
}
