import type { StoreOperations } from '../store-operations.ts'
import type { PreparedStatements } from './prepared-statements.ts'

// How many expired notes a save removes.
const MOST_SWEPT = 8

// Replaces the row of the key: each save has its own version.
const SAVE = `
  INSERT OR REPLACE INTO notes (namespace, key, value, due_at, expires_at) VALUES (?, ?, ?, ?, ?) RETURNING version`

const SWEEP = `
  DELETE FROM notes WHERE version IN (SELECT version FROM notes WHERE expires_at <= ? ORDER BY expires_at LIMIT ${MOST_SWEPT})`

const DUE = `
  SELECT key FROM notes WHERE namespace = ? AND due_at <= ? AND expires_at > ? AND (due_at, version) > (?, ?)
  ORDER BY due_at, version LIMIT ?`

/** The operations on notes, by the clock of this machine. */
export function noteRows(sql: PreparedStatements): Pick<StoreOperations, 'readNote' | 'saveNote' | 'dueNotes'> {
  const find = (namespace: string, key: string) =>
    sql('SELECT version, value, due_at FROM notes WHERE namespace = ? AND key = ? AND expires_at > ?').get(
      namespace,
      key,
      Date.now(),
    )

  return {
    readNote(namespace, key) {
      const row = find(namespace, key)
      return row && { version: Number(row.version), value: String(row.value) }
    },
    saveNote(namespace, key, version, { value, dueInMs, expiresInMs }) {
      const now = Date.now()
      if (Number(find(namespace, key)?.version ?? 0) !== version) return undefined
      const saved = sql(SAVE).get(namespace, key, value, now + dueInMs, now + expiresInMs)
      sql(SWEEP).run(now)
      return Number(saved?.version)
    },
    dueNotes({ namespace, limit, after }) {
      const last = after === undefined ? { due_at: -1, version: 0 } : find(namespace, after)
      if (last === undefined) return []
      const now = Date.now()
      const rows = sql(DUE).all(namespace, now, now, Number(last.due_at), Number(last.version), limit)
      return rows.map(({ key }) => String(key))
    },
  }
}
