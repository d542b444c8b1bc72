import { type ConformanceOptions, checkSuite, registerCases } from './conformance-suite.js'
import type { RunStoreSubject } from './run-store-subject.js'
import { storeBeatCases } from './store-beat-cases.js'
import { storeClaimCases } from './store-claim-cases.js'
import { storeDueCases } from './store-due-cases.js'
import { storeEventCases } from './store-event-cases.js'
import { storeListCases } from './store-list-cases.js'
import { storeMediaCases } from './store-media-cases.js'
import { storeNoteCases } from './store-note-cases.js'
import { storeReportCases } from './store-report-cases.js'
import { storeRescheduleCases } from './store-reschedule-cases.js'
import { storeRetentionCases } from './store-retention-cases.js'
import { storeSlotCases } from './store-slot-cases.js'
import { storeStateCases } from './store-state-cases.js'
import { storeVersionCases } from './store-version-cases.js'

/** Options of {@link runStoreConformance}. */
export interface RunStoreConformanceOptions extends ConformanceOptions<RunStoreSubject> {}

/**
 * Tests a run store against its contract. For every store: one creator, one winner of a compare-and-set, unchanged
 * states that later changes of the caller's objects do not affect; reschedules that change only `wakeAt` and
 * readings; unique claims; beats that expire by the clock of the store; due runs in total and in stable pages, with
 * and without those of live workers.
 *
 * For a store with the methods: `list`, total and stable pages of runs; `versions`; `report`, progress of the worker
 * that holds a run; `putMedia`, `getMedia` and `dropMedia`, bytes that stay until their last reference is dropped
 * (all three or none); `prune`, runs that are removed, with what is retained of them for 24 hours; `appendEvents`,
 * `readEvents` and `followEvents`, a log of events and their announcement to every process (all three or none);
 * `readNote`, `saveNote` and `dueNotes`, notes that are replaced by compare-and-set and expire by the clock of the store
 * (all three or none); `takeSlot`, `keepSlots` and `restSlots`, places of limits that processes share (all three or none). Cases of methods
 * that the store does not implement pass.
 *
 * Pass the `test` of your runner. Give `advance` for a store with an injected clock; otherwise a few cases wait some
 * 20 ms.
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
  checkSuite('runStoreConformance', options)
  registerCases<RunStoreSubject>(options, [
    ...storeStateCases,
    ...storeRescheduleCases,
    ...storeClaimCases,
    ...storeBeatCases,
    ...storeDueCases,
    ...storeVersionCases,
    ...storeReportCases,
    ...storeListCases,
    ...storeMediaCases,
    ...storeRetentionCases,
    ...storeEventCases,
    ...storeNoteCases,
    ...storeSlotCases,
  ])
}
