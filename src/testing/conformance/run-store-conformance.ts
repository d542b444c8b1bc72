import type { RunStore } from '../../contracts/run-store.js'
import { type ConformanceOptions, registerCases } from './conformance-suite.js'
import { storeClaimCases } from './store-claim-cases.js'
import { storeListCases } from './store-list-cases.js'
import { storeStateCases } from './store-state-cases.js'

/** A store under test; it must be empty. */
export interface RunStoreSubject {
  readonly store: RunStore
  /**
   * Opens the same data once more, as another process would.
   * @defaultValue the store itself
   */
  reopen?(): Promise<RunStore>
  dispose?(): Promise<void> | void
}

/** What {@link runStoreConformance} takes. */
export interface RunStoreConformanceOptions extends ConformanceOptions<RunStoreSubject> {}

/**
 * Tests a run store against its contract: one creator, one winner of a compare-and-set, states as they were given and out of
 * reach of later changes, unique claims, runs that are due in their order, and, when it has `list`, total and stable pages of
 * runs. Give it the `test` of your runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import type { RunStore } from 'sora-pipeline'
 * import { runStoreConformance } from 'sora-pipeline/testing'
 *
 * export function testMyStore(open: () => Promise<RunStore>) {
 *   runStoreConformance({ test, create: async () => ({ store: await open() }) })
 * }
 * ```
 */
export function runStoreConformance(options: RunStoreConformanceOptions): void {
  registerCases<RunStoreSubject>(options, [...storeStateCases, ...storeClaimCases, ...storeListCases])
}
