import type { Clock } from '../../contracts/clock.js'
import type { WorkerBeat } from '../../contracts/run-store.js'

/** Watches the beats of other workers, and distinguishes dead from slow ones. */
export interface WorkerWatch {
  /**
   * Whether a worker is dead, by its newest beat in the store. It is dead without a beat; when the beat has expired by the clock
   * of the store and this process saw no newer one for half its duration; or when this process saw no newer one for its full
   * duration. So neither a step of the wall clock nor a wrong clock of the store makes a live worker count as dead.
   */
  isDead(worker: string, beat: WorkerBeat | undefined): boolean
}

type Seen = { readonly number: number; readonly since: number }

// A worker that was not checked while this many others were is dead, or has no more runs of interest to this process.
const MOST_WATCHED = 1000

/** Creates a watch without beats. */
export function workerWatch(clock: Pick<Clock, 'monotonic'>): WorkerWatch {
  const seen = new Map<string, Seen>()
  return {
    isDead(worker, beat) {
      const known = seen.get(worker)
      seen.delete(worker)
      if (beat === undefined) return true
      const now = clock.monotonic()
      const latest = known?.number === beat.number ? known : { number: beat.number, since: now }
      seen.set(worker, latest)
      if (seen.size > MOST_WATCHED) for (const oldest of [...seen.keys()].slice(0, 1)) seen.delete(oldest)
      const silentMs = now - latest.since
      return silentMs >= beat.ttlMs || (beat.isExpired && silentMs >= beat.ttlMs / 2)
    },
  }
}
