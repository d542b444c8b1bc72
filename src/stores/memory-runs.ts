import type { Clock } from '../contracts/clock.js'
import type { DiagnosableStore } from '../contracts/diagnosable-store.js'
import type { JsonObject, JsonValue } from '../contracts/json.js'
import { type ListedRun, listRuns } from '../contracts/list-runs.js'
import { isRetainedAt, RETAINED_MS, retainedRun } from '../contracts/retained-run.js'
import { FencedError } from '../contracts/run-errors.js'
import type { LoadedRun, RunStore, StoredRun, WorkerBeat } from '../contracts/run-store.js'
import { memoryClaims } from './memory-claims.js'
import { memoryEvents } from './memory-events.js'
import { memoryMedia } from './memory-media.js'
import { memoryNotes } from './memory-notes.js'
import { memorySlots } from './memory-slots.js'
import { checkTtl } from './store-input.js'

type Kept = ListedRun &
  Pick<StoredRun, 'status' | 'wakeAt' | 'worker' | 'endedAt' | 'isCallerId'> & {
    readonly version: number
    readonly json: string
    readonly readings?: readonly JsonValue[]
  }

type Beat = { readonly number: number; readonly ttlMs: number; readonly expiresAt: number }
type Report = { readonly worker: string; readonly progress: JsonObject }

interface MemoryRunsOptions {
  readonly maxEnded?: number | undefined
  readonly clock?: Pick<Clock, 'monotonic'> | undefined
}

