import type { Clock } from '../../contracts/clock.js'
import type { RunRecord } from '../../pipeline/run-record.js'
import { isServed } from './video-object.js'

/** The latest runs of identical requests, by the key of the request. */
export interface FormerRuns {
  /** Notes a run that was started or joined. */
  note(key: string, runId: string): void
  /** Notes that a request for a run was answered with an error. */
  fail(runId: string): void
  /**
   * The run of an identical request that has failed without proof that there is no video: its job is paid, and may be running or
   * finished. `undefined` if there is none that ended in the window.
   */
  findPaid(key: string, get: (id: string) => Promise<RunRecord | undefined>): Promise<string | undefined>
}

const MOST_RUNS = 10_000
// Each identical request may read as many records.
const MOST_OF_A_KEY = 8
// What a run left at its generator if its job certainly gives no video.
const OVER: ReadonlySet<string> = new Set(['failed', 'cancelled'])

/** Keeps runs in memory. A run counts for `windowMs` after its end, however long ago its request was. */
export function formerRuns({ windowMs, clock }: { readonly windowMs: number; readonly clock: Clock }): FormerRuns {
  // The oldest is at the beginning. `failedAt` is set when a client got an error, which the store may not know.
  const byRun = new Map<string, { readonly key: string; readonly failedAt?: number }>()
  const byKey = new Map<string, Set<string>>()

  const forget = (runId: string | undefined) => {
    if (runId === undefined) return
    const { key = '' } = byRun.get(runId) ?? {}
    byRun.delete(runId)
    const runs = byKey.get(key)
    runs?.delete(runId)
    if (runs?.size === 0) byKey.delete(key)
  }
  const isRecent = (at: number | undefined) => at !== undefined && at + windowMs > clock.now()

  return {
    note(key, runId) {
      if (windowMs === 0) return
      forget(runId)
      byRun.set(runId, { key })
      const runs = (byKey.get(key) ?? new Set()).add(runId)
      byKey.set(key, runs)
      if (runs.size > MOST_OF_A_KEY) forget(runs.values().next().value)
      if (byRun.size > MOST_RUNS) forget(byRun.keys().next().value)
    },
    fail(runId) {
      const known = byRun.get(runId)
      if (known !== undefined) byRun.set(runId, { ...known, failedAt: clock.now() })
    },
    async findPaid(key, get) {
      for (const runId of [...(byKey.get(key) ?? [])]) {
        const record = await get(runId)
        const failedAt = byRun.get(runId)?.failedAt
        // The end could not be saved: the run continues when it is joined.
        if (record?.status === 'running') {
          if (isRecent(failedAt)) return runId
          continue
        }
        if (record !== undefined && mayBePaid(record) && isRecent(record.endedAt)) return record.adoptedBy ?? runId
        forget(runId)
      }
      return undefined
    },
  }
}

// A video that this server serves is no failure: the next request is for another one.
function mayBePaid(record: RunRecord): boolean {
  if (isServed(record)) return false
  const { status, upstream, error } = record
  if (status === 'needs-review') return true
  return status === 'failed' && error?.code !== 'aborted' && upstream !== undefined && !OVER.has(upstream.state)
}
