import { resolve } from 'node:path'
import { checkOptions, type OptionRules, throwProblems } from '../../contracts/check-options.js'
import type { DiagnosableStore } from '../../contracts/diagnosable-store.js'
import { number, required, rule } from '../../contracts/option-rules.js'
import { FencedError, RunStateError } from '../../contracts/run-errors.js'
import type { RunStore, StoredRun } from '../../contracts/run-store.js'
import { loadedRun } from '../loaded-run.js'
import { columnsOf, fromText, toText } from '../run-columns.js'
import { asStateFailure } from '../state-failure.js'
import { checkDigest, checkTtl, slotQueryOf } from '../store-input.js'
import type { SaveOutcome } from '../store-operations.js'
import { storedNotes } from '../stored-notes.js'
import { sharedThread } from './shared-threads.js'

// Minimum interval between prunes after saves of ended runs.
const RETENTION_MS = 60_000
// Number of runs in one transaction, which others wait for.
const MOST_FORGOTTEN = 1000

/** Options of {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /** Path of the database file, such as `./runs.db`; it is created if missing. It must be on a disk of this machine. */
  readonly path: string
  /**
   * How long runs that completed or failed are kept after their end, in milliseconds above 0 (finite). Saves of ended runs forget
   * older runs, at most once a minute, as `prune` does.
   * @defaultValue until `prune` is called
   */
  readonly keepEndedMs?: number | undefined
}

/** A run store with a database that can be closed. */
export interface SqliteStore
  extends Required<Omit<RunStore, 'appendEvents' | 'readEvents' | 'followEvents'>>,
    DiagnosableStore {
  /**
   * Waits for pending operations, closes the database and ends its thread. Every later call rejects with `RunStateError`. Closing
   * again has no effect.
   */
  close(): Promise<void>
}

