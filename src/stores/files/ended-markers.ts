import { mkdir, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { StoredRun } from '../../contracts/run-store.js'
import { attemptedName, syncDirectory, temporaryPath } from './exclusive-file.js'
import type { FilePlaces } from './file-places.js'
import { unlessMissing } from './replaced-file.js'
import { readStoredText } from './stored-text.js'
import { namesIn, newestOf, readVersion, versionPath } from './version-files.js'

// Markers let `due` skip ended runs. A missing marker costs a read. A marker that hides a running run would lose the run, so a
// marker is never written over a save that opens the run again, however long a process sleeps in between:
// - A process that marks puts a pending marker into the folder of the run, then lists the folder, and gives up unless the version that
//   ended is the newest and no process tries to save a later one. Then it moves the pending marker to its place.
// - A process that opens a run is visible by its attempt to save, then lists the folder, removes the pending markers in it and then the
//   marker, and saves after that. A pending marker that its list does not show is followed by a list that shows its attempt.

const PENDING = 'ended'

/** Whether a run has ended. */
export function isEnded({ status }: Pick<StoredRun, 'status'>): boolean {
  return status === 'completed' || status === 'failed'
}

/** Marks a run as ended when its newest version is. */
export async function markEnded({ ended }: FilePlaces, folder: string): Promise<void> {
  const pending = temporaryPath(join(folder, PENDING))
  try {
    await writeFile(pending, '', { flag: 'wx', mode: 0o600 })
    const names = await namesIn(folder)
    const newest = newestOf(names)
    const isSaved = names.some((name) => attemptedName(name) === basename(versionPath('', newest + 1)))
    // The folder is another one if the run was forgotten and created again meanwhile.
    if (isSaved || !names.includes(basename(pending))) return
    const run = readStoredText((await readVersion(folder, newest)) ?? '')
    if (run === undefined || run.removal !== undefined || !isEnded(run.state)) return
    await mkdir(ended, { recursive: true, mode: 0o700 })
    // It is missing if the run was opened or forgotten meanwhile.
    await unlessMissing(() => rename(pending, join(ended, basename(folder))))
  } finally {
    await rm(pending, { force: true })
  }
}

/**
 * Removes the marker of a run that is about to be opened, or removed, which frees its name for another run. `names` must be
 * listed after the attempt is visible.
 */
export async function unmarkEnded({ ended }: FilePlaces, folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) if (attemptedName(name) === PENDING) await rm(join(folder, name), { force: true })
  const removed = await unlessMissing(async () => {
    await unlink(join(ended, basename(folder)))
    return true
  })
  // A power cut must not restore the marker once the run is saved.
  if (removed) await syncDirectory(ended)
}
