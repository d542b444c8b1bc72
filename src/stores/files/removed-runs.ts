import { randomUUID } from 'node:crypto'
import { rename, rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { codeOfFailure } from '../state-failure.js'
import { releaseClaims } from './claim-files.js'
import { unmarkEnded } from './ended-markers.js'
import { makeDirectory } from './exclusive-file.js'
import type { FilePlaces } from './file-places.js'
import { dropMedia } from './media-files.js'
import { unlessMissing } from './replaced-file.js'
import { readStoredText, type StoredText, toStoredText } from './stored-text.js'
import { appendVersion, namesIn, newestOf, readVersion, sweepLeft } from './version-files.js'

// How the folder of a run is removed, and why that never removes a running run:
// - The last version of a run is a stone, saved by the same compare-and-set as any other. A process that opens the run at the
//   same time either has saved first, and the run stays, or is fenced. The version below is read again when the attempt is
//   visible, because the run may have been forgotten and another one created under its id while this process slept.
// - A stone names a directory in `removed/` that was created only for it, and the folder is moved into that. Any process may do
//   that, at any time: the move fails while the folder of that run is there, because a directory replaces only an empty one; and
//   it fails later, because the directory then gets another name and its own is not used again. So the folder of a later run with
//   the same id is never moved, however long a process sleeps before its move.
// - Only then are files in the folder removed, under a path that no other run ever has.

/** Removes the run in a folder if its newest version is still `version` and fits. Resolves to whether it did. */
export async function removeRun(
  places: FilePlaces,
  folder: string,
  version: number,
  query: { readonly now: number; readonly fits: (run: StoredText) => boolean },
): Promise<boolean> {
  const run = await readRun(folder, version)
  if (run === undefined) return false
  const removal = randomUUID()
  const { status, wakeAt } = run.state
  const stone = { id: run.id, state: { status, wakeAt }, forgottenAt: run.forgottenAt ?? query.now, removal }
  const directory = join(places.removed, removal)
  await makeDirectory(directory)
  const prepare = async (names: readonly string[]) => {
    const newest = await readRun(folder, version)
    if (newest === undefined || newest.id !== run.id || !query.fits(newest)) return false
    await unmarkEnded(places, folder, names)
    return true
  }
  const isGone = await unlessMissing(() => appendVersion(folder, version + 1, toStoredText(stone), { prepare }))
  if (isGone) await moveAway(places, folder, stone)
  else await unlessMissing(() => rmdir(directory)) // A sweep of another process may have removed it.
  return isGone === true
}

/** Finishes the removal of the run in a folder. Resolves to `false`, and changes nothing, unless its newest version is a stone. */
export async function finishRemoval(places: FilePlaces, folder: string): Promise<boolean> {
  const version = newestOf(await namesIn(folder))
  const run = await readRun(folder, version)
  if (run?.removal === undefined) return false
  if (await moveAway(places, folder, run)) return true
  // Another process has moved the folder, or the directory was lost in a power cut: then a new stone names a new directory.
  const fits = ({ removal }: StoredText) => removal === run.removal
  await removeRun(places, folder, version, { now: 0, fits })
  return true
}

/** Removes the leftovers of dead processes in `removed/`. */
export async function sweepRemoved(places: FilePlaces): Promise<void> {
  for (const name of await namesIn(places.removed)) {
    const path = join(places.removed, name)
    if (name.endsWith('.gone')) await clear(places, path)
    else if ((await namesIn(path)).length > 0) await clearMoved(places, path)
    // A stone that names it may be in progress; it is replaced if the directory is missing.
    else await sweepLeft(path)
  }
}

async function readRun(folder: string, version: number): Promise<StoredText | undefined> {
  return readStoredText((await readVersion(folder, version)) ?? '')
}

async function moveAway(places: FilePlaces, folder: string, stone: StoredText): Promise<boolean> {
  const { id, forgottenAt = 0, removal = '' } = stone
  await releaseClaims(places, folder, { runId: id, at: forgottenAt })
  const directory = join(places.removed, removal)
  try {
    await rename(folder, join(directory, basename(folder)))
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === 'ENOENT') return false
    // Another process has moved it, and may have died before it finished.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
  }
  await clearMoved(places, directory)
  return true
}

async function clearMoved(places: FilePlaces, directory: string): Promise<void> {
  const gone = `${directory}.gone`
  await unlessMissing(() => rename(directory, gone))
  await clear(places, gone)
}

async function clear(places: FilePlaces, gone: string): Promise<void> {
  for (const name of await namesIn(gone)) {
    const folder = join(gone, name)
    await dropMedia(places, folder, await namesIn(folder))
  }
  await rm(gone, { recursive: true, force: true })
}
