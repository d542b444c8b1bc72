import type { PreparedStatements } from './prepared-statements.ts'
import type { StoreOperations } from './store-operations.ts'

// A run may have been created again under the id of one that was forgotten; its claims are in use.
const KEEP_REUSED = `
  DELETE FROM released_claims WHERE released_at <= ? AND EXISTS
    (SELECT 1 FROM runs WHERE runs.id = run_id AND retained_version IS NOT version)`

const RELEASE = `
  INSERT INTO released_claims SELECT run_id, ? FROM claims WHERE run_id = ? LIMIT 1
  ON CONFLICT DO UPDATE SET released_at = excluded.released_at`

/** Claims of runs, each kept for a while after its run was forgotten. */
export interface ClaimRows extends Pick<StoreOperations, 'claim'> {
  /** The run was forgotten: its claims go with a later `sweep`. */
  release(runId: string, now: number): void
  /** Removes the claims that were released at or before an instant. */
  sweep(before: number): void
}

/** The operations on claims. */
export function claimRows(sql: PreparedStatements): ClaimRows {
  return {
    claim(namespace, key, runId) {
      sql('INSERT INTO claims (namespace, key, run_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(
        namespace,
        key,
        runId,
      )
      return sql('SELECT run_id FROM claims WHERE namespace = ? AND key = ?').get(namespace, key)?.run_id === runId
    },
    release(runId, now) {
      sql(RELEASE).run(now, runId)
    },
    sweep(before) {
      sql(KEEP_REUSED).run(before)
      sql('DELETE FROM claims WHERE run_id IN (SELECT run_id FROM released_claims WHERE released_at <= ?)').run(before)
      sql('DELETE FROM released_claims WHERE released_at <= ?').run(before)
    },
  }
}
