import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ADDITIONS, SCHEMA_VERSION, UPGRADES } from './sqlite-schema.ts'

// How long one attempt waits for the write of another process; it blocks the worker thread.
const BUSY_MS = 100

const SETTINGS = `
  PRAGMA busy_timeout = ${BUSY_MS};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
`

// The result codes of SQLite for a lock that another connection holds, without their extensions: SQLITE_BUSY, SQLITE_LOCKED, and
// SQLITE_PROTOCOL, for a race between connections that open the write-ahead log.
const LOCKED_CODES = [5, 6, 15]

/** A later version of the library made the database. */
export class LaterVersionError extends Error {
  constructor(path: string) {
    super(`Could not open the store, it is of a later version of the library: ${path}`)
  }
}

/**
 * Opens the database of a store; creates it, or upgrades it in place, if needed.
 * @throws LaterVersionError; any error of SQLite or the file system.
 */
export function openDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path)
  try {
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
  throw new LaterVersionError(path)
}
