import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isRetainedAt, RETAINED_MS, retainedRun } from '../../contracts/retained-run.js'
import type { PruneQuery } from '../../contracts/run-store.js'
import { type ClaimSweep, releaseClaims } from './claim-files.js'
import { isEnded } from './ended-markers.js'
import { writeOver } from './exclusive-file.js'
import { fileNameOf } from './file-name-of.js'
import { type FilePlaces, runFolder } from './file-places.js'
import { dropMedia, sweepMedia } from './media-files.js'
import { finishRemoval, removeRun, sweepRemoved } from './removed-runs.js'
import { unlessMissing } from './replaced-file.js'
import { removeRescheduled } from './rescheduled.js'
import type { SeenRun, SeenRuns } from './seen-runs.js'
import { readStoredText, type StoredText, toStoredText } from './stored-text.js'
import { namesIn, newestOf, readVersion, sweepVersions, versionPath } from './version-files.js'
import { sweepBeats } from './worker-beats.js'
import { sweepProgress } from './worker-progress.js'

// Number of runs that are forgotten concurrently: each waits for a few flushes.
const AT_ONCE = 16

/** Forgets runs that ended before an instant, and removes their unshared data. Resolves to the number of runs. */
export async function forgetRuns(
  places: FilePlaces,
  seen: SeenRuns,
  sweepClaims: ClaimSweep,
  query: PruneQuery,
): Promise<number> {
  const runs = await seen.lookInto(await seen.folders())
  const ended = runs.filter(isEnded)
  const outcomes: PromiseSettledResult<boolean>[] = []
  for (let from = 0; from < ended.length; from += AT_ONCE) {
    const some = ended.slice(from, from + AT_ONCE)
    outcomes.push(...(await Promise.allSettled(some.map((run) => forgetRun(places, run, query)))))
  }
  await sweepClaims(places, query.now - RETAINED_MS, (id) => isForgotten(seen, runFolder(places, id)))
  await sweepMarkers(places, seen, runs)
  await sweepRemoved(places)
  await sweepMedia(places)
  await sweepBeats(places)
  await sweepProgress(places, seen)
  // A run that cannot be removed does not delay the others.
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
}

/** Whether the run of a folder was forgotten or never existed. */
export async function isForgotten(seen: SeenRuns, folder: string): Promise<boolean> {
  const run = await seen.look(folder)
  return run?.forgottenAt !== undefined || run === undefined
}

// Whether the run counts as forgotten by this call: retained runs are removed without being counted again.
async function forgetRun(places: FilePlaces, seen: SeenRun, { endedBefore, now }: PruneQuery): Promise<boolean> {
  const folder = runFolder(places, seen.id)
  if (seen.removal !== undefined) await finishRemoval(places, folder)
  const isOld = seen.forgottenAt !== undefined || (seen.endedAt ?? 0) < endedBefore
  if (seen.removal !== undefined || !isOld) return false
  const fits = ({ state, forgottenAt, removal }: StoredText) => {
    if (!isEnded(state) || removal !== undefined) return false
    return forgottenAt === undefined ? (state.endedAt ?? 0) < endedBefore : !isRetainedAt(state, now)
  }
  const version = newestOf(await namesIn(folder))
  const text = (await readVersion(folder, version)) ?? ''
  const run = readStoredText(text)
  if (run === undefined || !fits(run)) return false
  if (run.forgottenAt === undefined && isRetainedAt(run.state, now)) {
    return retain(places, folder, { version, text, run, now })
  }
  return (await removeRun(places, folder, version, { now, fits })) && run.forgottenAt === undefined
}

// The version stays and gets another text, so a process can still save over it. If another process saves a later version
// meanwhile, that one counts, and only an older text has changed. Another process may also remove the whole run.
async function retain(
  places: FilePlaces,
  folder: string,
  found: { readonly version: number; readonly text: string; readonly run: StoredText; readonly now: number },
): Promise<boolean> {
  const { version, text, run, now } = found
  const isWanted = async () => {
    // While the temporary file exists, because the folder may belong to a later run.
    const names = await namesIn(folder)
    if (newestOf(names) !== version || (await readVersion(folder, version)) !== text) return false
    // Before the text marks the run as forgotten, so that an interrupted removal is repeated. The older versions hold the prompt.
    await dropMedia(places, folder, names)
    await sweepVersions(folder, 1)
    // If it belongs to a later run after all, that only costs time.
    await removeRescheduled(folder, version)
    return true
  }
  await releaseClaims(places, folder, { runId: run.id, at: now })
  const retained = toStoredText({ id: run.id, state: retainedRun(run.state), forgottenAt: now })
  return (await unlessMissing(() => writeOver(versionPath(folder, version), retained, isWanted))) === true
}

// Markers of runs whose folder was removed by hand, or that version 0.1.0 opened again. A missing marker costs a read.
async function sweepMarkers({ ended }: FilePlaces, seen: SeenRuns, runs: readonly SeenRun[]): Promise<void> {
  const marked = await namesIn(ended)
  const known = new Set((await seen.folders()).map((folder) => basename(folder)))
  for (const run of runs) if (!isEnded(run)) known.delete(fileNameOf(run.id))
  for (const name of marked) if (!known.has(name)) await rm(join(ended, name), { force: true })
}
