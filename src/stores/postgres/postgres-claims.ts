import { claimDigest, type ServerOperations } from '../server-store.js'
import type { Sql } from './postgres-queries.js'
import { NOW_MS } from './postgres-runs.js'

/** The operations on claims and on the beats of workers. */
export function postgresClaims(sql: Sql, schema: string): Pick<ServerOperations, 'claim' | 'heartbeat' | 'retire'> {
  // A claim that is made again is in use again.
  const claim = `
    INSERT INTO ${schema}.claims (digest, namespace, key, run_id) VALUES (decode($1, 'hex'), $2, $3, $4)
    ON CONFLICT (digest) DO UPDATE SET released_at = NULL WHERE claims.run_id = excluded.run_id RETURNING 'own'`

  // Each beat has a number of its own: the next one, also of a worker that is known.
  const beat = `
    INSERT INTO ${schema}.beats (worker, ttl_ms, expires_at) VALUES ($1, $2::float8, ${NOW_MS} + $2::float8)
    ON CONFLICT (worker) DO UPDATE SET number = excluded.number, ttl_ms = excluded.ttl_ms, expires_at = excluded.expires_at`

  return {
    async claim(namespace, key, runId) {
      const own = await sql(claim, [claimDigest(namespace, key), namespace, key, runId])
      return own.length === 1
    },
    async heartbeat(worker, ttlMs) {
      await sql(beat, [worker, ttlMs])
    },
    async retire(worker) {
      await sql(`DELETE FROM ${schema}.beats WHERE worker = $1`, [worker])
    },
  }
}
