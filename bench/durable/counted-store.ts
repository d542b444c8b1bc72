import { join } from 'node:path'
import { memoryStore, type RunStore } from 'sora-pipeline'
import { fileStore, sqliteStore } from 'sora-pipeline/stores'

export type StoreName = 'memory' | 'sqlite' | 'file'

/** Calls of the methods of a store that write, by name. A method that the store does not have is missing. */
export type WriteCounts = Record<string, number>

const WRITES: readonly string[] = ['create', 'save', 'claim', 'reschedule', 'heartbeat', 'report']

/** A separate store for one measurement, which counts its writes. */
export function openCountedStore(name: StoreName, directory: string): { store: RunStore; counts: WriteCounts } {
  const store = STORES[name](directory)
  const counts: WriteCounts = {}
  // By name, because the bench also runs on versions whose stores lack some of the methods.
  const counted = Object.entries(store).map(([method, implementation]: [string, unknown]) => {
    if (!WRITES.includes(method) || typeof implementation !== 'function') return [method, implementation]
    counts[method] = 0
    const call = (...parameters: unknown[]): unknown => {
      counts[method] = (counts[method] ?? 0) + 1
      return Reflect.apply(implementation, store, parameters)
    }
    return [method, call]
  })
  return { store: { ...store, ...Object.fromEntries(counted) }, counts }
}

/** What was counted since `before`, a copy of the counts. */
export function countedSince(before: WriteCounts, counts: WriteCounts): WriteCounts {
  return Object.fromEntries(Object.entries(counts).map(([method, count]) => [method, count - (before[method] ?? 0)]))
}

/** Writes of whole states, as opposed to beats, reports and the instants of the next polls. */
export function stateWritesOf({ create = 0, save = 0 }: WriteCounts): number {
  return create + save
}

const STORES: Readonly<Record<StoreName, (directory: string) => RunStore>> = {
  memory: () => memoryStore(),
  sqlite: (directory) => sqliteStore({ path: join(directory, 'runs.db') }),
  file: (directory) => fileStore({ directory: join(directory, 'runs') }),
}
