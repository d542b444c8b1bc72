/**
 * When to ask for a job again: milliseconds from the last answer to the next poll. A pure function of what was read so far,
 * which is kept in the run's state, so a resumed run goes on where it was. The upstream's own hints come on top, as a lower
 * bound.
 */
export type PollSchedule = (history: PollHistory) => number

/** What was read of a job. */
export type PollHistory = {
  /** In order; the first is the answer to the submission, at 0. Old ones that changed nothing may be left out. */
  readonly readings: readonly PollReading[]
  /** How long the last request took, in milliseconds. */
  readonly roundTripMs: number
}

/** One answer, or one poll that was missed (then without `ratio`). */
export type PollReading = {
  /** Milliseconds since the answer to the submission. */
  readonly atMs: number
  /** 0 to 1, when the upstream told one. */
  readonly ratio?: number
}
