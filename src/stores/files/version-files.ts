import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { codeOfFailure } from '../state-failure.js'
import { attemptedName, writeExclusively } from './exclusive-file.js'

// The newest version and those before it that stay.
const KEPT = 4
const SWEPT_AFTER_MS = 3_600_000

/** The versions of a run that a directory holds, in order; empty when there is no such directory. */
export async function versionsIn(directory: string): Promise<readonly number[]> {
  return versionsOf(await namesIn(directory))
}

/** The names in a directory; none when there is no such directory. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

/** Where a version is. */
export function versionPath(directory: string, version: number): string {
  return join(directory, `${version}.json`)
}

/** The text of a version; `undefined` when it is not there, or not any more. */
export async function readVersion(directory: string, version: number): Promise<string | undefined> {
  try {
    return await readFile(versionPath(directory, version), 'utf8')
  } catch (error) {
    if (codeOfFailure(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Adds the version after the newest: a compare-and-set without a lock, so that there is none for a dead process to hold. Resolves
 * to `false`, and changes nothing, when `version` is not the one after the newest.
 *
 * Why one process gets a version and no other, however long any of them sleeps in between:
 * - Each version is a file of its own, and one process gets its name. The newest is never removed, so it never goes back.
 * - Who tries to get a name can be seen trying, by a temporary file, before it looks whether that name comes next.
 * - Who removes an old version has saved a later one, and then seen nobody try to get the old one's name. Whoever tries after
 *   that sees the later one, and gives up. So a name that was taken once is never free for anybody who tries to get it.
 *
 * A directory holds a handful of names, which an operating system lists in one go.
 */
export async function appendVersion(directory: string, version: number, text: string): Promise<boolean> {
  const isNext = async () => newestOf(await versionsIn(directory)) === version - 1
  if (!(await writeExclusively(versionPath(directory, version), text, isNext))) return false
  await sweep(directory, version - KEPT).catch(() => undefined) // The version is saved; the next save sweeps again.
  return true
}

/** The newest of versions in order; 0 when there is none. */
export function newestOf(versions: readonly number[]): number {
  return versions.at(-1) ?? 0
}

async function sweep(directory: string, last: number): Promise<void> {
  const names = await namesIn(directory)
  const attempted = new Set(names.map(attemptedName))
  for (const version of versionsOf(names)) {
    const path = versionPath(directory, version)
    if (version <= last && !attempted.has(basename(path))) await rm(path, { force: true })
  }
  for (const name of names) {
    if (attemptedName(name) === undefined) continue
    const path = join(directory, name)
    // The living need seconds; one that slept through this finds its file gone, and fails to save.
    if ((await stat(path)).mtimeMs < Date.now() - SWEPT_AFTER_MS) await rm(path, { force: true })
  }
}

function versionsOf(names: readonly string[]): readonly number[] {
  return names
    .flatMap((name) => /^([1-9]\d{0,15})\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}
