import type { RunStore } from '../../contracts/run-store.js'
import type { RunState } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'

/** A state and the version of the store that it follows. */
interface Unsaved {
  readonly state: RunState
  readonly version: number
}

/**
 * Ends of runs that the store lacks, because it is down. Reads of this pipeline have them, unless another process has saved the run
 * since.
 */
export class UnsavedEnds {
  readonly #journals = new Map<string, Unsaved>()

  add(id: string, journal: Unsaved): void {
    this.#journals.set(id, journal)
  }

  delete(id: string): void {
    this.#journals.delete(id)
  }

  /** The store with loads that have the ends. */
  over(store: RunStore): RunStore {
    const load: RunStore['load'] = async (id) => {
      const loaded = await store.load(id)
      const journal = this.#journals.get(id)
      return loaded && journal?.version === loaded.version ? { ...loaded, state: toStoredRun(journal.state) } : loaded
    }
    return Object.assign(Object.create(store), { load })
  }
}
