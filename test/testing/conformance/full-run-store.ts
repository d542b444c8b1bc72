import { createHash } from 'node:crypto'
import { listRuns } from '../../../src/contracts/list-runs.js'
import { isRetainedAt, RETAINED_MS, retainedRun } from '../../../src/contracts/retained-run.js'
import { InvalidRequestError, type JsonObject, type RunStore } from '../../../src/index.js'
import { type MemoryEvents, memoryEvents } from '../../../src/stores/memory-events.js'
import { memoryNotes } from '../../../src/stores/memory-notes.js'
import { memorySlots } from '../../../src/stores/memory-slots.js'
import { type Data, emptyData, loadedOf, plainStore } from './plain-run-store.js'

/** What is in a {@link fullStore}. */
export interface FullData extends Data {
  /** Progress as JSON, by run. */
  readonly reports: Map<string, { readonly worker: string; readonly text: string }>
  readonly media: Map<string, { readonly bytes: Uint8Array; readonly runs: Set<string> }>
  /** When the claims of a forgotten run were released, by their name. */
  readonly released: Map<string, number>
  readonly events: MemoryEvents
  readonly notes: ReturnType<typeof memoryNotes>
  readonly slots: ReturnType<typeof memorySlots>
}

export function emptyFullData(clock?: Data['clock']): FullData {
  const data = emptyData(clock)
  const has = (id: string) => {
    const stored = data.runs.get(id)
    return stored !== undefined && !('isRetained' in loadedOf(stored).state)
  }
  return {
    ...data,
    reports: new Map(),
    media: new Map(),
    released: new Map(),
    events: memoryEvents(has),
    notes: memoryNotes(data.clock),
    slots: memorySlots(() => data.clock.monotonic()),
  }
}

/** A store that does everything right and has every method. */
export function fullStore(data: FullData = emptyFullData()): Required<RunStore> {
  const { runs, claims, reports, media, released, events, notes } = data
  const plain = plainStore(data)
  const stateOf = (id: string) => {
    const stored = runs.get(id)
    return stored && loadedOf(stored).state
  }
  const dropMedia = (runId: string) => {
    for (const [sha256, { runs: holders }] of media) {
      if (holders.delete(runId) && holders.size === 0) media.delete(sha256)
    }
  }
  return {
    ...plain,
    async load(id) {
      const loaded = await plain.load(id)
      const report = reports.get(id)
      const isHolders = report !== undefined && report.worker === loaded?.state.worker
      return loaded && { ...loaded, progress: isHolders ? (JSON.parse(report.text) as JsonObject) : undefined }
    },
    async claim(namespace, key, runId) {
      const isClaimant = await plain.claim(namespace, key, runId)
      if (isClaimant) released.delete(JSON.stringify([namespace, key]))
      return isClaimant
    },
    async versions(ids) {
      return ids.map((id) => runs.get(id)?.version)
    },
    async report(worker, entries) {
      for (const { id, progress } of entries) {
        const state = stateOf(id)
        if (state?.status === 'running' && state.worker === worker) {
          reports.set(id, { worker, text: JSON.stringify(progress) })
        }
      }
    },
    async list(query) {
      return listRuns(
        [...runs].map(([id, stored]) => ({ ...loadedOf(stored).state, id })),
        query,
      )
    },
    async putMedia(runId, sha256, bytes) {
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
        throw new InvalidRequestError([{ field: 'sha256', value: sha256, fix: 'give the SHA-256 of the bytes' }])
      }
      const kept = media.get(sha256) ?? { bytes: Uint8Array.from(bytes), runs: new Set() }
      kept.runs.add(runId)
      media.set(sha256, kept)
    },
    async getMedia(sha256) {
      return media.get(sha256)?.bytes.slice()
    },
    async dropMedia(runId) {
      dropMedia(runId)
    },
    async prune({ endedBefore, now }) {
      let count = 0
      for (const [id, stored] of runs) {
        const { state } = loadedOf(stored)
        const hasEnded = state.status === 'completed' || state.status === 'failed'
        if (!hasEnded || (state.endedAt ?? 0) >= endedBefore) continue
        if (!('isRetained' in state)) {
          count += 1
          for (const [name, runId] of claims) if (runId === id && !released.has(name)) released.set(name, now)
        }
        dropMedia(id)
        events.drop(id)
        if (isRetainedAt(state, now)) runs.set(id, { ...stored, text: JSON.stringify(retainedRun(state)) })
        else runs.delete(id)
      }
      for (const [name, at] of released) {
        if (at <= now - RETAINED_MS && released.delete(name)) claims.delete(name)
      }
      return count
    },
    appendEvents: events.appendEvents,
    readEvents: events.readEvents,
    followEvents: events.followEvents,
    ...notes,
    ...data.slots,
  }
}
