import { retainedRun } from '../contracts/retained-run.ts'
import type { StoredRun } from '../contracts/run-store.ts'

/** What stays of a state that a store forgets, as JSON; `wakeAt` is `null` when the state has none. */
export interface RetainedState {
  readonly json: string
  readonly wakeAt: number | null
}

/** Of the JSON of a state, what `retainedRun` keeps. A broken state has nothing to retain; it keeps its id until the 24 hours are over. */
export function retainedState(state: string): RetainedState | undefined {
  try {
    const retained = retainedRun(JSON.parse(state) as StoredRun)
    return { json: JSON.stringify(retained), wakeAt: typeof retained.wakeAt === 'number' ? retained.wakeAt : null }
  } catch {
    return undefined
  }
}
