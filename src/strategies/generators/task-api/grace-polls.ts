/** How many polls a server may answer `completed` without a video, if its shape can name one. */
export interface GracePolls {
  /** Whether another poll is allowed for a job; counts each call. */
  take(id: string): boolean
}

const POLLS = 3
// Few jobs are in grace; past this many the oldest is forgotten, and only waits again.
const MOST_IN_GRACE = 1_000

/** Counts the grace polls of the jobs of one generator. */
export function createGracePolls(): GracePolls {
  const taken = new Map<string, number>()
  return {
    take(id) {
      const count = taken.get(id) ?? 0
      const oldest = taken.keys().next().value
      if (count === 0 && taken.size >= MOST_IN_GRACE && oldest !== undefined) taken.delete(oldest)
      taken.set(id, count + 1)
      return count < POLLS
    },
  }
}
