import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import type { DiagnosableStore, ServerProblem } from '../../contracts/diagnosable-store.js'
import { aFunction, number, required, rule } from '../../contracts/option-rules.js'
import type { RunStore } from '../../contracts/run-store.js'
import { serverEvents } from '../server-events.js'
import { serverStore } from '../server-store.js'
import { serverWork } from '../server-work.js'
import { storedNotes } from '../stored-notes.js'
import { postgresClaims } from './postgres-claims.js'
import { postgresEvents } from './postgres-events.js'
import { type PostgresListenClient, postgresListener } from './postgres-listener.js'
import { postgresMedia } from './postgres-media.js'
import { migrateSchema, quoted } from './postgres-migration.js'
import { postgresNotes } from './postgres-notes.js'
import { postgresPages } from './postgres-pages.js'
import type { PostgresPool } from './postgres-pool.js'
import { hearErrors, postgresQueries } from './postgres-queries.js'
import { postgresRetention } from './postgres-retention.js'
import { postgresRuns } from './postgres-runs.js'
import { serverFacts, serverProblems } from './postgres-server.js'
import { postgresSlots } from './postgres-slots.js'

// An upgrade waits for the one of another process.
const MIGRATION_MS = 60_000

/** Options of {@link postgresStore}. */
export interface PostgresStoreOptions {
  /** A pool of `pg`. It stays the caller's: the store never ends it. */
  readonly pool: PostgresPool
  /**
   * The schema of the tables: a lower-case letter or `_`, then up to 62 lower-case letters, digits and `_`; not `pg_…`. Stores with
   * different schemas share nothing.
   * @defaultValue `'sora_pipeline'`
   */
  readonly schema?: string | undefined
  /**
   * Makes a client of `pg` with a connection of its own to the server, not through a pooler, such as `() => new Client(…)`. While
   * events of runs are followed, the store connects one such client, listens for notifications, and ends it afterwards; it makes
   * another one when the connection is lost.
   * @defaultValue none: new events are searched for once a second, with one query for all runs
   */
  readonly listenClient?: (() => PostgresListenClient) | undefined
  /**
   * How long runs are kept after they completed or failed, in milliseconds above 0. The saves of ended runs forget older ones, at
   * most once a minute for each store, as `prune` does.
   * @defaultValue until `prune` is called
   */
  readonly keepEndedMs?: number | undefined
  /**
   * How long an operation may take, in milliseconds above 0, with the wait for a connection; then it rejects. It may still
   * take effect later.
   * @defaultValue `10_000`
   */
  readonly timeoutMs?: number | undefined
}

/** A run store in PostgreSQL. */
export interface PostgresStore extends Required<RunStore>, DiagnosableStore {
  /**
   * Creates the tables, or upgrades those of an earlier version of the library. Call it before the first run; calling it again
   * changes nothing, and any number of processes may start at once. Takes at most 60 seconds.
   * @throws RunStateError, not retryable, for PostgreSQL before 13 or a database that is not UTF-8; retryable otherwise.
   */
  migrate(): Promise<void>
  /**
   * Settings of the server, as this pool has them, with which a crash may lose what the store confirmed, or the store cannot work.
   * Empty on a server with its defaults.
   */
  checkServer(): Promise<readonly ServerProblem[]>
}

/**
 * Makes a run store in PostgreSQL 13 or later, for any number of processes on any number of machines, over a pool of `pg`. Call
 * `migrate()` once at the start.
 *
 * Every operation is one statement with parameters and a transaction of its own, so a save is durable when it resolves, with the
 * default settings of PostgreSQL. Statements have no names and leave nothing in the session: PgBouncer in transaction mode works.
 * Runs that are due and pages of lists are read from indexes. Beats expire by the clock of the server. An operation that loses against
 * another transaction (serialization failure, deadlock) is repeated.
 *
 * The store listens to `error` of the pool, so that an idle connection that breaks does not end the process; the pool opens another one.
 *
 * Every method rejects with a `RunStateError` that is retryable when the server does not answer in `timeoutMs`, refuses the connection
 * or the statement, and with one that is not when the store was not migrated, a later version of the library changed the tables, the
 * server is too old, or the state of the run is broken. Messages name no password and no connection string.
 *
 * @throws ConfigurationError when `pool` is not a pool of `pg`, `schema` is not such a name, or a time is not above 0.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { type PostgresPool, postgresStore } from 'sora-pipeline/stores'
 *
 * // pool: new Pool({ connectionString: process.env.DATABASE_URL }) of pg
 * export async function openPipeline(pool: PostgresPool) {
 *   const store = postgresStore({ pool })
 *   await store.migrate()
 *   const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
 *   return new SoraPipeline({ generator, store })
 * }
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  checkOptions('postgresStore', options, RULES)
  const { pool, schema = 'sora_pipeline', listenClient, keepEndedMs, timeoutMs = 10_000 } = options
  hearErrors(pool)
  const place = `the Postgres schema ${schema}`
  const work = serverWork({ place, timeoutMs })
  const sql = postgresQueries(pool, schema)
  const name = quoted(schema)
  const operations = {
    ...postgresRuns(sql, name),
    ...postgresPages(sql, name),
    ...postgresClaims(sql, name),
    ...postgresMedia(sql, name),
    ...postgresRetention(sql, name),
    ...postgresSlots(sql, name),
  }
  return {
    ...serverStore({ operations, work, place, keepEndedMs }),
    ...storedNotes(postgresNotes(sql, name), work),
    ...serverEvents(postgresEvents(sql, schema, postgresListener({ sql, schema, listenClient })), work),
    durability: { kind: 'postgres', survives: 'power-cut', sharedBy: 'many-machines' },
    migrate: () =>
      serverWork({ place, timeoutMs: MIGRATION_MS })('migrate the store', schema, () => migrateSchema(pool, schema)),
    checkServer: () => work('check the server', schema, async () => serverProblems(await serverFacts(pool))),
  }
}

const RULES: OptionRules<PostgresStoreOptions> = {
  pool: required(rule(isPool, 'give a Pool of pg, such as new Pool({ connectionString }), not a Client')),
  schema: rule(isSchema, 'give a lower-case letter or _, then up to 62 lower-case letters, digits or _, and not pg_'),
  listenClient: aFunction,
  keepEndedMs: number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0'),
  timeoutMs: number((value) => value > 0 && value <= 2_147_483_647, 'give milliseconds above 0 and at most 2147483647'),
}

function isPool(value: unknown): boolean {
  const { query, connect, on, totalCount } = Object(value)
  return [query, connect, on].every((method) => typeof method === 'function') && typeof totalCount === 'number'
}

// It is a part of statements: nothing that would need to be escaped.
function isSchema(value: unknown): boolean {
  return typeof value === 'string' && /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(value)
}
