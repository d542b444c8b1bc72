import { type DiagnosableStore, durabilityOf } from '../contracts/diagnosable-store.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import type { ReportError } from './queue-errors.js'

const workersOf = new WeakMap<object, number>()

/** Notes that a worker of this process advances the runs of a store. Returns a function that takes the note back. */
export function keepWorker(store: object): () => void {
  const add = (count: number) => void workersOf.set(store, (workersOf.get(store) ?? 0) + count)
  add(1)
  return () => add(-1)
}

/** Whether the runs of a runner reach a worker: those of a store in memory only reach the workers of this process. */
export class StoreReach {
  readonly #store: DiagnosableStore
  readonly #report: ReportError
  #isReported = false

  constructor(store: DiagnosableStore, report: ReportError) {
    this.#store = store
    this.#report = report
  }

  /** Reports once that no worker gets the runs. */
  check(): void {
    if (this.#isReported || durabilityOf(this.#store)?.sharedBy !== 'one-process') return
    if ((workersOf.get(this.#store) ?? 0) > 0) return
    this.#isReported = true
    const fix = 'give postgresStore or redisStore, or create a worker over the same store in this process'
    const value = 'in the memory of this process, where no worker is'
    this.#report(new ConfigurationError('createQueueRunner', [{ field: 'store', value, fix }]))
  }
}
