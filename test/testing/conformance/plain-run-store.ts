import type { LoadedRun } from '../../../src/contracts/run-store.js'
import {
  type Clock,
  FencedError,
  InvalidRequestError,
  type JsonValue,
  RunStateError,
  type RunStore,
  type StoredRun,
} from '../../../src/index.js'

/** What is in a {@link plainStore}. */
export interface Data {
  readonly runs: Map<string, StoredText>
  readonly claims: Map<string, string>
  readonly beats: Map<string, { readonly number: number; readonly ttlMs: number; readonly expiresAt: number }>
  readonly clock: Pick<Clock, 'monotonic'>
}

export interface StoredText {
  readonly version: number
  readonly text: string
  /** What a reschedule saved, as JSON. */
  readonly rescheduled?: string
}

export function emptyData(clock: Data['clock'] = { monotonic: () => performance.now() }): Data {
  return { runs: new Map(), claims: new Map(), beats: new Map(), clock }
}

/** A store that does everything right, in the plainest way. It has no optional method. */
export function plainStore({ runs, claims, beats, clock }: Data = emptyData()): RunStore {
  const newest = (id: string, version: number): StoredText => {
    const stored = runs.get(id)
    if (!stored) throw new RunStateError(`Could not save the run: ${id}`)
    if (stored.version !== version) throw new FencedError(`Could not save over the version: ${version}`)
    return stored
  }
  const beatOf = (worker = '') => {
    const beat = beats.get(worker)
    return beat && { number: beat.number, ttlMs: beat.ttlMs, isExpired: beat.expiresAt <= clock.monotonic() }
  }
  return {
    async create(id, state) {
      if (runs.has(id)) return false
      runs.set(id, { version: 1, text: JSON.stringify(state) })
      return true
    },
    async load(id) {
      const stored = runs.get(id)
      if (!stored) return undefined
      const { state, readings } = loadedOf(stored)
      return { version: stored.version, state, readings, beat: beatOf(state.worker) }
    },
    async save(id, version, state) {
      newest(id, version)
      runs.set(id, { version: version + 1, text: JSON.stringify(state) })
      return version + 1
    },
    async reschedule(id, version, wakeAt, readings) {
      runs.set(id, { ...newest(id, version), rescheduled: JSON.stringify({ wakeAt, readings }) })
    },
    async claim(namespace, key, runId) {
      const name = JSON.stringify([namespace, key])
      if (!claims.has(name)) claims.set(name, runId)
      return claims.get(name) === runId
    },
    async due(before, limit, { after, isFree = false } = {}) {
      const all = [...runs]
        .map(([id, stored]) => ({ ...loadedOf(stored).state, id }))
        .filter(({ status }) => status === 'running')
        .sort((a, b) => a.wakeAt - b.wakeAt || (a.id < b.id ? -1 : 1))
      const place = all.findIndex(({ id }) => id === after)
      if (place === -1 && after !== undefined) return []
      return all
        .slice(place + 1)
        .filter(({ wakeAt }) => wakeAt <= before)
        .filter(({ worker }) => !isFree || beatOf(worker)?.isExpired !== false)
        .slice(0, limit)
        .map(({ id }) => id)
    },
    async heartbeat(worker, ttlMs) {
      if (!(ttlMs > 0 && ttlMs < Number.POSITIVE_INFINITY)) {
        throw new InvalidRequestError([{ field: 'ttlMs', value: String(ttlMs), fix: 'give milliseconds above 0' }])
      }
      const number = (beats.get(worker)?.number ?? 0) + 1
      beats.set(worker, { number, ttlMs, expiresAt: clock.monotonic() + ttlMs })
    },
    async retire(worker) {
      beats.delete(worker)
    },
  }
}

/** The state as `load` gives it, with what a reschedule saved. */
export function loadedOf({ text, rescheduled = '{}' }: StoredText): Pick<LoadedRun, 'state' | 'readings'> {
  const { wakeAt, readings } = JSON.parse(rescheduled) as Partial<{ wakeAt: number; readings: readonly JsonValue[] }>
  const state = JSON.parse(text) as StoredRun
  return { state: wakeAt === undefined ? state : { ...state, wakeAt }, readings }
}
