/** How often something is allowed for a job, such as another poll of a job that is completed without a video. */
export interface GracePolls {
  /** Whether it is allowed once more, of `most` times; counts each call. */
  take(id: string, most: number): boolean
}

// Few jobs are in grace; past this many the oldest is forgotten, and only waits again.
const MOST_IN_GRACE = 1_000

/** Counts the grace polls of the jobs of one generator. */
export function createGracePolls(): GracePolls {
  const taken = new Map<string, number>()
  return {
    take(id, most) {
      const count = taken.get(id) ?? 0
      const oldest = taken.keys().next().value
      if (count === 0 && taken.size >= MOST_IN_GRACE && oldest !== undefined) taken.delete(oldest)
      taken.set(id, count + 1)
      return count < most
    },
  }
}
