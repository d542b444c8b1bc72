import type { Clock } from '../../contracts/clock.js'
import type { WorkerBeat } from '../../contracts/run-store.js'

/** Watches the beats of other workers, and tells the dead from the slow. */
export interface WorkerWatch {
  /**
   * Whether a worker is dead, by the newest beat that the store has of it: when there is none; when it has expired by the clock of
   * the store and this process saw no other for half as long as it lasts; or when this process saw no other for as long as it
   * lasts. So neither a wall clock that steps nor a store whose clock is wrong makes a living worker dead.
   */
  isDead(worker: string, beat: WorkerBeat | undefined): boolean
}

type Seen = { readonly number: number; readonly since: number }

// A worker that is not asked about for so many others is dead, or has no more runs that interest this process.
const MOST_WATCHED = 1000

/** Makes a watch that has seen nothing yet. */
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
