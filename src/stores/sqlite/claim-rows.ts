import type { StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

// A run may have been created again under the id of a forgotten one; its claims are in use.
const KEEP_REUSED = `
  DELETE FROM released_claims WHERE released_at <= ? AND EXISTS
    (SELECT 1 FROM claims JOIN runs ON runs.id = claims.run_id WHERE claims.namespace = released_claims.namespace
      AND claims.key = released_claims.key AND retained_version IS NOT version)`

// The first release of a claim counts.
const RELEASE = `
  INSERT INTO released_claims SELECT namespace, key, ? FROM claims WHERE run_id = ? ON CONFLICT DO NOTHING`

const SWEEP = `
  DELETE FROM claims WHERE (namespace, key) IN (SELECT namespace, key FROM released_claims WHERE released_at <= ?)`

/** Claims of runs, each kept for a while after its run was forgotten. */
export interface ClaimRows extends Pick<StoreOperations, 'claim'> {
  /** Records that the run was forgotten: a later `sweep` removes its claims. */
  release(runId: string, now: number): void
  /** Removes the claims that were released at or before an instant. */
  sweep(before: number): void
}

/** The operations on claims. */
export function claimRows(sql: PreparedStatements): ClaimRows {
  return {
    claim(namespace, key, runId) {
      const insert = 'INSERT INTO claims (namespace, key, run_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'
      sql(insert).run(namespace, key, runId)
      const claim = sql('SELECT run_id FROM claims WHERE namespace = ? AND key = ?').get(namespace, key)
      const isOwn = claim?.run_id === runId
      // A repeated claim is in use again.
      if (isOwn) sql('DELETE FROM released_claims WHERE namespace = ? AND key = ?').run(namespace, key)
      return isOwn
    },
    release(runId, now) {
      sql(RELEASE).run(now, runId)
    },
    sweep(before) {
      sql(KEEP_REUSED).run(before)
      sql(SWEEP).run(before)
      sql('DELETE FROM released_claims WHERE released_at <= ?').run(before)
    },
  }
}