/** The store of `memoryStore`, without a check of its options. */
export function memoryRuns({
  maxEnded = 1000,
  clock = performanceClock,
}: MemoryRunsOptions): RunStore & DiagnosableStore {
  const runs = new Map<string, Kept>()
  const ended = new Set<string>()
  // Forgotten runs with a retained part, in the order in which they were forgotten.
  const retained = new Set<string>()
  const beats = new Map<string, Beat>()
  let number = 0
  const reports = new Map<string, Report>()
  const claims = memoryClaims()
  const media = memoryMedia()
  const events = memoryEvents((id) => runs.has(id) && !retained.has(id))

  const keep = (id: string, version: number, state: StoredRun) => {
    const { status, wakeAt, startedAt, endedAt, owner, removedAt, worker, isCallerId } = state
    const json = JSON.stringify(state)
    runs.set(id, { id, version, json, status, wakeAt, startedAt, endedAt, owner, removedAt, worker, isCallerId })
    retained.delete(id)
    if (status === 'completed' || status === 'failed') ended.add(id)
    else ended.delete(id)
    if (status !== 'running') reports.delete(id)
  }
  const remove = (id: string, now: number) => {
    runs.delete(id)
    retained.delete(id)
    events.drop(id)
    // Includes media that a worker added after the run was forgotten.
    media.drop(id)
    claims.release(id, now)
  }
  const forget = (id: string, now: number) => {
    const kept = runs.get(id) as Kept
    ended.delete(id)
    media.drop(id)
    events.drop(id)
    if (!isRetainedAt(kept as unknown as StoredRun, now)) return remove(id, now)
    keep(id, kept.version, retainedRun(JSON.parse(kept.json) as StoredRun))
    ended.delete(id)
    retained.add(id)
    claims.release(id, now)
  }
  const sweep = (now: number) => {
    for (const id of retained) {
      if (isRetainedAt(runs.get(id) as unknown as StoredRun, now)) break
      remove(id, now)
    }
    claims.sweep(now - RETAINED_MS)
  }
  const forgetOldest = ({ status, endedAt }: StoredRun) => {
    if (status === 'running' || ended.size <= maxEnded) return
    // The newest end is the best estimate of the time for a store without a wall clock.
    const now = endedAt ?? 0
    for (const id of ended) {
      if (ended.size <= maxEnded) break
      forget(id, now)
    }
    sweep(now)
  }
  const newest = (id: string, version: number): Kept => {
    const kept = runs.get(id)
    if (kept?.version === version) return kept
    throw new FencedError(`Could not save the run, version ${version} is not the newest: ${id}`)
  }
  const beatOf = (worker: string | undefined): WorkerBeat | undefined => {
    const beat = worker === undefined ? undefined : beats.get(worker)
    return beat && { number: beat.number, ttlMs: beat.ttlMs, isExpired: beat.expiresAt <= clock.monotonic() }
  }

  return {
    durability: { kind: 'memory', survives: 'nothing', sharedBy: 'one-process' },
    create: async (id, state) => {
      if (runs.has(id)) return false
      keep(id, 1, state)
      forgetOldest(state)
      return true
    },
    load: async (id): Promise<LoadedRun | undefined> => {
      const kept = runs.get(id)
      if (kept === undefined) return undefined
      const { version, json, wakeAt, readings, worker } = kept
      const report = reports.get(id)
      const beat = beatOf(worker)
      return {
        version,
        state: { ...(JSON.parse(json) as StoredRun), wakeAt },
        ...(readings && { readings: structuredClone(readings) }),
        ...(report?.worker === worker && report && { progress: structuredClone(report.progress) }),
        ...(beat && { beat }),
      }
    },
    save: async (id, version, state) => {
      newest(id, version)
      keep(id, version + 1, state)
      forgetOldest(state)
      return version + 1
    },
    reschedule: async (id, version, wakeAt, readings) => {
      runs.set(id, { ...newest(id, version), wakeAt, readings: structuredClone(readings) })
    },
    claim: async (namespace, key, runId) => claims.claim(JSON.stringify([namespace, key]), runId),
    due: async (before, limit, { after, isFree = false } = {}) => {
      const isBeating = (worker: string | undefined) => beatOf(worker)?.isExpired === false
      const last = after === undefined ? undefined : runs.get(after)
      if (after !== undefined && last?.status !== 'running') return []
      return [...runs.values()]
        .filter(({ status, wakeAt }) => status === 'running' && wakeAt <= before)
        .filter((run) => last === undefined || byWake(run, last) > 0)
        .filter(({ worker }) => !(isFree && isBeating(worker)))
        .sort(byWake)
        .slice(0, limit)
        .map(({ id }) => id)
    },
    heartbeat: async (worker, ttlMs) => {
      checkTtl(ttlMs)
      number += 1
      beats.set(worker, { number, ttlMs, expiresAt: clock.monotonic() + ttlMs })
    },
    retire: async (worker) => {
      beats.delete(worker)
    },
    versions: async (ids) => ids.map((id) => runs.get(id)?.version),
    report: async (worker, entries) => {
      for (const { id, progress } of entries) {
        const run = runs.get(id)
        // A worker that lost the run must not hide the reports of its successor.
        if (run?.status !== 'running' || run.worker !== worker) continue
        reports.set(id, { worker, progress: structuredClone(progress) })
      }
    },
    list: async (query) => listRuns(runs.values(), query),
    putMedia: async (runId, sha256, bytes) => media.put(runId, sha256, bytes),
    getMedia: async (sha256) => media.get(sha256),
    dropMedia: async (runId) => media.drop(runId),
    prune: async ({ endedBefore, now }) => {
      const old = [...ended].filter((id) => (runs.get(id)?.endedAt ?? 0) < endedBefore)
      for (const id of old) forget(id, now)
      // Runs may be forgotten in another order than they ended.
      for (const id of retained) {
        if (!isRetainedAt(runs.get(id) as unknown as StoredRun, now)) remove(id, now)
      }
      claims.sweep(now - RETAINED_MS)
      return old.length
    },
    ...memoryNotes(clock),
    appendEvents: events.appendEvents,
    readEvents: events.readEvents,
    followEvents: events.followEvents,
    ...memorySlots(() => clock.monotonic()),
  }
}

const performanceClock = { monotonic: () => performance.now() }

function byWake(a: Kept, b: Kept): number {
  if (a.wakeAt !== b.wakeAt) return a.wakeAt - b.wakeAt
  if (a.id === b.id) return 0
  return a.id < b.id ? -1 : 1
}
