import type { ServerOperations } from '../server-store.js'
import type { RunColumns, SaveOutcome } from '../store-operations.js'
import type { Row, Sql } from './postgres-queries.js'

/** Now by the clock of the server, in epoch milliseconds. */
export const NOW_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::float8'

const COLUMNS = 'status, wake_at, started_at, ended_at, removed_at, owner, worker, is_caller_id, state'
const VALUES = '$3, $4::float8, $5::float8, $6::float8, $7::float8, $8, $9, $10::boolean, $11'

/** The operations on single runs. Every value is cast to text, so that the parsers of the caller's `pg` change nothing. */
export function postgresRuns(
  sql: Sql,
  schema: string,
): Pick<ServerOperations, 'create' | 'load' | 'save' | 'reschedule' | 'versions' | 'report'> {
  const insert = `
    INSERT INTO ${schema}.runs (id, version, ${COLUMNS}) VALUES ($1, $2::bigint, ${VALUES})
    ON CONFLICT DO NOTHING RETURNING 'created' AS outcome`

  // A statement sees what was there when it began, also where it waited for another save.
  const outcome = `
    SELECT CASE WHEN EXISTS (SELECT 1 FROM saved) THEN 'saved'
      WHEN EXISTS (SELECT 1 FROM ${schema}.runs WHERE id = $1) THEN 'stale' ELSE 'unknown' END AS outcome`

  const update = `
    WITH saved AS (
      UPDATE ${schema}.runs SET version = version + 1, readings = NULL, is_retained = false, (${COLUMNS}) = (${VALUES})
      WHERE id = $1 AND version = $2::bigint RETURNING status
    ), unreported AS (
      DELETE FROM ${schema}.reports WHERE run_id = $1 AND EXISTS (SELECT 1 FROM saved WHERE status <> 'running')
    ) ${outcome}`

  const reschedule = `
    WITH saved AS (
      UPDATE ${schema}.runs SET wake_at = $3::float8, readings = $4 WHERE id = $1 AND version = $2::bigint RETURNING 1
    ) ${outcome}`

  const select = `
    SELECT runs.version::text, state, wake_at::text, readings, progress, number::text, ttl_ms::text,
      (expires_at <= ${NOW_MS})::text AS is_expired
    FROM ${schema}.runs
    LEFT JOIN ${schema}.reports ON reports.run_id = runs.id AND reports.worker = runs.worker AND status = 'running'
    LEFT JOIN ${schema}.beats ON beats.worker = runs.worker
    WHERE runs.id = $1`

  // One statement, so that all versions are of one instant.
  const versions = `
    SELECT version::text FROM json_array_elements_text($1::json) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN ${schema}.runs ON runs.id = wanted.id ORDER BY place`

  // A report of a worker that does not hold the run must not hide that of the one that does. In one order, so that two reports at
  // once do not wait for each other.
  const report = `
    INSERT INTO ${schema}.reports (run_id, worker, progress)
    SELECT runs.id, worker, entry.progress FROM json_to_recordset($2::json) AS entry (id text, progress text)
    JOIN ${schema}.runs ON runs.id = entry.id WHERE status = 'running' AND worker = $1 ORDER BY runs.id
    ON CONFLICT (run_id) DO UPDATE SET worker = excluded.worker, progress = excluded.progress`

  const outcomeOf = ([row]: readonly Row[]) => row?.outcome as SaveOutcome

  return {
    create: async (id, columns) => (await sql(insert, [id, 1, ...valuesOf(columns)])).length === 1,

    async load(id) {
      const [row] = await sql(select, [id])
      if (row === undefined) return undefined
      const { version, state, wake_at, readings, progress, number, ttl_ms, is_expired } = row
      return {
        version: Number(version),
        state: String(state),
        ...(readings !== null && { schedule: { wakeAt: Number(wake_at), readings: String(readings) } }),
        ...(progress !== null && { progress: String(progress) }),
        ...(number !== null && {
          beat: { number: Number(number), ttlMs: Number(ttl_ms), isExpired: is_expired === 'true' },
        }),
      }
    },

    save: async (id, version, columns) => outcomeOf(await sql(update, [id, version, ...valuesOf(columns)])),

    reschedule: async (id, version, wakeAt, readings) =>
      outcomeOf(await sql(reschedule, [id, version, wakeAt, readings])),

    async versions(ids) {
      const rows = await sql(versions, [JSON.stringify(ids)])
      return rows.map(({ version }) => (version === null ? undefined : Number(version)))
    },

    async report(worker, entries) {
      if (entries.length > 0) await sql(report, [worker, JSON.stringify(entries)])
    },
  }
}

// In the order of VALUES.
function valuesOf(columns: RunColumns): readonly unknown[] {
  const { status, wakeAt, startedAt, endedAt, removedAt, owner, worker, isCallerId, state } = columns
  return [status, wakeAt, startedAt, endedAt, removedAt, owner, worker, isCallerId === 1, state]
}
