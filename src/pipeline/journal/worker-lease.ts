import type { Clock } from '../../contracts/clock.js'
import type { RunReport, RunStore } from '../../contracts/run-store.js'
import { startTimer } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'
import type { RunProgress } from '../state/run-state.js'
import { storedWakes, type WakeableRun } from './stored-wakes.js'

/** A run that a worker holds. */
export interface HeldRun extends WakeableRun {
  /** The last version that this process saved or loaded. */
  readonly version: number
  /** Called when the store has another version: another process may have saved. */
  onOtherVersion(): void
}

/** The heartbeat and the progress reports of one worker for all its runs. */
export interface WorkerLease {
  readonly worker: string
  /**
   * Counts the unbroken series of beats. After a gap as long as the lease another process may have taken runs over, so that runs
   * must be held again.
   */
  readonly row: number
  /** Whether the last beat is still valid, by the monotonic clock. */
  isFresh(): boolean
  /** How long ago the last beat was written, in milliseconds; `undefined` before the first one. */
  beatAgeMs(): number | undefined
  /** Beats unless the last beat is younger than a third of the lease. Rejects with the error of the store. */
  beat(): Promise<void>
  /** Beats while the run is held; the result releases it. */
  hold(run: HeldRun): () => void
  /** Reports progress of a held run to other processes; the latest of each run is written at most once a second. */
  report(id: string, progress: RunProgress): void
  /**
   * Removes the beat, which frees the runs of the worker at once; while a run is held, as soon as that is released. Rejects with
   * the error of the store.
   */
  retire(): Promise<void>
}

const REPORT_MS = 1000

/** Creates the lease of a worker. It uses the store only while a run is held. */
export function workerLease(options: {
  readonly worker: string
  readonly store: RunStore
  readonly clock: Clock
  readonly leaseMs: number
  /** Whether upstreams call back, so that runs are often woken: these wakes are searched for once a second, not once a beat. */
  readonly hasWebhooks?: boolean | undefined
}): WorkerLease {
  const { worker, store, clock, leaseMs, hasWebhooks = false } = options
  const held = new Set<HeldRun>()
  const reports = new Map<string, RunProgress>()
  let row = 0
  let lastBeatAt = Number.NEGATIVE_INFINITY
  let beating: { readonly startedAt: number; readonly done: Promise<void> } | undefined
  let nextBeat: QueuedTimer | undefined
  let nextReport: QueuedTimer | undefined
  let isRetiring = false
  const wakes = storedWakes({ store, clock, held })

  const retire = async () => {
    isRetiring = true
    if (held.size > 0) return
    // A late beat would revive the worker.
    await beating?.done.catch(ignored)
    if (lastBeatAt > Number.NEGATIVE_INFINITY) await store.retire(worker)
  }
  const beatNow = async () => {
    const startedAt = clock.monotonic()
    await store.heartbeat(worker, leaseMs)
    // At the end of the call: the beat may have reached the store after the previous one had expired.
    if (clock.monotonic() >= lastBeatAt + leaseMs) row += 1
    lastBeatAt = Math.max(lastBeatAt, startedAt)
  }
  // One at a time, unless it takes so long that the lease would expire.
  const beatOnce = () => {
    const startedAt = clock.monotonic()
    if (beating && startedAt < beating.startedAt + leaseMs / 3) return beating.done
    const done = beatNow().finally(() => {
      if (beating?.done === done) beating = undefined
    })
    beating = { startedAt, done }
    return done
  }
  const compareVersions = async () => {
    const runs = [...held]
    const versions = await versionsOf(
      store,
      runs.map(({ id }) => id),
    )
    for (const [index, run] of runs.entries()) {
      if (held.has(run) && versions[index] !== run.version) run.onOtherVersion()
    }
  }
  const keepBeating = (ms: number) => {
    nextBeat = startTimer(clock, ms, () => {
      // A store that is down misses beats: a run without a job does not submit without a beat, other runs continue. A store that
      // hangs must not delay the next beat.
      const beat = beatOnce().then(compareVersions)
      beat.then(hasWebhooks ? undefined : wakes.search).catch(ignored)
      keepBeating(leaseMs / 3)
    })
  }
  const flushReports = () => {
    const entries: RunReport[] = [...reports].map(([id, progress]) => ({ id, progress }))
    reports.clear()
    store.report?.(worker, entries).catch(ignored)
  }

  return {
    worker,
    get row() {
      return row
    },
    isFresh: () => clock.monotonic() < lastBeatAt + leaseMs,
    beatAgeMs: () => (lastBeatAt === Number.NEGATIVE_INFINITY ? undefined : clock.monotonic() - lastBeatAt),
    beat: async () => {
      if (clock.monotonic() >= lastBeatAt + leaseMs / 3) await beatOnce()
    },
    hold(run) {
      if (held.size === 0) {
        // The first beat may be due already, because opening the run takes time.
        keepBeating(Math.min(leaseMs / 3, Math.max(0, lastBeatAt + leaseMs / 3 - clock.monotonic())))
        if (hasWebhooks) wakes.start()
      }
      held.add(run)
      return () => {
        if (!held.delete(run)) return
        reports.delete(run.id)
        if (held.size > 0) return
        nextBeat?.stop()
        nextReport?.stop()
        wakes.stop()
        reports.clear()
        if (isRetiring) retire().catch(ignored)
      }
    },
    retire,
    report(id, progress) {
      if (store.report === undefined || held.size === 0) return
      // The next report of the run replaces one that could not be written.
      if (reports.size === 0) nextReport = startTimer(clock, REPORT_MS, flushReports)
      reports.set(id, progress)
    },
  }
}

// Without `versions` each run is loaded; a run that cannot be read must not hide the others.
function versionsOf(store: RunStore, ids: readonly string[]): Promise<readonly (number | undefined)[]> {
  if (store.versions) return store.versions(ids)
  const versionOf = async (id: string) => (await store.load(id))?.version
  return Promise.all(ids.map((id) => versionOf(id).catch(ignored)))
}

function ignored(): undefined {}
