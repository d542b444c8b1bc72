import { FencedError, RunStateError } from '../../contracts/run-errors.js'
import type { LoadedRun, StoredRun } from '../../contracts/run-store.js'
import { codeOfFailure } from '../state-failure.js'
import { isEnded, markEnded, unmarkEnded } from './ended-markers.js'
import { makeDirectory } from './exclusive-file.js'
import { type FilePlaces, runFolder } from './file-places.js'
import { finishRemoval } from './removed-runs.js'
import { readRescheduled, writeRescheduled } from './rescheduled.js'
import { readStoredText } from './stored-text.js'
import { appendVersion, namesIn, newestOf, readVersion, versionPath } from './version-files.js'

/** Saves the first version of a run. Resolves to `false` when the id exists. */
export async function createRun(places: FilePlaces, id: string, text: string, state: StoredRun): Promise<boolean> {
  const folder = runFolder(places, id)
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeDirectory(folder)
      if (await append(places, folder, { version: 1, text, state })) return true
      if (!(await finishRemoval(places, folder))) return false
    } catch (error) {
      // Another process has just moved away the folder of a forgotten run with this id.
      if (codeOfFailure(error) !== 'ENOENT' || attempt === 9) throw error
    }
  }
}

/** Saves the next version of a run. */
export async function saveRun(
  places: FilePlaces,
  id: string,
  version: number,
  text: string,
  state: StoredRun,
): Promise<number> {
  const folder = runFolder(places, id)
  if (newestOf(await namesIn(folder)) === 0) {
    throw new RunStateError(`Could not save the run, the store does not know it: ${id}`)
  }
  if (await append(places, folder, { version: version + 1, text, state })) return version + 1
  throw new FencedError(`Could not save the run, version ${version} is not the newest: ${id}`)
}

/** The newest version of a run with its reschedule. */
export async function loadRun(
  places: FilePlaces,
  id: string,
): Promise<Pick<LoadedRun, 'version' | 'state' | 'readings'> | undefined> {
  const folder = runFolder(places, id)
  for (;;) {
    const names = await namesIn(folder)
    const version = newestOf(names)
    if (version === 0) return undefined
    const text = await readRun(folder, version)
    // Newer versions may have replaced this one meanwhile.
    if (text === undefined) continue
    const run = readStoredText(text)
    if (run === undefined) {
      const path = versionPath(folder, version)
      const reason = `a broken file at ${path}`
      throw new RunStateError(`Could not read the run, its file is broken: ${path}; restore it from a backup`, {
        reason,
      })
    }
    if (run.removal !== undefined) return undefined
    const rescheduled = await readRescheduled(folder, version, names)
    if (rescheduled === undefined) return { version, state: run.state }
    return { version, state: { ...run.state, wakeAt: rescheduled.wakeAt }, readings: rescheduled.readings }
  }
}

/** Reschedules a version of a run. */
export async function rescheduleRun(
  places: FilePlaces,
  id: string,
  version: number,
  ...[wakeAt, readings]: [number, NonNullable<LoadedRun['readings']>]
): Promise<void> {
  const folder = runFolder(places, id)
  const stale = (cause?: unknown) =>
    new FencedError(`Could not reschedule the run, version ${version} is not the newest: ${id}`, { cause })
  const newest = newestOf(await namesIn(folder))
  if (newest === 0 || newest !== version) throw stale()
  try {
    await writeRescheduled(folder, version, { wakeAt, readings })
  } catch (error) {
    if (codeOfFailure(error) === 'ENOENT') throw stale(error)
    throw error
  }
}

async function append(
  places: FilePlaces,
  folder: string,
  { version, text, state }: { readonly version: number; readonly text: string; readonly state: StoredRun },
): Promise<boolean> {
  const prepare = async (names: readonly string[]) => {
    if (!isEnded(state)) await unmarkEnded(places, folder, names)
    return true
  }
  // Earlier versions hold the erased input.
  const kept = state.erasedAt === undefined ? {} : { kept: 1 }
  if (!(await appendVersion(folder, version, text, { prepare, ...kept }))) return false
  // The run is saved; if this fails, `due` marks it.
  if (isEnded(state)) await markEnded(places, folder).catch(() => undefined)
  return true
}

async function readRun(folder: string, version: number): Promise<string | undefined> {
  try {
    return await readVersion(folder, version)
  } catch (error) {
    const code = codeOfFailure(error)
    if (code !== 'EACCES' && code !== 'EISDIR' && code !== 'EPERM') throw error
    const path = versionPath(folder, version)
    const reason = `${code} at ${path}`
    throw new RunStateError(`Could not read the run, ${code} of its file: ${path}`, { cause: error, reason })
  }
}
