import type { Generator, TaskGenerator } from '../../contracts/generator.js'

/** A generator that can poll many jobs at once. */
export type ListingGenerator = TaskGenerator & Required<Pick<TaskGenerator, 'pollMany'>>

/** Whether a generator can poll many jobs at once. */
export function isListing(generator: Generator): generator is ListingGenerator {
  return 'pollMany' in generator && typeof generator.pollMany === 'function'
}

/**
 * A list may be older than the job. After this time the job itself is polled, so a stale list delays its end by no more, in
 * milliseconds.
 */
export const LONGEST_FROM_LISTS_MS = 60_000
const SHARE_OF_WAIT = 0.02

/** How the job of one run is polled together with those of other runs. */
export class SweptJob {
  #polledAt: number | undefined
  /** Interval of the instants at which the run may wake from its next wait. */
  #gridMs: number | undefined

  /** Notes a poll of the job itself, by the monotonic clock. */
  polled(now: number): void {
    this.#polledAt = now
  }

  /** Whether the job was known from lists alone for too long. */
  isOverdue(now: number): boolean {
    this.#polledAt ??= now
    return now - this.#polledAt >= LONGEST_FROM_LISTS_MS
  }

  /**
   * Chooses the instants at which the run may wake from its next wait, so that jobs with similar waits are due together: at most
   * 2 % later, and never past the deadline.
   */
  plan(waitMs: number, leftMs: number): void {
    const gridMs = 2 ** Math.floor(Math.log2(SHARE_OF_WAIT * waitMs))
    this.#gridMs = gridMs >= 1 && waitMs + gridMs <= leftMs ? gridMs : undefined
  }

  /** The next wait, from an instant of the monotonic clock, until one of these instants. */
  extended(now: number, waitMs: number): number {
    const gridMs = this.#gridMs
    this.#gridMs = undefined
    return gridMs === undefined ? waitMs : Math.ceil((now + waitMs) / gridMs) * gridMs - now
  }
}
