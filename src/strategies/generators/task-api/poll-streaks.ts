/** How many doubtful polls in a row, over how long, decide that a job has ended. */
export interface StreakLimit {
  readonly polls: number
  readonly spanMs: number
}

/** Counts the doubtful polls in a row of each job of one generator, in this process: after a restart the count starts again. */
export interface PollStreaks {
  /** Counts a doubtful poll at an instant of a monotonic clock, and returns whether the limit is reached. */
  add(id: string, atMs: number, limit: StreakLimit): boolean
  /** Ends the series of a job: a poll was clear. */
  clear(id: string): void
}

// Few jobs are in doubt; past this many the oldest is forgotten, and only polled longer.
const MOST_IN_DOUBT = 1_000

/** Creates the counts of one generator. */
export function createPollStreaks(): PollStreaks {
  const streaks = new Map<string, { readonly count: number; readonly sinceMs: number }>()
  return {
    add(id, atMs, { polls, spanMs }) {
      const oldest = streaks.keys().next().value
      if (!streaks.has(id) && streaks.size >= MOST_IN_DOUBT && oldest !== undefined) streaks.delete(oldest)
      const { count, sinceMs } = streaks.get(id) ?? { count: 0, sinceMs: atMs }
      streaks.set(id, { count: count + 1, sinceMs })
      return count + 1 >= polls && atMs - sinceMs >= spanMs
    },
    clear: (id) => void streaks.delete(id),
  }
}
