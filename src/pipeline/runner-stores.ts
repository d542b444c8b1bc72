import type { RunStore } from '../contracts/run-store.js'
import { withinTime } from './journal/store-calls.js'
import { coreOfPipeline } from './pipeline-cores.js'

/** The store of a runner, and when the runner closes. */
export interface RunnerStore {
  /** With a time limit on each operation. */
  readonly store: RunStore
  readonly closing: AbortSignal
}

const stores = new WeakMap<object, RunnerStore>()

/** Keeps the store of a runner that is not a pipeline. */
export function keepStore(runner: object, store: RunnerStore): void {
  stores.set(runner, store)
}

/** The store that was given to a pipeline, or that of a runner of this library; `undefined` for any other value. */
export function storeOfRunner(runner: object): RunnerStore | undefined {
  const core = coreOfPipeline(runner)
  if (core === undefined) return stores.get(runner)
  const { store, clock, storeTimeoutMs, closing } = core
  return store && { store: withinTime(store, clock, () => storeTimeoutMs), closing: closing.signal }
}
