import type { RunStore } from '../../../src/index.js'
import { manualClock, runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { emptyFullData, type FullData, fullStore } from './full-run-store.js'

/** What a broken store does in another way than a good one; called once for each process that opens the store. */
export type Fault = (store: Required<RunStore>, data: FullData, process: number) => Partial<RunStore>

/** The names of the cases that a store with every method fails when it has a fault, and what each reported. */
export function failuresOf(fault: Fault): Promise<ReadonlyMap<string, string>> {
  const create = () => {
    const clock = manualClock()
    const data = emptyFullData(clock)
    let processes = 0
    const open = (): RunStore => {
      processes += 1
      const store = fullStore(data)
      return { ...store, ...fault(store, data, processes) }
    }
    return { store: open(), reopen: async () => open(), advance: (ms: number) => clock.advance(ms) }
  }
  return failedCases((test) => runStoreConformance({ test, timeoutMs: 200, create }))
}
