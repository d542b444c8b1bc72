import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { RunStateError } from '../../contracts/run-errors.js'

// How long a call waits for the write of another process. Writes take milliseconds, so only a process that was stopped in the
// middle of one comes near it.
const BUSY_MS = 5000
// An upgrade takes about 0.1 ms a run.
const UPGRADE_BUSY_MS = 60_000
const SCHEMA_VERSION = 2

const SETTINGS = `
  PRAGMA busy_timeout = ${BUSY_MS};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
`

// What leads from each version of the schema to the next; an empty file is of version 0.
const UPGRADES: readonly string[] = [
  `
  CREATE TABLE runs (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, status TEXT NOT NULL, wake_at REAL NOT NULL, state TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX due_runs ON runs (wake_at) WHERE status = 'running';
  CREATE TABLE claims (
    namespace TEXT NOT NULL, key TEXT NOT NULL, run_id TEXT NOT NULL, PRIMARY KEY (namespace, key)
  ) WITHOUT ROWID;
  `,
  // A state that is broken stays as it is, for whoever loads it to be told. An owner is kept in the form of ids.
  `
  ALTER TABLE runs ADD COLUMN started_at REAL NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN owner TEXT;
  ALTER TABLE runs ADD COLUMN removed_at REAL;
  UPDATE runs SET
    started_at = CASE json_type(state, '$.startedAt') WHEN 'integer' THEN state ->> '$.startedAt'
      WHEN 'real' THEN state ->> '$.startedAt' ELSE 0 END,
    owner = CASE json_type(state, '$.owner') WHEN 'text' THEN substr(state -> '$.owner', 2, length(state -> '$.owner') - 2) END,
    removed_at = CASE json_type(state, '$.removedAt') WHEN 'integer' THEN state ->> '$.removedAt'
      WHEN 'real' THEN state ->> '$.removedAt' END
    WHERE json_valid(state);
  CREATE INDEX listed_runs ON runs (started_at, id) WHERE removed_at IS NULL;
  CREATE INDEX owned_runs ON runs (owner, started_at, id) WHERE removed_at IS NULL;
  `,
]

/**
 * Opens the database of a store; it is made, or upgraded where it is, if need be.
 * @throws RunStateError when a later version of the library made it. Whatever SQLite or the file system throws.
 */
export function openDatabase(Database: typeof DatabaseSync, path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new Database(path)
  try {
    database.exec(SETTINGS)
    if (versionOf(database, path) < SCHEMA_VERSION) upgrade(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

// Of many processes that open the database at once, one upgrades it; the others wait, and see that when they look again.
function upgrade(database: DatabaseSync, path: string): void {
  database.exec(`PRAGMA busy_timeout = ${UPGRADE_BUSY_MS}; BEGIN IMMEDIATE;`)
  const steps = UPGRADES.slice(versionOf(database, path))
  database.exec(`${steps.join('')} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT; PRAGMA busy_timeout = ${BUSY_MS};`)
}

function versionOf(database: DatabaseSync, path: string): number {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version <= SCHEMA_VERSION) return version
  throw new RunStateError(`Could not open the store, it is of a later version of the library: ${path}`)
}
