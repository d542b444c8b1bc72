import type { OpenDoorbell } from '../doorbell.js'
import { type EventRow, MOST_EVENTS, type ServerEvents } from '../server-events.js'
import { groupedCalls } from './grouped-calls.js'
import { channelOf } from './postgres-listener.js'
import { quoted } from './postgres-migration.js'
import type { Row, Sql } from './postgres-queries.js'

// Another process may have appended since the statement began.
const ATTEMPTS = 5
// How often the runs of a call are trimmed: once in so many calls.
const TRIM_EVERY = 200

interface Appended {
  readonly isDone: boolean
  readonly newest?: EventRow
}

interface Append {
  readonly id: string
  readonly rows: readonly EventRow[]
}

interface Read {
  readonly id: string
  readonly after: number
  readonly limit: number
}

/** The event log of a store in Postgres: a table, and a notification with the id of each run. */
export function postgresEvents(sql: Sql, schema: string, open: OpenDoorbell): ServerEvents {
  const name = quoted(schema)
  // The notifications are sent when the events can be read. Transactions that notify commit one after the other, so this one does
  // not wait for the disk: a crash of the server may lose the events of its last second, of no run the state.
  const append = `
    WITH given AS (
      SELECT run_id, sequence, event
      FROM json_to_recordset($1::json) AS given (run_id text, sequence bigint, event text)
    ), logs AS (
      SELECT first.run_id, first.sequence AS first, newest.sequence, newest.event
      FROM (SELECT run_id, min(sequence) AS sequence FROM given GROUP BY run_id) AS first
      JOIN ${name}.runs ON runs.id = first.run_id AND NOT is_retained
      LEFT JOIN LATERAL (
        SELECT sequence, event FROM ${name}.events WHERE run_id = first.run_id ORDER BY sequence DESC LIMIT 1
      ) AS newest ON true
    ), added AS (
      INSERT INTO ${name}.events (run_id, sequence, event)
      SELECT given.run_id, given.sequence, given.event FROM given JOIN logs ON logs.run_id = given.run_id
      WHERE logs.sequence IS NULL OR logs.sequence < first
      ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING run_id
    ), rung AS (
      SELECT pg_notify($2, run_id)::text AS rung FROM (SELECT DISTINCT run_id FROM added) AS runs
    ), relaxed AS (
      SELECT set_config('synchronous_commit', 'off', true) AS setting
    )
    SELECT run_id, sequence::text, event, (run_id IN (SELECT run_id FROM added))::text AS is_added,
      (SELECT string_agg(rung, '') FROM rung) AS rung, (SELECT setting FROM relaxed) AS setting
    FROM logs`

  const trim = `
    DELETE FROM ${name}.events USING json_array_elements_text($1::json) AS long (id)
    WHERE run_id = id AND sequence <= (
      SELECT sequence FROM ${name}.events AS kept WHERE kept.run_id = id ORDER BY sequence DESC OFFSET $2::bigint LIMIT 1
    )`

  const read = `
    SELECT wanted.run_id, found.event
    FROM json_to_recordset($1::json) AS wanted (run_id text, after bigint, most bigint)
    CROSS JOIN LATERAL (
      SELECT sequence, event FROM ${name}.events
      WHERE run_id = wanted.run_id AND sequence > after ORDER BY sequence LIMIT most
    ) AS found ORDER BY found.sequence`

  let calls = 0

  const appendAll = groupedCalls<Append, Appended>(async (all) => {
    const given = all.flatMap(({ id, rows }) => rows.map((row) => ({ run_id: id, ...row })))
    const found = byRun(await sql(append, [JSON.stringify(given), channelOf(schema)]))
    calls += 1
    if (calls % TRIM_EVERY === 0) await sql(trim, [JSON.stringify([...found.keys()]), MOST_EVENTS])
    return all.map(({ id }) => appended(found.get(id)?.[0]))
  })

  const readAll = groupedCalls<Read, readonly string[]>(async (all) => {
    const wanted = all.map(({ id, after, limit }) => ({ run_id: id, after, most: limit }))
    const found = byRun(await sql(read, [JSON.stringify(wanted)]))
    return all.map(({ id }) => (found.get(id) ?? []).map(({ event }) => String(event)))
  })

  return {
    async append(id, rows) {
      for (let attempt = 1; ; attempt += 1) {
        const { isDone, newest } = await appendAll(id, { id, rows })
        if (isDone || newest !== undefined || attempt === ATTEMPTS) return newest
      }
    },
    read: (id, after, limit) => readAll(id, { id, after, limit }),
    open,
  }
}

// An unknown run has no row. Neither added nor refused: another process was faster, and its event was not visible yet.
function appended(row: Row | undefined): Appended {
  if (row === undefined || row.is_added === 'true') return { isDone: true }
  const { sequence, event } = row
  return sequence === null
    ? { isDone: false }
    : { isDone: false, newest: { sequence: Number(sequence), event: String(event) } }
}

function byRun(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const found = new Map<string, Row[]>()
  for (const row of rows) {
    const id = String(row.run_id)
    const known = found.get(id)
    if (known) known.push(row)
    else found.set(id, [row])
  }
  return found
}