/**
 * Creates a run store in a SQLite database through `node:sqlite`, for one or many processes on one machine. Needs Node 22.13 or
 * later; earlier versions of Node 22 have it behind a flag. Node 22 itself prints a warning that `node:sqlite` is experimental.
 *
 * The first operation starts a worker thread for each path, so that no operation blocks the event loop. The thread has its own
 * file, so a bundler must leave the package external. An idle store does not keep the process alive; a pending operation does.
 * The database is in WAL mode with full synchronisation: a save is on the disk when it resolves. Saves that wait at the same time
 * share one transaction and one flush of the disk. Runs that are due, and pages of lists, are read from an index. While another
 * process has locked the database, operations wait up to 60 seconds.
 *
 * Ended runs, their claims and their media are kept until `prune`, or for `keepEndedMs`. Beats expire by the clock of this machine.
 *
 * The first operation upgrades a database of an earlier version of the library. Processes of version 0.1.0 can use the same file
 * at the same time, before and after.
 *
 * Every method rejects with a retryable `RunStateError` when the database cannot be opened, read or written, and with one that is
 * not retryable when a later version of the library made the database, the state of the run is broken, or the store was closed.
 *
 * @throws ConfigurationError when `path` is not the path of a file, `keepEndedMs` is not a finite number above 0, or this Node has
 * no `node:sqlite`.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { sqliteStore } from 'sora-pipeline/stores'
 *
 * const store = sqliteStore({ path: './runs.db', keepEndedMs: 30 * 86_400_000 })
 * export const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 *   store,
 * })
 * for (const run of await pipeline.recover()) console.log(run.id)
 * ```
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { path, keepEndedMs } = checkedOptions(options)
  const place = resolve(path)
  const { call, close } = sharedThread(place)
  const pending = new Set<Promise<unknown>>()
  let closed: Promise<void> | undefined
  let prunedAt = Number.NEGATIVE_INFINITY

  const work = <T>(verb: string, subject: string, task: () => Promise<T>): Promise<T> => {
    const outcome = asStateFailure({ verb, subject, place }, () => {
      if (closed !== undefined) {
        const reason = 'the store was closed'
        throw new RunStateError(`Could not ${verb}, ${reason}: ${subject}`, { reason })
      }
      return task()
    })
    const settled: Promise<unknown> = outcome.then(forget, forget).then(() => pending.delete(settled))
    pending.add(settled)
    return outcome
  }

  // In the same message as the save, so that both share a transaction.
  const forgetEnded = ({ status }: StoredRun) => {
    if (keepEndedMs === undefined || (status !== 'completed' && status !== 'failed')) return
    const now = Date.now()
    if (now - prunedAt < RETENTION_MS) return
    prunedAt = now
    work('forget ended runs', 'runs', async () => {
      const count = await call('prune', { endedBefore: now - keepEndedMs, now, limit: MOST_FORGOTTEN })
      if (count === MOST_FORGOTTEN) prunedAt = Number.NEGATIVE_INFINITY
    }).catch(forget) // The save is not affected; a later save tries again.
  }

  const changed = async (
    verb: string,
    { id, version }: { readonly id: string; readonly version: number },
    outcome: Promise<SaveOutcome>,
  ) => {
    const became = await outcome
    if (became === 'unknown') throw new RunStateError(`Could not ${verb}, the store does not know it: ${id}`)
    if (became === 'stale') throw new FencedError(`Could not ${verb}, version ${version} is not the newest: ${id}`)
  }

  return {
    durability: { kind: 'sqlite', place, survives: 'power-cut', sharedBy: 'one-machine' },
    create: (id, state) =>
      work('save the run', id, () => {
        const created = call('create', toText(id), columnsOf(state))
        forgetEnded(state)
        return created
      }),

    load: (id) =>
      work('read the run', id, async () => {
        const row = await call('load', toText(id))
        return row && loadedRun(row, { id, place })
      }),

    save: (id, version, state) =>
      work('save the run', id, async () => {
        const saved = call('save', toText(id), version, columnsOf(state))
        forgetEnded(state)
        await changed('save the run', { id, version }, saved)
        return version + 1
      }),

    reschedule: (id, version, wakeAt, readings) =>
      work('reschedule the run', id, () =>
        changed(
          'reschedule the run',
          { id, version },
          call('reschedule', toText(id), version, wakeAt, JSON.stringify(readings)),
        ),
      ),

    claim: (namespace, key, runId) =>
      work(`claim ${key} of ${namespace}`, runId, () => call('claim', toText(namespace), toText(key), toText(runId))),

    due: (before, limit, { after, isFree = false } = {}) =>
      work('read the runs that are due', 'runs', async () => {
        const ids = await call('due', { before, limit: whole(limit), after: after && toText(after), isFree })
        return ids.map(fromText)
      }),

    heartbeat: (worker, ttlMs) =>
      work('record the heartbeat', worker, () => {
        checkTtl(ttlMs)
        return call('heartbeat', toText(worker), ttlMs)
      }),

    retire: (worker) => work('retire the worker', worker, () => call('retire', toText(worker))),

    versions: (ids) => work('read the versions', 'runs', () => call('versions', ids.map(toText))),

    report: (worker, entries) =>
      work('save the progress', worker, () => {
        const rows = entries.map(({ id, progress }) => ({ id: toText(id), progress: JSON.stringify(progress) }))
        return call('report', toText(worker), rows)
      }),

    list: ({ owner, order, after, withRemoved = false, limit }) =>
      work('list the runs', 'runs', async () => {
        const place = { owner: owner && toText(owner), order, after: after && toText(after) }
        const query = { ...place, withRemoved, limit: whole(limit) }
        return (await call('list', query)).map(fromText)
      }),

    putMedia: (runId, sha256, bytes) =>
      work('keep the media', runId, async () => {
        // The only copy: the caller may change its bytes, and only whole buffers can be transferred.
        const { actualSha256 } = await call('putMedia', toText(runId), sha256, new Uint8Array(bytes))
        checkDigest(sha256, actualSha256)
      }),

    getMedia: (sha256) => work('read the media', sha256, () => call('getMedia', sha256)),

    dropMedia: (runId) => work('remove the media', runId, () => call('dropMedia', toText(runId))),

    prune: ({ endedBefore, now }) =>
      work('forget ended runs', 'runs', async () => {
        for (let total = 0; ; ) {
          const count = await call('prune', { endedBefore, now, limit: MOST_FORGOTTEN })
          total += count
          if (count < MOST_FORGOTTEN) return total
        }
      }),

    ...storedNotes(
      {
        readNote: (namespace, key) => call('readNote', namespace, key),
        saveNote: (namespace, key, version, note) => call('saveNote', namespace, key, version, note),
        dueNotes: (query) => call('dueNotes', query),
      },
      work,
    ),
    takeSlot: (limit, holder, terms) =>
      work('take a place', limit, () => call('takeSlot', toText(limit), toText(holder), slotQueryOf(terms))),

    keepSlots: (limit, holders, ttlMs) =>
      work('keep the places', limit, () => call('keepSlots', toText(limit), holders.map(toText), Math.ceil(ttlMs))),

    restSlots: (limit, ms) => work('suspend the limit', limit, () => call('restSlots', toText(limit), Math.ceil(ms))),

    close() {
      closed ??= Promise.all(pending).then(close)
      return closed
    },
  }
}

const RULES: OptionRules<SqliteStoreOptions> = {
  path: required(
    rule((value) => typeof value === 'string' && value !== '' && value !== ':memory:', 'give the path of a file'),
  ),
  keepEndedMs: number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0'),
}

function checkedOptions(options: SqliteStoreOptions): SqliteStoreOptions {
  checkOptions('sqliteStore', options, RULES)
  // Not imported statically, because the other stores must work where it is missing.
  if (process.getBuiltinModule('node:sqlite') === undefined) {
    const fix = 'use Node 22.13 or later, which has node:sqlite'
    throwProblems('sqliteStore', [{ field: 'node', value: process.version, fix }])
  }
  return options
}

// SQLite has no limit of Infinity.
function whole(limit: number): number {
  return Math.min(limit, Number.MAX_SAFE_INTEGER)
}

function forget(): void {}
