import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ListedRun } from '../../contracts/list-runs.js'
import type { StoredRun } from '../../contracts/run-store.js'
import { codeOfFailure } from '../state-failure.js'
import { textOfFileName } from './file-name-of.js'
import { unlessMissing } from './replaced-file.js'
import { readRescheduled } from './rescheduled.js'
import { idInText, readStoredText, type StoredText } from './stored-text.js'
import { namesIn, readVersion, versionPath, versionsOf } from './version-files.js'

// Number of folders that are read concurrently.
const AT_ONCE = 32

/** Fields of a run without its state. */
export interface SeenRun
  extends ListedRun,
    Pick<StoredRun, 'status' | 'wakeAt' | 'worker' | 'endedAt' | 'isCallerId'>,
    Pick<StoredText, 'forgottenAt' | 'removal'> {
  readonly version: number
}

/** The runs of a store; each version is read once. */
export interface SeenRuns {
  /** The folders of all runs, and any other entries; without some names. */
  folders(without?: ReadonlySet<string>): Promise<readonly string[]>
  /** The run in a folder; `undefined` if there is none, or its id cannot be read. A forgotten run has a `removal`. */
  look(folder: string): Promise<SeenRun | undefined>
  /** Reads many folders, and returns the result of each, in order. */
  lookIntoEach(folders: readonly string[]): Promise<readonly (SeenRun | undefined)[]>
  /** Reads many folders, and returns the runs in them. */
  lookInto(folders: readonly string[]): Promise<readonly SeenRun[]>
}

/** Creates the list for a directory, without reading a run. */
export function seenRuns(runs: string): SeenRuns {
  const cache = new Map<string, { readonly key: string; readonly run: SeenRun | undefined }>()
  const look = async (folder: string): Promise<SeenRun | undefined> => {
    for (;;) {
      const names = await namesIn(folder)
      const versions = versionsOf(names)
      const newest = versions.at(-1) ?? 0
      const file = newest === 0 ? undefined : await unlessMissing(() => stat(versionPath(folder, newest)))
      if (file === undefined) {
        cache.delete(basename(folder))
        if (newest === 0) return undefined
        continue // Newer versions may have replaced this one meanwhile.
      }
      // The version number repeats when a run is forgotten and created again; the file does not.
      const key = `${newest} ${file.ino} ${file.mtimeMs}`
      const known = cache.get(basename(folder))
      const run = known?.key === key ? known.run : await seenIn(folder, versions)
      cache.set(basename(folder), { key, run })
      const rescheduled = run && (await readRescheduled(folder, newest, names))
      return rescheduled ? { ...run, wakeAt: rescheduled.wakeAt } : run
    }
  }
  // Forgotten runs are not read again.
  const keepOnly = (names: ReadonlySet<string>) => {
    for (const name of cache.keys()) if (!names.has(name)) cache.delete(name)
  }
  const lookIntoEach = async (folders: readonly string[]) => {
    const found: (SeenRun | undefined)[] = []
    for (let from = 0; from < folders.length; from += AT_ONCE) {
      found.push(...(await Promise.all(folders.slice(from, from + AT_ONCE).map(look))))
    }
    return found
  }
  return {
    async folders(without) {
      const names = await namesIn(runs)
      if (cache.size > names.length) keepOnly(new Set(names))
      return names.filter((name) => !without?.has(name)).map((name) => join(runs, name))
    },
    look,
    lookIntoEach,
    lookInto: async (folders) => (await lookIntoEach(folders)).filter((run) => run !== undefined),
  }
}

// By the newest version. If that cannot be read, the run counts as due, so that loading it reports the file.
async function seenIn(folder: string, versions: readonly number[]): Promise<SeenRun | undefined> {
  const newest = versions.at(-1) as number
  let id: string | undefined
  for (const version of versions.toReversed()) {
    const text = await readUnlessBroken(folder, version)
    const run = readStoredText(text)
    id ??= run?.id ?? idInText(text)
    if (run === undefined) continue
    const { status, wakeAt, worker, startedAt, endedAt, owner, removedAt, isCallerId } = run.state
    const { forgottenAt, removal } = run
    const fields = { id: run.id, version: newest, wakeAt, startedAt, owner, removedAt }
    if (version !== newest) return { ...fields, status: 'running' }
    return { ...fields, status, worker, endedAt, isCallerId, forgottenAt, removal }
  }
  id ??= textOfFileName(basename(folder))
  return id === undefined ? undefined : { id, version: newest, status: 'running', wakeAt: 0 }
}

async function readUnlessBroken(folder: string, version: number): Promise<string> {
  try {
    return (await readVersion(folder, version)) ?? ''
  } catch (error) {
    // A problem of one file must not hide the other runs; a failing disk must be reported.
    if (['EACCES', 'EISDIR', 'EPERM'].includes(codeOfFailure(error) ?? '')) return ''
    throw error
  }
}
