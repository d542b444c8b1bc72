import { createHash } from 'node:crypto'
import { FencedError, RunStateError } from '../contracts/run-errors.js'
import type { EventMethod, NoteMethod, RunStore, StoredRun } from '../contracts/run-store.js'
import { loadedRun } from './loaded-run.js'
import { columnsOf, fromText, toText } from './run-columns.js'
import type { ServerWork } from './server-work.js'
import { checkMedia, checkTtl, slotQueryOf } from './store-input.js'
import type { OperationName, SaveOutcome, StoreOperations } from './store-operations.js'

// How often the saves of ended runs forget older ones.
const RETENTION_MS = 60_000
// At a time, for others wait meanwhile.
const MOST_FORGOTTEN = 500

/** What a server does for a store. Each operation is atomic, and `prune` is for each run that it forgets. */
export type ServerOperations = {
  readonly [Name in Exclude<OperationName, 'putMedia' | NoteMethod>]: (
    ...args: Parameters<StoreOperations[Name]>
  ) => Promise<ReturnType<StoreOperations[Name]>>
} & {
  /** Keeps bytes whose digest is `sha256`. */
  readonly putMedia: (runId: string, sha256: string, bytes: Buffer) => Promise<void>
}

/** What {@link serverStore} works with. */
export interface ServerStoreOptions {
  readonly operations: ServerOperations
  readonly work: ServerWork
  /** Where the runs are, for messages. */
  readonly place: string
  readonly keepEndedMs: number | undefined
}

/** A run store on a server, without the event log and the notes. Its operations share nothing in this process, so any number of stores may work on one server. */
export function serverStore({
  operations,
  work,
  place,
  keepEndedMs,
}: ServerStoreOptions): Required<Omit<RunStore, EventMethod | NoteMethod>> {
  let prunedAt = Number.NEGATIVE_INFINITY

  const forgetEnded = ({ status }: StoredRun) => {
    if (keepEndedMs === undefined || (status !== 'completed' && status !== 'failed')) return
    const now = Date.now()
    if (now - prunedAt < RETENTION_MS) return
    prunedAt = now
    work('forget ended runs', 'runs', async () => {
      const count = await operations.prune({ endedBefore: now - keepEndedMs, now, limit: MOST_FORGOTTEN })
      if (count === MOST_FORGOTTEN) prunedAt = Number.NEGATIVE_INFINITY
    }).catch(ignore) // The save is not affected; one of the next minute tries again.
  }

  const changed = (
    verb: string,
    { id, version }: { readonly id: string; readonly version: number },
    is: SaveOutcome,
  ) => {
    if (is === 'unknown') throw new RunStateError(`Could not ${verb}, the store does not know it: ${id}`)
    if (is === 'stale') throw new FencedError(`Could not ${verb}, version ${version} is not the newest: ${id}`)
  }

  return {
    create: (id, state) =>
      work('save the run', id, async () => {
        const isNew = await operations.create(toText(id), columnsOf(state))
        forgetEnded(state)
        return isNew
      }),

    load: (id) =>
      work('read the run', id, async () => {
        const row = await operations.load(toText(id))
        return row && loadedRun(row, { id, place })
      }),

    save: (id, version, state) =>
      work('save the run', id, async () => {
        changed('save the run', { id, version }, await operations.save(toText(id), version, columnsOf(state)))
        forgetEnded(state)
        return version + 1
      }),

    reschedule: (id, version, wakeAt, readings) =>
      work('reschedule the run', id, async () => {
        const outcome = await operations.reschedule(toText(id), version, wakeAt, JSON.stringify(readings))
        changed('reschedule the run', { id, version }, outcome)
      }),

    claim: (namespace, key, runId) =>
      work(`claim ${key} of ${namespace}`, runId, () =>
        operations.claim(toText(namespace), toText(key), toText(runId)),
      ),

    due: (before, limit, { after, isFree = false } = {}) =>
      work('read the runs that are due', 'runs', async () => {
        const query = { before, limit: whole(limit), after: after === undefined ? undefined : toText(after), isFree }
        return (await operations.due(query)).map(fromText)
      }),

    heartbeat: (worker, ttlMs) =>
      work('record the heartbeat', worker, () => {
        checkTtl(ttlMs)
        return operations.heartbeat(toText(worker), ttlMs)
      }),

    retire: (worker) => work('retire the worker', worker, () => operations.retire(toText(worker))),

    versions: (ids) => work('read the versions', 'runs', () => operations.versions(ids.map(toText))),

    report: (worker, entries) =>
      work('save the progress', worker, () => {
        // The last of a run counts.
        const rows = new Map(entries.map(({ id, progress }) => [toText(id), JSON.stringify(progress)]))
        const all = [...rows].map(([id, progress]) => ({ id, progress }))
        return operations.report(toText(worker), all)
      }),

    list: ({ owner, order, after, withRemoved = false, limit }) =>
      work('list the runs', 'runs', async () => {
        const texts = { owner: owner && toText(owner), after: after === undefined ? undefined : toText(after) }
        return (await operations.list({ ...texts, order, withRemoved, limit: whole(limit) })).map(fromText)
      }),

    putMedia: (runId, sha256, bytes) =>
      work('keep the media', runId, async () => {
        // A copy, for the caller may change its bytes before they are sent.
        const copy = Buffer.from(bytes)
        checkMedia(sha256, copy)
        await operations.putMedia(toText(runId), sha256, copy)
      }),

    // Not a part of a larger buffer of the client.
    getMedia: (sha256) =>
      work('read the media', sha256, async () => {
        const bytes = await operations.getMedia(sha256)
        return bytes && new Uint8Array(bytes)
      }),

    dropMedia: (runId) => work('remove the media', runId, () => operations.dropMedia(toText(runId))),

    prune: async ({ endedBefore, now }) => {
      for (let total = 0; ; ) {
        const count = await work('forget ended runs', 'runs', () =>
          operations.prune({ endedBefore, now, limit: MOST_FORGOTTEN }),
        )
        total += count
        if (count < MOST_FORGOTTEN) return total
      }
    },

    takeSlot: (limit, holder, terms) =>
      work('take a place', limit, () => operations.takeSlot(toText(limit), toText(holder), slotQueryOf(terms))),

    keepSlots: (limit, holders, ttlMs) =>
      work('keep the places', limit, () => operations.keepSlots(toText(limit), holders.map(toText), Math.ceil(ttlMs))),

    restSlots: (limit, ms) =>
      work('suspend the limit', limit, () => operations.restSlots(toText(limit), Math.ceil(ms))),
  }
}

/** The digest under which a claim is kept: keys may be longer than an index takes. */
export function claimDigest(namespace: string, key: string): string {
  return createHash('sha256')
    .update(JSON.stringify([namespace, key]))
    .digest('hex')
}

// Servers have no limit of Infinity.
function whole(limit: number): number {
  return Math.min(limit, Number.MAX_SAFE_INTEGER)
}

function ignore(): void {}
