import { dueRuns } from './journal/unfinished-runs.js'
import type { PipelineConfig } from './pipeline-config.js'
import { runQueryOf } from './run-options.js'
import { listRecords, readRecord } from './run-record.js'

const PAGE = 1000

/** Figures for an operator. Each is `undefined` where nothing can be reported. */
export interface PipelineHealth {
  /** How long ago the last heartbeat of this process was written, in milliseconds; `undefined` before the first one. */
  heartbeatAgeMs(): number | undefined
  /** How long the most overdue run that no live worker holds has been due, in milliseconds; 0 if none is due. */
  oldestDueMs(): Promise<number>
  /** How many of the newest 1,000 runs are in review; `undefined` if the store has no `list`. */
  runsInReview(): Promise<number | undefined>
}

/** Reads the figures of a pipeline. The asynchronous ones reject when the store is down. */
export function healthOf(config: PipelineConfig): PipelineHealth {
  return {
    heartbeatAgeMs: () => config.lease.beatAgeMs(),
    oldestDueMs: async () => {
      const [id] = await dueRuns(config, 1)
      const record = id === undefined ? undefined : await readRecord(config, id)
      return record === undefined ? 0 : Math.max(0, config.clock.now() - record.wakeAt)
    },
    runsInReview: async () => {
      if (config.rawStore.list === undefined) return undefined
      const records = await listRecords(config, runQueryOf({ limit: PAGE }))
      return records.filter(({ status }) => status === 'needs-review').length
    },
  }
}
