import { join } from 'node:path'
import type { JsonObject } from '../../contracts/json.js'
import type { RunReport } from '../../contracts/run-store.js'
import { fileNameOf } from './file-name-of.js'
import { type FilePlaces, runFolder } from './file-places.js'
import { readObject, replaceFileIn } from './replaced-file.js'
import type { SeenRuns } from './seen-runs.js'
import { namesIn, sweepLeft } from './version-files.js'

/** Writes the reports of a worker into one file, together with its earlier reports of runs that are still running. */
export async function writeProgress(
  places: FilePlaces,
  seen: SeenRuns,
  worker: string,
  entries: readonly RunReport[],
): Promise<void> {
  const path = progressPath(places, worker)
  const merged = new Map([...(await readEntries(path)), ...entries.map(({ id, progress }) => [id, progress] as const)])
  const running = await idsRunning(places, seen, [...merged.keys()])
  const runs = [...merged].filter(([id]) => running.has(id)).map(([id, progress]) => ({ id, progress }))
  await replaceFileIn(path, `${JSON.stringify({ worker, runs })}\n`)
}

/** The last report of a worker about a run. */
export async function readProgress(places: FilePlaces, worker: unknown, id: string): Promise<JsonObject | undefined> {
  return typeof worker !== 'string' ? undefined : new Map(await readEntries(progressPath(places, worker))).get(id)
}

/** Removes the reports of workers that have been silent for an hour and have no running run. */
export async function sweepProgress(places: FilePlaces, seen: SeenRuns): Promise<void> {
  for (const name of await namesIn(places.progress)) {
    const path = join(places.progress, name)
    const ids = (await readEntries(path)).map(([id]) => id)
    if ((await idsRunning(places, seen, ids)).size === 0) await sweepLeft(path)
  }
}

async function readEntries(path: string): Promise<readonly (readonly [string, JsonObject])[]> {
  const { runs } = Object(await readObject(path)) as { runs?: readonly RunReport[] }
  return Array.isArray(runs) ? runs.map(({ id, progress }: RunReport) => [id, progress]) : []
}

async function idsRunning(places: FilePlaces, seen: SeenRuns, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const runs = await seen.lookInto(ids.map((id) => runFolder(places, id)))
  return new Set(runs.filter(({ status }) => status === 'running').map(({ id }) => id))
}

function progressPath({ progress }: FilePlaces, worker: string): string {
  return join(progress, `${fileNameOf(worker)}.json`)
}
