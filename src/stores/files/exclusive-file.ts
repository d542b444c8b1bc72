import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { codeOfFailure } from '../state-failure.js'

/**
 * Writes a new file. It appears under its name complete and flushed to the disk, or it does not appear: a hard link, unlike a
 * rename, never replaces a file, so only one of many processes gets the name. Resolves to `false`, and changes nothing, when the
 * name is taken. A process that dies in between leaves at most a temporary file; {@link attemptedName} returns its target name.
 *
 * @param isWanted - Called when the attempt is visible to other processes, and before the name is taken.
 */
export async function writeExclusively(
  path: string,
  content: string | Uint8Array,
  isWanted = async () => true,
): Promise<boolean> {
  return throughTemporary(path, content, isWanted, link)
}

/** Like {@link writeExclusively}, but replaces an existing file. */
export async function writeOver(path: string, content: string, isWanted: () => Promise<boolean>): Promise<boolean> {
  return throughTemporary(path, content, isWanted, rename)
}

async function throughTemporary(
  path: string,
  content: string | Uint8Array,
  isWanted: () => Promise<boolean>,
  take: (from: string, to: string) => Promise<void>,
): Promise<boolean> {
  const temporary = temporaryPath(path)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(content)
      // Before the name: a name on the disk must never refer to bytes that are not.
      await file.sync()
    } finally {
      await file.close()
    }
    if (!(await isWanted())) return false
    await take(temporary, path)
  } catch (error) {
    if (codeOfFailure(error) === 'EEXIST') return false
    throw error
  } finally {
    // A failure to remove it does not affect the name; it is swept later.
    await rm(temporary, { force: true }).catch(() => undefined)
  }
  await syncDirectory(dirname(path)).catch((error: unknown) => {
    // The name was taken; what has removed its directory since then came later, such as the pruning of a run that has ended.
    if (codeOfFailure(error) !== 'ENOENT') throw error
  })
  return true
}

/** A path beside another one that no other process uses. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
}

/** The target name of a temporary file; `undefined` for any other file. */
export function attemptedName(name: string): string | undefined {
  return /^\.(.+)\.[0-9a-f-]{36}\.tmp$/.exec(name)?.[1]
}

/** Creates a directory that only its owner can read, with its parents, and flushes its name to the disk. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  await syncDirectory(dirname(path))
  if (first === undefined) return
  for (let made = dirname(path); made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
}

/** Flushes the names in a directory to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open directories, and keeps names in its own journal.
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
