import type { StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

// Replaces the row of the worker: each beat has its own number.
const BEAT = 'INSERT OR REPLACE INTO beats (worker, ttl_ms, expires_at) VALUES (?, ?, ?)'

/** The beats of workers, by the clock of this machine. */
export interface BeatRows extends Pick<StoreOperations, 'heartbeat' | 'retire'> {
  /** Removes the beats that expired at or before an instant. */
  sweep(before: number): void
}

/** The operations on beats. */
export function beatRows(sql: PreparedStatements): BeatRows {
  return {
    heartbeat(worker, ttlMs) {
      sql(BEAT).run(worker, ttlMs, Date.now() + ttlMs)
    },
    retire(worker) {
      sql('DELETE FROM beats WHERE worker = ?').run(worker)
    },
    sweep(before) {
      sql('DELETE FROM beats WHERE expires_at <= ?').run(before)
    },
  }
}
