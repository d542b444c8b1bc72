import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ADDITIONS, SCHEMA_VERSION, UPGRADES } from './sqlite-schema.ts'

// How long one attempt waits for the write of another process; it blocks the worker thread.
const BUSY_MS = 100

const WAIT = `PRAGMA busy_timeout = ${BUSY_MS}`
const SETTINGS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
`

// The result codes of SQLite for a lock that another connection holds, without their extensions: SQLITE_BUSY, SQLITE_LOCKED, and
// SQLITE_PROTOCOL, for a race between connections that open the write-ahead log.
const LOCKED_CODES = [5, 6, 15]

/** The database is not one that this version may use, which another attempt does not change. */
export class UnfitDatabaseError extends Error {
  /** Whose it is, such as `a later version of the library`. */
  readonly reason: string

  constructor(path: string, reason: string) {
    super(`Could not open the store, it is of ${reason}: ${path}`)
    this.reason = reason
  }
}

/**
 * Opens the database of a store; creates it, or upgrades it in place, if needed. That of another application is not changed.
 * @throws UnfitDatabaseError; any error of SQLite or the file system.
 */
export function openDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path)
  try {
    database.exec(WAIT)
    checkIsStore(database, path)
    database.exec(SETTINGS)
    if (versionOf(database, path) < SCHEMA_VERSION || missingIn(database).length > 0) upgrade(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Whether another connection holds a lock, so that a retry may succeed. */
export function isLocked(error: unknown): boolean {
  const { errcode } = Object(error)
  return typeof errcode === 'number' && LOCKED_CODES.includes(errcode & 0xff)
}

// If many processes open the database at the same time, one upgrades it; the others wait, and find nothing to do in the
// transaction.
function upgrade(database: DatabaseSync, path: string): void {
  database.exec('BEGIN IMMEDIATE')
  const version = versionOf(database, path)
  if (version < SCHEMA_VERSION) {
    database.exec(`${UPGRADES.slice(version).join('')} PRAGMA user_version = ${SCHEMA_VERSION}`)
  }
  for (const statement of missingIn(database)) database.exec(statement)
  database.exec('COMMIT')
}

function missingIn(database: DatabaseSync): readonly string[] {
  const rows = database
    .prepare("SELECT name FROM sqlite_schema UNION ALL SELECT 'runs.' || name FROM pragma_table_info('runs')")
    .all()
  const names = new Set(rows.map(({ name }) => name))
  return [...ADDITIONS].filter(([name]) => !names.has(name)).map(([, statement]) => statement)
}

function versionOf(database: DatabaseSync, path: string): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version <= SCHEMA_VERSION) return version
  throw new UnfitDatabaseError(path, 'a later version of the library')
}

// A new database has no tables, and every version of the library has these two.
function checkIsStore(database: DatabaseSync, path: string): void {
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => name)
  const columns = database
    .prepare("SELECT name FROM pragma_table_info('runs')")
    .all()
    .map(({ name }) => name)
  const isStore = tables.includes('claims') && ['id', 'version', 'state'].every((name) => columns.includes(name))
  if (tables.length > 0 && !isStore) {
    throw new UnfitDatabaseError(path, 'another application')
  }
  versionOf(database, path)
}
