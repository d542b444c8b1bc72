import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import type { DiagnosableStore } from '../contracts/diagnosable-store.js'
import { whole, withMethods } from '../contracts/option-rules.js'
import type { RunStore } from '../contracts/run-store.js'
import { memoryRuns } from './memory-runs.js'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * How many runs that completed or failed are kept, a whole number from 0. The oldest ones beyond that are forgotten. Runs that
   * are running or in review are always kept. For a forgotten run with an id of the caller, the outcome is kept for 24 hours
   * after its end.
   * @defaultValue `1_000`
   */
  readonly maxEnded?: number | undefined
  /** Clock by which the beats of workers expire; only `monotonic()` is used. @defaultValue the system clock */
  readonly clock?: Pick<Clock, 'monotonic'> | undefined
}

const RULES: OptionRules<MemoryStoreOptions> = { maxEnded: whole(0), clock: withMethods('monotonic') }

/**
 * Creates a run store in the memory of the process: the default of a pipeline. Several pipelines with the same store share their
 * runs.
 *
 * @throws ConfigurationError when `maxEnded` is not a whole number from 0, or `clock` has no `monotonic`.
 *
 * @example
 * ```ts
 * import { memoryStore } from 'sora-pipeline'
 *
 * const store = memoryStore({ maxEnded: 100 })
 * console.log(await store.load('unknown')) // undefined
 * ```
 */
export function memoryStore(options: MemoryStoreOptions = {}): RunStore & DiagnosableStore {
  checkOptions('memoryStore', options, RULES)
  return memoryRuns(options)
}
