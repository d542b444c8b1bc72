import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { describeValue } from '../../contracts/errors.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import { FencedError, RunStateError } from '../../contracts/run-errors.js'
import type { RunQuery, RunStore, StoredRun } from '../../contracts/run-store.js'
import { asStateFailure } from '../state-failure.js'
import { openDatabase } from './sqlite-database.js'

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /** The database file, such as `./runs.db`; it is made when it does not exist. On a disk of this machine. */
  readonly path: string
}

/** A run store with a database that can be closed. */
export interface SqliteStore extends RunStore {
  /** Closes the database; every later call rejects with `RunStateError`. Call it once all runs have ended. */
  close(): void
}

/**
 * Makes a run store in a SQLite database through `node:sqlite`, for one process or many on one machine. Needs Node 22.13 or
 * later; older ones of 22 have it behind a flag. The library prints nothing, but Node 22 itself warns that `node:sqlite` is
 * experimental.
 *
 * The database is opened by the first call, in WAL mode with full synchronisation: a save is on the disk when it resolves. Runs
 * that are due, and pages of lists, are found by an index. Ended runs and claims are kept;
 * `DELETE FROM runs WHERE status IN ('completed', 'failed')` at any time is safe. Calls of SQLite block the event loop, for
 * about a millisecond each, and for 5 seconds at most while another process writes.
 *
 * The first call upgrades a database that an earlier version of the library made, which takes about 0.1 ms a run; others wait
 * for it. A process of that earlier version can still save its runs, but creates no new ones any more: end those first.
 *
 * Every method rejects with `RunStateError` when the database cannot be opened, read or written.
 *
 * @throws ConfigurationError when `path` is no path of a file, and when this Node has no `node:sqlite`.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { sqliteStore } from 'sora-pipeline/stores'
 *
 * const store = sqliteStore({ path: './runs.db' })
 * export const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 *   store,
 * })
 * for (const run of await pipeline.recover()) console.log(run.id)
 * ```
 */
export function sqliteStore({ path }: SqliteStoreOptions): SqliteStore {
  if (typeof path !== 'string' || path === '' || path === ':memory:') {
    throw new ConfigurationError('sqliteStore', [
      { field: 'path', value: describeValue(path), fix: 'give the path of a file' },
    ])
  }
  // Not imported: the other stores have to work where it is missing.
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) {
    const problem = { field: 'node', value: process.version, fix: 'use Node 22.13 or later, which has node:sqlite' }
    throw new ConfigurationError('sqliteStore', [problem])
  }
  const place = resolve(path)
  let tables: Tables | undefined
  let isClosed = false
  const work = async <T>(verb: string, subject: string, task: (tables: Tables) => T): Promise<T> =>
    asStateFailure({ verb, subject, place }, () => {
      if (isClosed) throw new RunStateError(`Could not ${verb}, the store was closed: ${subject}`)
      tables ??= prepareTables(openDatabase(sqlite.DatabaseSync, place))
      return task(tables)
    })

  return {
    create: (id, state) =>
      work('save the run', id, ({ insert }) => insert.run(...columnsOf(state), toText(id)).changes === 1),

    load: (id) =>
      work('read the run', id, ({ select }) => {
        const row = select.get(toText(id))
        if (row === undefined) return undefined
        return { version: Number(row.version), state: JSON.parse(String(row.state)) as StoredRun }
      }),

    save: (id, version, state) =>
      work('save the run', id, ({ update, select }) => {
        const { changes } = update.run(...columnsOf(state), toText(id), version)
        if (changes === 1) return version + 1
        if (select.get(toText(id)) === undefined) {
          throw new RunStateError(`Could not save the run, the store does not know it: ${id}`)
        }
        throw new FencedError(`Could not save the run, version ${version} is not the newest: ${id}`)
      }),

    claim: (namespace, key, runId) =>
      work(`claim ${key} of ${namespace}`, runId, ({ insertClaim, selectClaim }) => {
        insertClaim.run(toText(namespace), toText(key), toText(runId))
        return selectClaim.get(toText(namespace), toText(key))?.run_id === toText(runId)
      }),

    due: (before, limit) =>
      work('look for runs that are due', 'runs', ({ selectDue }) =>
        selectDue.all(before, limit).map((row) => fromText(String(row.id))),
      ),

    list: (query) => work('list the runs', 'runs', ({ database }) => selectPage(database, query)),

    close: () => {
      isClosed = true
      tables?.database.close()
      tables = undefined
    },
  }
}

type Tables = ReturnType<typeof prepareTables>

function prepareTables(database: DatabaseSync) {
  return {
    database,
    insert: database.prepare(
      'INSERT INTO runs (status, wake_at, started_at, owner, removed_at, state, version, id) VALUES (?, ?, ?, ?, ?, ?, 1, ?) ' +
        'ON CONFLICT DO NOTHING',
    ),
    select: database.prepare('SELECT version, state FROM runs WHERE id = ?'),
    update: database.prepare(
      'UPDATE runs SET status = ?, wake_at = ?, started_at = ?, owner = ?, removed_at = ?, state = ?, version = version + 1 ' +
        'WHERE id = ? AND version = ?',
    ),
    insertClaim: database.prepare('INSERT INTO claims VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
    selectClaim: database.prepare('SELECT run_id FROM claims WHERE namespace = ? AND key = ?'),
    selectDue: database.prepare(
      "SELECT id FROM runs WHERE status = 'running' AND wake_at <= ? ORDER BY wake_at LIMIT ?",
    ),
  }
}

// In the order of the statements above.
function columnsOf(state: StoredRun) {
  const { status, wakeAt, startedAt = 0, owner, removedAt = null } = state
  return [
    status,
    wakeAt,
    startedAt,
    owner === undefined ? null : toText(owner),
    removedAt,
    JSON.stringify(state),
  ] as const
}

function selectPage(database: DatabaseSync, { owner, order, after, limit }: RunQuery): readonly string[] {
  const [beyond, direction] = order === 'newest-first' ? ['<', 'DESC'] : ['>', 'ASC']
  // Nothing is beyond a run that is not there: a comparison with NULL.
  const place = `(started_at, id) ${beyond} (SELECT started_at, id FROM runs WHERE id = ?)`
  const rows = database
    .prepare(
      `SELECT id FROM runs WHERE removed_at IS NULL ${owner === undefined ? '' : 'AND owner = ?'} ` +
        `${after === undefined ? '' : `AND ${place}`} ORDER BY started_at ${direction}, id ${direction} LIMIT ?`,
    )
    .all(...[owner, after].flatMap((text) => (text === undefined ? [] : [toText(text)])), limit)
  return rows.map((row) => fromText(String(row.id)))
}

// As JSON without its quotes: every text has one form, also half a surrogate pair, and plain ids stay readable.
function toText(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function fromText(text: string): string {
  return JSON.parse(`"${text}"`) as string
}
