import type { Clock } from '../../../contracts/clock.js'

/** Counts the polls in a row that reported an error for a job. */
export interface UnconfirmedFailures {
  /** Counts one more, and decides whether the job counts as failed now. */
  add(job: string, clock: Clock): { readonly count: number; readonly isConfirmed: boolean }
  /** The job does not report an error any more. */
  forget(job: string): void
}

const LEAST_SPAN_MS = 15_000
// Past this many jobs with errors at once the oldest is forgotten, and is only confirmed later.
const MOST_JOBS = 1_000

/** A job counts as failed after so many errors in a row, over at least 15 seconds; a single one needs no time. */
export function unconfirmedFailures(confirmations: number): UnconfirmedFailures {
  const jobs = new Map<string, { readonly count: number; readonly since: number }>()
  return {
    add(job, clock) {
      const now = clock.monotonic()
      const { count: before, since } = jobs.get(job) ?? { count: 0, since: now }
      const oldest = jobs.keys().next().value
      if (before === 0 && jobs.size >= MOST_JOBS && oldest !== undefined) jobs.delete(oldest)
      const count = before + 1
      jobs.set(job, { count, since })
      return { count, isConfirmed: count >= confirmations && (confirmations === 1 || now - since >= LEAST_SPAN_MS) }
    },
    forget: (job) => void jobs.delete(job),
  }
}
