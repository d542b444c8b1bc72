import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { attemptedName, writeExclusively } from './exclusive-file.js'
import { readIfPresent, unlessMissing } from './replaced-file.js'

// Number of versions that stay, the newest included.
const KEPT = 4
/** Age at which leftovers count as those of a dead process, in milliseconds: live processes need seconds. */
export const SWEPT_AFTER_MS = 3_600_000

/** The names in a directory; empty if the directory is missing. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  return (await unlessMissing(() => readdir(directory))) ?? []
}

/** The versions among the names in the folder of a run, in order. */
export function versionsOf(names: readonly string[]): readonly number[] {
  return names
    .flatMap((name) => /^([1-9]\d{0,15})\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

/** The newest version among the names in the folder of a run; 0 without a version. */
export function newestOf(names: readonly string[]): number {
  return versionsOf(names).at(-1) ?? 0
}

/** Path of a version. */
export function versionPath(directory: string, version: number): string {
  return join(directory, `${version}.json`)
}

/** The text of a version; `undefined` if it does not exist, or was removed. */
export async function readVersion(directory: string, version: number): Promise<string | undefined> {
  return readIfPresent(versionPath(directory, version))
}

/** How a version is added. */
export interface VersionOptions {
  /**
   * Called with the names in the directory when the attempt is visible and in time, before the name is taken; `false` cancels the
   * attempt.
   */
  readonly prepare?: (names: readonly string[]) => Promise<boolean>
  /** How many of the newest versions stay, from 1; 4 by default. */
  readonly kept?: number
}

/**
 * Adds the version after the newest: a compare-and-set without a lock, which a dead process could not release. Resolves to
 * `false`, and changes nothing, when `version` is not the one after the newest.
 *
 * Why exactly one process gets a version, however long any of them sleeps in between:
 * - Each version is a separate file, and one process gets its name. The newest is never removed, so it never goes back.
 * - A process that tries to get a name is visible by a temporary file before it checks whether that name comes next.
 * - A process that removes an old version has seen a later one, and has seen no process that tries to get the old name. A process
 *   that tries after that sees the later one, and gives up. So a name that was taken once is never free for a process that tries
 *   to get it.
 *
 * A forgotten folder is moved with its names: see removed-runs.ts. A directory holds a few names, which an operating system lists
 * in one call.
 *
 */
export async function appendVersion(
  directory: string,
  version: number,
  text: string,
  { prepare = async () => true, kept = KEPT }: VersionOptions = {},
): Promise<boolean> {
  const isNext = async () => {
    const names = await namesIn(directory)
    return newestOf(names) === version - 1 && (await prepare(names))
  }
  if (!(await writeExclusively(versionPath(directory, version), text, isNext))) return false
  await sweepVersions(directory, kept).catch((error: unknown) => {
    // The version is saved, and the next save sweeps again; but erased input must not stay.
    if (kept < KEPT) throw error
  })
  return true
}

/**
 * Removes all versions but the newest ones, reschedules of older ones, and leftovers of dead processes.
 *
 * Names repeat when a run is forgotten and created again, and this process may have slept meanwhile. So a file is moved into a
 * bin, a directory with a unique name beside the versions, and only by a list that includes this bin: in the folder of the later
 * run the bin is missing, and nothing is moved.
 */
export async function sweepVersions(directory: string, kept: number): Promise<void> {
  const names = await namesIn(directory)
  if (outdated(names, kept).length > 0) {
    const bin = `.swept.${randomUUID()}`
    await mkdir(join(directory, bin), { mode: 0o700 })
    const now = await namesIn(directory)
    for (const name of now.includes(bin) ? outdated(now, kept) : []) {
      const binned = join(directory, bin, name)
      await unlessMissing(() => rename(join(directory, name), binned))
      await rm(binned, { force: true })
    }
    await rmdir(join(directory, bin))
  }
  for (const name of names) {
    if (attemptedName(name) === undefined && !/^\.swept\.[0-9a-f-]{36}$/.test(name)) continue
    await sweepLeft(join(directory, name))
  }
}

/** Removes a file or directory with a unique name when its process must be dead; a process that slept finds it missing, and fails. */
export async function sweepLeft(path: string): Promise<void> {
  const left = await unlessMissing(() => stat(path))
  if (left && left.mtimeMs < Date.now() - SWEPT_AFTER_MS) await rm(path, { force: true, recursive: true })
}

function outdated(names: readonly string[], kept: number): readonly string[] {
  const newest = newestOf(names)
  const attempted = new Set(names.map(attemptedName))
  const versions = versionsOf(names)
    .filter((version) => version <= newest - kept)
    .map((version) => basename(versionPath('', version)))
    .filter((name) => !attempted.has(name))
  const wakes = names.filter((name) => Number(/^(\d{1,16})\.wake$/.exec(name)?.[1] ?? newest) < newest)
  return [...versions, ...wakes]
}
