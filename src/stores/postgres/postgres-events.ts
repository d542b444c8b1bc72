import type { OpenDoorbell } from '../doorbell.js'
import { type EventRow, MOST_EVENTS, type ServerEvents } from '../server-events.js'
import { channelOf } from './postgres-listener.js'
import { quoted } from './postgres-migration.js'
import type { Row, Sql } from './postgres-queries.js'

// Another process may have appended since the statement began.
const ATTEMPTS = 5

/** The event log of a store in Postgres: a table, and a notification with the id of the run. */
export function postgresEvents(sql: Sql, schema: string, open: OpenDoorbell): ServerEvents {
  const name = quoted(schema)
  const known = `SELECT 1 FROM ${name}.runs WHERE id = $1 AND NOT is_retained`
  // The notification is sent when the events can be read. Transactions that notify commit one after the other, so this one does
  // not wait for the disk: a crash of the server may lose the events of its last second, of no run the state.
  const append = `
    WITH newest AS (
      SELECT sequence, event FROM ${name}.events WHERE run_id = $1 ORDER BY sequence DESC LIMIT 1
    ), given AS (
      SELECT sequence, event FROM json_to_recordset($2::json) AS given (sequence bigint, event text)
    ), added AS (
      INSERT INTO ${name}.events (run_id, sequence, event)
      SELECT $1, sequence, event FROM given
      WHERE EXISTS (${known})
        AND NOT EXISTS (SELECT 1 FROM newest WHERE newest.sequence >= $3::bigint)
      ORDER BY sequence ON CONFLICT DO NOTHING RETURNING 1
    ), trimmed AS (
      DELETE FROM ${name}.events WHERE run_id = $1 AND sequence <= (
        SELECT sequence FROM ${name}.events WHERE run_id = $1 ORDER BY sequence DESC OFFSET ${MOST_EVENTS - 1} LIMIT 1
      )
    ), rung AS (
      SELECT pg_notify($4, $1)::text AS rung WHERE EXISTS (SELECT 1 FROM added)
    ), relaxed AS (
      SELECT set_config('synchronous_commit', 'off', true) AS setting
    )
    SELECT (SELECT sequence::text FROM newest) AS sequence, (SELECT event FROM newest) AS event,
      (SELECT count(*)::text FROM added) AS added, EXISTS (${known})::text AS is_known,
      (SELECT string_agg(rung, '') FROM rung) AS rung, (SELECT setting FROM relaxed) AS setting`

  const read = `
    SELECT event FROM ${name}.events WHERE run_id = $1 AND sequence > $2::bigint ORDER BY sequence LIMIT $3::bigint`

  return {
    async append(id, rows) {
      const values = [id, JSON.stringify(rows), rows[0]?.sequence, channelOf(schema)]
      for (let attempt = 1; ; attempt += 1) {
        const [row] = await sql(append, values)
        if (row?.is_known !== 'true' || Number(row.added) > 0) return undefined
        if (row.sequence !== null || attempt === ATTEMPTS) return newestOf(row)
      }
    },
    read: async (id, after, limit) => (await sql(read, [id, after, limit])).map(({ event }) => String(event)),
    open,
  }
}

function newestOf({ sequence, event }: Row): EventRow {
  return { sequence: Number(sequence), event: String(event) }
}
