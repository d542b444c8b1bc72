import type { Clock } from '../../contracts/clock.js'
import type { RunReport, RunStore } from '../../contracts/run-store.js'
import type { RunProgress } from '../state/run-state.js'

/** A run that a worker holds. */
export interface HeldRun {
  readonly id: string
  /** The version that this process saved or loaded last. */
  readonly version: number
  /** The store has another version: another process may have saved. */
  onOtherVersion(): void
}

/** The sign of life of one worker, for all the runs that it holds, and what it reports of them. */
export interface WorkerLease {
  readonly worker: string
  /**
   * Counts the unbroken rows of beats. After a gap as long as the lease another process may have taken runs over, so that what was held
   * before has to be held again.
   */
  readonly row: number
  /** Whether the last beat still lasts, by the monotonic clock. */
  isFresh(): boolean
  /** Sees to it that the last beat is younger than a third of the lease. Rejects with what the store rejects with. */
  beat(): Promise<void>
  /** Beats while the run is held; the result lets go of it. */
  hold(run: HeldRun): () => void
  /** Progress of a held run, for other processes; the latest of each run is written at most once a second. */
  report(id: string, progress: RunProgress): void
  /**
   * Removes the beat, so that what the worker held is free at once; while a run is held, when that one is let go of. Rejects with what
   * the store rejects with.
   */
  retire(): Promise<void>
}

const REPORT_MS = 1000
// Nothing reads it: an error with its stack would be for nothing.
const OVER = 'over'

/** Makes the lease of a worker. It touches the store only while a run is held. */
export function workerLease(options: {
  readonly worker: string
  readonly store: RunStore
  readonly clock: Clock
  readonly leaseMs: number
}): WorkerLease {
  const { worker, store, clock, leaseMs } = options
  const held = new Set<HeldRun>()
  const reports = new Map<string, RunProgress>()
  let row = 0
  let lastBeatAt = Number.NEGATIVE_INFINITY
  let beating: { readonly startedAt: number; readonly done: Promise<void> } | undefined
  let stop = new AbortController()
  let isRetiring = false

  const retire = async () => {
    isRetiring = true
    if (held.size > 0) return
    // One that lands later would bring the worker back.
    await beating?.done.catch(ignored)
    if (lastBeatAt > Number.NEGATIVE_INFINITY) await store.retire(worker)
  }
  const beatNow = async () => {
    const startedAt = clock.monotonic()
    await store.heartbeat(worker, leaseMs)
    // By its end: the beat may have reached the store after the one before had expired.
    if (clock.monotonic() >= lastBeatAt + leaseMs) row += 1
    lastBeatAt = Math.max(lastBeatAt, startedAt)
  }
  // One at a time, unless it takes so long that the lease would end with it.
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
  const keepBeating = async (signal: AbortSignal) => {
    // The first may be due already: the run may have taken its time to open.
    await clock.sleep(Math.min(leaseMs / 3, Math.max(0, lastBeatAt + leaseMs / 3 - clock.monotonic())), { signal })
    for (; !signal.aborted; await clock.sleep(leaseMs / 3, { signal })) {
      // A store that is down costs beats: a run that has no job yet does not submit without one, the others continue. One that hangs
      // must not keep the next beat waiting.
      beatOnce().then(compareVersions).catch(ignored)
    }
  }
  const flushReports = async (signal: AbortSignal) => {
    await clock.sleep(REPORT_MS, { signal })
    const entries: RunReport[] = [...reports].map(([id, progress]) => ({ id, progress }))
    reports.clear()
    await store.report?.(worker, entries)
  }

  return {
    worker,
    get row() {
      return row
    },
    isFresh: () => clock.monotonic() < lastBeatAt + leaseMs,
    beat: async () => {
      if (clock.monotonic() >= lastBeatAt + leaseMs / 3) await beatOnce()
    },
    hold(run) {
      if (held.size === 0) {
        stop = new AbortController()
        keepBeating(stop.signal).catch(ignored)
      }
      held.add(run)
      return () => {
        if (!held.delete(run)) return
        reports.delete(run.id)
        if (held.size > 0) return
        stop.abort(OVER)
        reports.clear()
        if (isRetiring) retire().catch(ignored)
      }
    },
    retire,
    report(id, progress) {
      if (store.report === undefined || held.size === 0) return
      // What could not be written is overtaken by the next report of its run.
      if (reports.size === 0) flushReports(stop.signal).catch(ignored)
      reports.set(id, progress)
    },
  }
}

// A store without `versions` is asked for each run; one that cannot be read must not hide the others.
function versionsOf(store: RunStore, ids: readonly string[]): Promise<readonly (number | undefined)[]> {
  if (store.versions) return store.versions(ids)
  const versionOf = async (id: string) => (await store.load(id))?.version
  return Promise.all(ids.map((id) => versionOf(id).catch(ignored)))
}

function ignored(): undefined {}
