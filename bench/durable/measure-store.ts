import type { StoreName, WriteCounts } from './counted-store.ts'
import { type DetectionLag, type LagWorkload, measureDetectionLag } from './detection-lag.ts'
import { measureRunWrites } from './long-run-writes.ts'
import { measureWaitingRuns, type WaitingRuns, type WaitingWorkload } from './waiting-runs.ts'

/** What is measured on a store. */
export type StoreTask =
  | { readonly kind: 'lag'; readonly workload: LagWorkload }
  | { readonly kind: 'waiting'; readonly workload: WaitingWorkload }
  | { readonly kind: 'writes'; readonly polls: number }

export interface StoreMeasurement {
  readonly store: StoreName
  readonly directory: string
  readonly task: StoreTask
}

export function measure({
  store,
  directory,
  task,
}: StoreMeasurement): Promise<DetectionLag | WaitingRuns | WriteCounts> {
  if (task.kind === 'lag') return measureDetectionLag(store, directory, task.workload)
  if (task.kind === 'waiting') return measureWaitingRuns(store, directory, task.workload)
  return measureRunWrites(store, directory, task.polls)
}
