import { RETAINED_MS } from '../../contracts/retained-run.js'
import { retainedState } from '../retained-state.js'
import type { ServerOperations } from '../server-store.js'
import { dropRefs, sweepMedia } from './postgres-media.js'
import type { Row, Sql } from './postgres-queries.js'
import { NOW_MS } from './postgres-runs.js'

const IS_ENDED = "status IN ('completed', 'failed') AND NOT is_retained"

/** Forgets ended runs. Each statement is whole in itself, so a process may die between two of them. */
export function postgresRetention(sql: Sql, schema: string): Pick<ServerOperations, 'prune'> {
  // The first release of a claim counts. What another process forgets at the same time is left to it.
  const forgotten = (runs: string) => `
    , gone AS (DELETE FROM ${schema}.runs WHERE id IN (${runs}) RETURNING id), ${released('gone')}
    SELECT count(*)::text AS count FROM gone`
  const released = (runs: string) => `
    freed AS (
      UPDATE ${schema}.claims SET released_at = $1::float8
      WHERE run_id IN (SELECT id FROM ${runs}) AND released_at IS NULL
    ), ${dropRefs(schema, `SELECT id FROM ${runs}`)}`

  const forget = `
    WITH old AS (
      SELECT id FROM ${schema}.runs
      WHERE ${IS_ENDED} AND ended_at < $2::float8 AND NOT (is_caller_id AND ended_at > $3::float8)
      ORDER BY ended_at LIMIT $4::bigint FOR UPDATE SKIP LOCKED
    ) ${forgotten('SELECT id FROM old')}`

  const forgetRetained = `
    WITH old AS (
      SELECT id FROM ${schema}.runs WHERE is_retained AND ended_at <= $2::float8 FOR UPDATE SKIP LOCKED
    ) ${forgotten('SELECT id FROM old')}`

  const candidates = `
    SELECT id, version::text, state FROM ${schema}.runs
    WHERE ${IS_ENDED} AND ended_at < $1::float8 AND is_caller_id AND ended_at > $2::float8
    ORDER BY ended_at LIMIT $3::bigint`

  const retain = `
    WITH kept AS (
      UPDATE ${schema}.runs SET state = coalesce(entry.state, runs.state), wake_at = coalesce(entry.wake_at, runs.wake_at),
        worker = NULL, readings = NULL, is_retained = true
      FROM json_to_recordset($2::json) AS entry (id text, version bigint, state text, wake_at float8)
      WHERE runs.id = entry.id AND runs.version = entry.version AND ${IS_ENDED} RETURNING runs.id
    ), silent AS (DELETE FROM ${schema}.events WHERE run_id IN (SELECT id FROM kept)), ${released('kept')}
    SELECT count(*)::text AS count FROM kept`

  // A run may have been created again under the id of one that was forgotten; its claims are in use.
  const keepReused = `
    UPDATE ${schema}.claims SET released_at = NULL WHERE released_at <= $1::float8
      AND EXISTS (SELECT 1 FROM ${schema}.runs WHERE id = run_id AND NOT is_retained)`

  const countOf = ([row]: readonly Row[]) => Number(row?.count)

  return {
    async prune({ endedBefore, now, limit }) {
      const retainedBefore = now - RETAINED_MS
      const count = countOf(await sql(forget, [now, endedBefore, retainedBefore, limit]))
      const rows = await sql(candidates, [endedBefore, retainedBefore, limit - count])
      const entries = rows.map(({ id, version, state }) => {
        const retained = retainedState(String(state))
        return { id, version, state: retained?.json, wake_at: retained?.wakeAt }
      })
      const kept = rows.length === 0 ? 0 : countOf(await sql(retain, [now, JSON.stringify(entries)]))
      await sql(forgetRetained, [now, retainedBefore])
      await sql(keepReused, [retainedBefore])
      await sql(`DELETE FROM ${schema}.claims WHERE released_at <= $1::float8`, [retainedBefore])
      // Beats have the clock of the server, whatever instant the caller prunes at.
      await sql(`DELETE FROM ${schema}.beats WHERE expires_at <= ${NOW_MS} - $1::float8`, [RETAINED_MS])
      await sql(sweepMedia(schema))
      return count + kept
    },
  }
}
