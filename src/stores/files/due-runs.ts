import type { RunStore } from '../../contracts/run-store.js'
import { isEnded, markEnded } from './ended-markers.js'
import { type FilePlaces, runFolder } from './file-places.js'
import type { SeenRun, SeenRuns } from './seen-runs.js'
import { namesIn } from './version-files.js'
import { readBeat } from './worker-beats.js'

/** Implements `RunStore.due`. Reads only the folders of runs that are not marked as ended, and marks those that have ended. */
export async function dueRuns(
  places: FilePlaces,
  seen: SeenRuns,
  [before, limit, { after, isFree = false }]: Required<Parameters<RunStore['due']>>,
): Promise<readonly string[]> {
  // The markers first: a run that is opened after that is missed only by this call.
  const marked = new Set(await namesIn(places.ended))
  const runs = await seen.lookInto(await seen.folders(marked))
  for (const run of runs) {
    // Ended by a process of version 0.1.0, or by one that died before it marked the run. The next call tries again.
    if (isEnded(run)) await markEnded(places, runFolder(places, run.id)).catch(() => undefined)
  }
  const running = runs.filter(({ status, removal }) => status === 'running' && removal === undefined)
  const last = after === undefined ? undefined : running.find(({ id }) => id === after)
  if (after !== undefined && last === undefined) return []
  const due = running
    .filter(({ wakeAt }) => wakeAt <= before)
    .filter((run) => last === undefined || byWake(run, last) > 0)
    .sort(byWake)
  const free = isFree ? await withoutBeat(places, due) : due
  return free.slice(0, limit).map(({ id }) => id)
}

async function withoutBeat(places: FilePlaces, runs: readonly SeenRun[]): Promise<readonly SeenRun[]> {
  const workers = new Set(runs.map(({ worker }) => worker))
  const beats = await Promise.all([...workers].map(async (worker) => [worker, await readBeat(places, worker)] as const))
  const alive = new Set(beats.filter(([, beat]) => beat?.isExpired === false).map(([worker]) => worker))
  return runs.filter(({ worker }) => !alive.has(worker))
}

function byWake(a: SeenRun, b: SeenRun): number {
  if (a.wakeAt !== b.wakeAt) return a.wakeAt - b.wakeAt
  if (a.id === b.id) return 0
  return a.id < b.id ? -1 : 1
}
