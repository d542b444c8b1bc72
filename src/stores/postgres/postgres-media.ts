import type { ServerOperations } from '../server-store.js'
import type { Sql } from './postgres-queries.js'

/** Parts of a statement that take back the references of runs: `runs` is a subquery of their ids. */
export function dropRefs(schema: string, runs: string): string {
  return `
    dropped AS (DELETE FROM ${schema}.media_refs WHERE run_id IN (${runs}) RETURNING sha256),
    counted AS (
      UPDATE ${schema}.media SET refs = refs - drops
      FROM (SELECT sha256, count(*) AS drops FROM dropped GROUP BY sha256) AS lost WHERE media.sha256 = lost.sha256
    )`
}

/** Removes bytes that no run refers to. A put of the same bytes meanwhile keeps them: the count is read again under the lock of the row. */
export function sweepMedia(schema: string): string {
  return `DELETE FROM ${schema}.media WHERE refs = 0`
}

/** The operations on bytes of runs. The count of references is changed in the same statement as they are. */
export function postgresMedia(sql: Sql, schema: string): Pick<ServerOperations, 'putMedia' | 'getMedia' | 'dropMedia'> {
  const put = `
    WITH added AS (
      INSERT INTO ${schema}.media_refs (run_id, sha256) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1
    )
    INSERT INTO ${schema}.media (sha256, bytes, refs) VALUES ($2, $3::bytea, (SELECT count(*) FROM added))
    ON CONFLICT (sha256) DO UPDATE SET refs = media.refs + excluded.refs`
  const drop = `WITH ${dropRefs(schema, 'SELECT $1::text')} SELECT sha256 FROM dropped`

  return {
    async putMedia(runId, sha256, bytes) {
      await sql(put, [runId, sha256, bytes])
    },

    async getMedia(sha256) {
      const rows = await sql(`SELECT bytes FROM ${schema}.media WHERE sha256 = $1 AND refs > 0`, [sha256])
      const bytes = rows[0]?.bytes
      return bytes instanceof Uint8Array ? bytes : undefined
    },

    async dropMedia(runId) {
      const dropped = await sql(drop, [runId])
      if (dropped.length > 0) await sql(sweepMedia(schema))
    },
  }
}
