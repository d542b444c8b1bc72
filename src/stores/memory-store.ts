import { describeValue } from '../contracts/errors.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { type ListedRun, listRuns } from '../contracts/list-runs.js'
import { FencedError } from '../contracts/run-errors.js'
import type { RunStore, StoredRun } from '../contracts/run-store.js'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * How many ended runs are kept, a whole number from 0; the oldest are forgotten. Running ones are always kept.
   * @defaultValue 1000
   */
  readonly maxEnded?: number | undefined
}

type Kept = ListedRun & Pick<StoredRun, 'status' | 'wakeAt'> & { readonly version: number; readonly json: string }

/**
 * Makes a run store that lives and dies with the process: the default of a pipeline. Give one to several pipelines and they
 * share their runs.
 *
 * @throws ConfigurationError when `maxEnded` is not a whole number from 0.
 *
 * @example
 * ```ts
 * import { memoryStore } from 'sora-pipeline'
 *
 * const store = memoryStore({ maxEnded: 100 })
 * console.log(await store.load('unknown')) // undefined
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): RunStore {
  const { maxEnded = 1000 } = options
  if (!Number.isSafeInteger(maxEnded) || maxEnded < 0) {
    const problem = { field: 'maxEnded', value: describeValue(maxEnded), fix: 'give a whole number from 0' }
    throw new ConfigurationError('memoryStore', [problem])
  }
  const runs = new Map<string, Kept>()
  const ended = new Set<string>()
  const owners = new Map<string, string>()
  const claims = new Map<string, string[]>()

  const forgetOldest = () => {
    for (const id of ended) {
      if (ended.size <= maxEnded) return
      ended.delete(id)
      runs.delete(id)
      for (const key of claims.get(id) ?? []) owners.delete(key)
      claims.delete(id)
    }
  }
  const keep = (id: string, version: number, state: StoredRun) => {
    const { status, wakeAt, startedAt, owner, removedAt } = state
    runs.set(id, { id, version, json: JSON.stringify(state), status, wakeAt, startedAt, owner, removedAt })
    if (status === 'running') return
    ended.add(id)
    forgetOldest()
  }

  return {
    create: async (id, state) => {
      if (runs.has(id)) return false
      keep(id, 1, state)
      return true
    },
    load: async (id) => {
      const kept = runs.get(id)
      return kept && { version: kept.version, state: JSON.parse(kept.json) as StoredRun }
    },
    save: async (id, version, state) => {
      const kept = runs.get(id)
      if (kept?.version !== version) {
        throw new FencedError(`Could not save the run, version ${version} is not the newest: ${id}`)
      }
      keep(id, version + 1, state)
      return version + 1
    },
    claim: async (namespace, key, runId) => {
      const name = JSON.stringify([namespace, key])
      const owner = owners.get(name)
      if (owner !== undefined) return owner === runId
      owners.set(name, runId)
      claims.set(runId, [...(claims.get(runId) ?? []), name])
      return true
    },
    due: async (before, limit) =>
      [...runs]
        .filter(([, { status, wakeAt }]) => status === 'running' && wakeAt <= before)
        .sort(([, a], [, b]) => a.wakeAt - b.wakeAt)
        .slice(0, limit)
        .map(([id]) => id),
    list: async (query) => listRuns(runs.values(), query),
  }
}
