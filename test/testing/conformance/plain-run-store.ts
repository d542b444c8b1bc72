import { FencedError, RunStateError, type RunStore, type StoredRun } from '../../../src/index.js'

/** What is in a {@link plainStore}. */
export interface Data {
  readonly runs: Map<string, { readonly version: number; readonly text: string }>
  readonly claims: Map<string, string>
}

export function emptyData(): Data {
  return { runs: new Map(), claims: new Map() }
}

/** A store that does everything right, in the plainest way. It has no `list`. */
export function plainStore({ runs, claims }: Data = emptyData()): RunStore {
  const stateOf = (text: string): StoredRun => JSON.parse(text)
  return {
    async create(id, state) {
      if (runs.has(id)) return false
      runs.set(id, { version: 1, text: JSON.stringify(state) })
      return true
    },
    async load(id) {
      const stored = runs.get(id)
      return stored && { version: stored.version, state: stateOf(stored.text) }
    },
    async save(id, version, state) {
      const stored = runs.get(id)
      if (!stored) throw new RunStateError(`Could not save the run: ${id}`)
      if (stored.version !== version) throw new FencedError(`Could not save over the version: ${version}`)
      runs.set(id, { version: version + 1, text: JSON.stringify(state) })
      return version + 1
    },
    async claim(namespace, key, runId) {
      const name = JSON.stringify([namespace, key])
      if (!claims.has(name)) claims.set(name, runId)
      return claims.get(name) === runId
    },
    async due(before, limit) {
      return [...runs]
        .map(([id, { text }]) => ({ id, ...stateOf(text) }))
        .filter(({ status, wakeAt }) => status === 'running' && wakeAt <= before)
        .sort((a, b) => a.wakeAt - b.wakeAt)
        .slice(0, limit)
        .map(({ id }) => id)
    },
  }
}
