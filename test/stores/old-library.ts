import { DatabaseSync } from 'node:sqlite'
import type { StoredRun } from '../../src/index.js'
import { UPGRADES } from '../../src/stores/sqlite/sqlite-schema.js'

/** A process of library version 0.1.0, which knows version 2 of the schema: its statements, word for word. */
export function oldLibrary(path: string) {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version > 2) throw new Error(`Could not open the store, it is of a later version of the library: ${path}`)
  if (version < 2) database.exec(`BEGIN IMMEDIATE; ${UPGRADES.slice(version).join('')} PRAGMA user_version = 2; COMMIT`)
  const insert = database.prepare(
    'INSERT INTO runs (status, wake_at, started_at, owner, removed_at, state, version, id) VALUES (?, ?, ?, ?, ?, ?, 1, ?) ' +
      'ON CONFLICT DO NOTHING',
  )
  const select = database.prepare('SELECT version, state FROM runs WHERE id = ?')
  const update = database.prepare(
    'UPDATE runs SET status = ?, wake_at = ?, started_at = ?, owner = ?, removed_at = ?, state = ?, version = version + 1 ' +
      'WHERE id = ? AND version = ?',
  )
  const insertClaim = database.prepare('INSERT INTO claims VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  const selectClaim = database.prepare('SELECT run_id FROM claims WHERE namespace = ? AND key = ?')
  const selectDue = database.prepare(
    "SELECT id FROM runs WHERE status = 'running' AND wake_at <= ? ORDER BY wake_at LIMIT ?",
  )
  const columnsOf = (state: StoredRun) => {
    const { status, wakeAt, startedAt = 0, owner = null, removedAt = null } = state
    return [status, wakeAt, startedAt, owner, removedAt, JSON.stringify(state)] as const
  }
  return {
    database,
    create: (id: string, state: StoredRun) => insert.run(...columnsOf(state), id).changes === 1,
    load: (id: string) => {
      const row = select.get(id)
      return row && { version: row.version, state: JSON.parse(String(row.state)) as StoredRun }
    },
    save: (id: string, version: number, state: StoredRun) =>
      update.run(...columnsOf(state), id, version).changes === 1 ? version + 1 : undefined,
    claim: (namespace: string, key: string, runId: string) => {
      insertClaim.run(namespace, key, runId)
      return selectClaim.get(namespace, key)?.run_id === runId
    },
    due: (before: number, limit: number) => selectDue.all(before, limit).map(({ id }) => id),
    close: () => database.close(),
  }
}
