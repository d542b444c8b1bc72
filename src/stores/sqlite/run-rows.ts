import type { ReportRow, RunColumns, RunRow, SaveOutcome, StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

const INSERT = `
  INSERT INTO runs (status, wake_at, started_at, owner, removed_at, worker, ended_at, is_caller_id, state, id, version, fields_version)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1) ON CONFLICT DO NOTHING`

const UPDATE = `
  UPDATE runs SET status = ?, wake_at = ?, started_at = ?, owner = ?, removed_at = ?, worker = ?, ended_at = ?, is_caller_id = ?,
    state = ?, version = version + 1, fields_version = version + 1, scheduled_version = NULL, readings = NULL,
    retained_version = NULL
  WHERE id = ? AND version = ?`

// The `worker` column counts only for the version that wrote it.
const SELECT = `
  SELECT runs.version, state, wake_at, readings, scheduled_version = runs.version AS is_scheduled,
    reports.progress, beats.number, beats.ttl_ms, beats.expires_at <= ? AS is_expired
  FROM runs
  LEFT JOIN reports ON reports.run_id = runs.id AND reports.worker = runs.worker AND fields_version = runs.version
  LEFT JOIN beats ON beats.worker = runs.worker AND fields_version = runs.version
  WHERE runs.id = ?`

// A report of a worker that does not hold the run must not hide that of the holder.
const REPORT = `
  INSERT INTO reports SELECT id, worker, ? FROM runs
  WHERE id = ? AND status = 'running' AND worker = ? AND fields_version = version
  ON CONFLICT DO UPDATE SET worker = excluded.worker, progress = excluded.progress`

/** The operations on single runs. */
export function runRows(
  sql: PreparedStatements,
): Pick<StoreOperations, 'create' | 'load' | 'save' | 'reschedule' | 'versions' | 'report'> {
  const outcomeOf = (changes: number | bigint, id: string): SaveOutcome => {
    if (changes === 1) return 'saved'
    return sql('SELECT 1 FROM runs WHERE id = ?').get(id) === undefined ? 'unknown' : 'stale'
  }
  return {
    create: (id, columns) => sql(INSERT).run(...valuesOf(columns), id).changes === 1,

    load(id): RunRow | undefined {
      const row = sql(SELECT).get(Date.now(), id)
      if (row === undefined) return undefined
      const { version, state, wake_at, readings, is_scheduled, progress, number, ttl_ms, is_expired } = row
      return {
        version: Number(version),
        state: String(state),
        ...(is_scheduled === 1 && { schedule: { wakeAt: Number(wake_at), readings: String(readings) } }),
        ...(progress !== null && { progress: String(progress) }),
        ...(number !== null && {
          beat: { number: Number(number), ttlMs: Number(ttl_ms), isExpired: is_expired === 1 },
        }),
      }
    },

    save(id, version, columns) {
      const outcome = outcomeOf(sql(UPDATE).run(...valuesOf(columns), id, version).changes, id)
      if (outcome === 'saved' && columns.status !== 'running') sql('DELETE FROM reports WHERE run_id = ?').run(id)
      return outcome
    },

    reschedule(id, version, wakeAt, readings) {
      const update =
        'UPDATE runs SET wake_at = ?, readings = ?, scheduled_version = version WHERE id = ? AND version = ?'
      return outcomeOf(sql(update).run(wakeAt, readings, id, version).changes, id)
    },

    versions(ids) {
      // One statement, so that all versions are from the same instant.
      const wanted =
        'SELECT version FROM json_each(?) LEFT JOIN runs ON runs.id = json_each.value ORDER BY json_each.key'
      const rows = sql(wanted).all(JSON.stringify(ids))
      return rows.map(({ version }) => (version === null ? undefined : Number(version)))
    },

    report(worker: string, entries: readonly ReportRow[]) {
      for (const { id, progress } of entries) sql(REPORT).run(progress, id, worker)
    },
  }
}

// In the order of the statements above.
function valuesOf(columns: RunColumns) {
  const { status, wakeAt, startedAt, owner, removedAt, worker, endedAt, isCallerId, state } = columns
  return [status, wakeAt, startedAt, owner, removedAt, worker, endedAt, isCallerId, state] as const
}
