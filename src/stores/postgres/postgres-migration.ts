import { RunStateError } from '../../contracts/run-errors.js'
import type { PostgresConnection, PostgresPool } from './postgres-pool.js'
import { LEAST_VERSION, SCHEMA_VERSION, UPGRADES } from './postgres-schema.js'
import { refuseServer, serverFacts } from './postgres-server.js'

/** The schema of a store, as the library knows it. */
export interface SchemaVersions {
  readonly version: number
  readonly least: number
  readonly upgrades: readonly ((schema: string) => string)[]
}

const PRESENT: SchemaVersions = { version: SCHEMA_VERSION, least: LEAST_VERSION, upgrades: UPGRADES }

interface Found {
  readonly version: number
  readonly least: number
}

/**
 * Creates the schema, or upgrades it in place. Of several processes that start at once, one does it while the others wait. A schema of a
 * later version stays unchanged.
 * @throws RunStateError, not retryable, when the server is too old or its encoding is not UTF-8. Whatever Postgres reports.
 */
export async function migrateSchema(pool: PostgresPool, schema: string, library = PRESENT): Promise<void> {
  refuseServer(await serverFacts(pool))
  const connection = await pool.connect()
  let isDone = false
  try {
    connection.on('error', reportedByQuery)
    await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED')
    await connection.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`sora-pipeline ${schema}`])
    await upgrade(connection, schema, library)
    await connection.query('COMMIT')
    isDone = true
  } finally {
    if (isDone) connection.off('error', reportedByQuery)
    // Closing the connection takes back what was not committed.
    connection.release(!isDone)
  }
}

/**
 * Checks that a store of this version of the library can use the schema.
 * @throws RunStateError, not retryable, when it cannot.
 */
export async function checkSchema(pool: PostgresPool, schema: string, library = PRESENT): Promise<void> {
  refuseServer(await serverFacts(pool))
  const { version, least } = await versionsOf(pool, schema)
  if (version < library.version) throw notMigrated(schema)
  if (least > library.version) {
    throw new RunStateError(
      `Could not use the store, a later version of the library changed the Postgres schema: ${schema}; upgrade sora-pipeline`,
      { reason: 'tables of a later version of the library' },
    )
  }
}

/** The error of a schema that `migrate` did not make, or not to the present version. */
export function notMigrated(schema: string): RunStateError {
  return new RunStateError(
    `Could not use the store, its tables are missing or older than the library in the Postgres schema: ${schema}; call migrate() of the store first, or run npx sora-pipeline migrate`,
    { reason: 'tables that are missing or older than the library' },
  )
}

// A connection that breaks fails the query, and without a listener it ends the process as well.
function reportedByQuery(): void {}

async function upgrade(connection: PostgresConnection, schema: string, library: SchemaVersions): Promise<void> {
  const { version, least } = await versionsOf(connection, schema)
  if (version >= library.version) return
  const { rows } = await connection.query('SELECT to_regnamespace($1) IS NULL AS is_missing', [quoted(schema)])
  // IF NOT EXISTS needs the right to create schemas also where the schema exists.
  if (Object(rows[0]).is_missing === true) await connection.query(`CREATE SCHEMA ${quoted(schema)}`)
  for (const statements of library.upgrades.slice(version)) await connection.query(statements(quoted(schema)))
  if (version === 0) {
    await connection.query(
      `CREATE TABLE ${quoted(schema)}.meta (version integer NOT NULL, least_version integer NOT NULL)`,
    )
    await connection.query(`INSERT INTO ${quoted(schema)}.meta VALUES ($1, $2)`, [library.version, library.least])
  } else {
    const set = `UPDATE ${quoted(schema)}.meta SET version = $1, least_version = $2`
    await connection.query(set, [library.version, Math.max(least, library.least)])
  }
}

async function versionsOf(connection: Pick<PostgresPool, 'query'>, schema: string): Promise<Found> {
  const meta = `${quoted(schema)}.meta`
  const { rows: found } = await connection.query('SELECT to_regclass($1) IS NOT NULL AS is_there', [meta])
  if (Object(found[0]).is_there !== true) return { version: 0, least: 0 }
  const { rows } = await connection.query(`SELECT version::text, least_version::text FROM ${meta}`)
  const { version = 0, least_version = 0 } = Object(rows[0])
  return { version: Number(version), least: Number(least_version) }
}

/** The name of a schema in a statement. It was checked when the store was made. */
export function quoted(schema: string): string {
  return `"${schema}"`
}
