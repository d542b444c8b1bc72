import { createHash, randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOfFailure } from '../state-failure.js'
import { checkMedia } from '../store-input.js'
import { attemptedName, makeDirectory, syncDirectory, temporaryPath, writeExclusively } from './exclusive-file.js'
import type { FilePlaces } from './file-places.js'
import { unlessMissing } from './replaced-file.js'
import { namesIn, SWEPT_AFTER_MS } from './version-files.js'

// A reference is two empty files with one unique name: `references/<sha256>/<uuid>` shows that the bytes are needed, and
// `<sha256>.<uuid>.media` in the folder of the run finds it. Every put creates a new reference, so that a process that drops,
// however long it sleeps, removes only references that it has seen.
//
// Why referenced bytes are never lost: a process that puts writes the reference first, and then the bytes unless they exist. A
// process that drops moves the bytes aside first, and then puts them back if there is a reference. The second of the two always
// sees the first. If it dies in between, `findAside` finds the bytes aside.

/** Keeps bytes for the run in a folder. */
export async function putMedia(
  places: FilePlaces,
  folder: string,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: Uint8Array },
): Promise<void> {
  checkMedia(sha256, bytes)
  const name = randomUUID()
  const entry = join(folder, `${sha256}.${name}.media`)
  await writeEmpty(entry)
  await writeEmpty(join(places.references, sha256, name))
  await makeDirectory(places.media)
  const path = join(places.media, sha256)
  if ((await unlessMissing(() => stat(path))) === undefined) await writeExclusively(path, bytes)
  // The run was forgotten, or its media dropped, while this reference was written: the drop counts as later.
  if ((await unlessMissing(() => stat(entry))) === undefined) await dropReference(places, sha256, name)
}

/** Referenced bytes. */
export async function getMedia(places: FilePlaces, sha256: string): Promise<Uint8Array | undefined> {
  if (!/^[0-9a-f]{64}$/.test(sha256) || !(await isReferred(places, sha256))) return undefined
  const read = () => unlessMissing(() => readFile(join(places.media, sha256)))
  // Bytes aside may have been put back during the search.
  const bytes = (await read()) ?? (await findAside(places, sha256)) ?? (await read())
  return bytes && new Uint8Array(bytes)
}

/** Removes the references of the run in a folder, by the names in it, and the bytes without another reference. */
export async function dropMedia(places: FilePlaces, folder: string, names: readonly string[]): Promise<void> {
  for (const entry of names) {
    const [, sha256, name] = /^([0-9a-f]{64})\.([0-9a-f-]{36})\.media$/.exec(entry) ?? []
    if (sha256 === undefined || name === undefined) continue
    await dropReference(places, sha256, name)
    // Last, so that an interrupted drop is repeated.
    await rm(join(folder, entry), { force: true })
  }
}

/** Puts back, or removes, the bytes that dead processes left aside. */
export async function sweepMedia(places: FilePlaces): Promise<void> {
  for (const name of await namesIn(places.media)) {
    const sha256 = attemptedName(name)
    if (sha256 === undefined) continue
    const path = join(places.media, name)
    const left = await unlessMissing(() => stat(path))
    if (left === undefined || left.ctimeMs > Date.now() - SWEPT_AFTER_MS) continue
    if (await isReferred(places, sha256)) await findAside(places, sha256)
    await rm(path, { force: true })
  }
}

async function dropReference(places: FilePlaces, sha256: string, name: string): Promise<void> {
  await rm(join(places.references, sha256, name), { force: true })
  if (await isReferred(places, sha256)) return
  const path = join(places.media, sha256)
  const aside = temporaryPath(path)
  const isMine = await unlessMissing(async () => {
    await rename(path, aside)
    return true
  })
  if (isMine && (await isReferred(places, sha256))) await putBack(aside, path)
  if (isMine) await rm(aside, { force: true })
  // Fails if there is a new reference; the last drop removes the directory.
  await rmdir(join(places.references, sha256)).catch(() => undefined)
}

async function isReferred({ references }: FilePlaces, sha256: string): Promise<boolean> {
  return (await namesIn(join(references, sha256))).length > 0
}

async function findAside({ media }: FilePlaces, sha256: string): Promise<Uint8Array | undefined> {
  for (const name of await namesIn(media)) {
    if (attemptedName(name) !== sha256) continue
    const bytes = await unlessMissing(() => readFile(join(media, name)))
    // Files in progress have the same kind of name.
    if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') !== sha256) continue
    await putBack(join(media, name), join(media, sha256))
    return bytes
  }
  return undefined
}

async function putBack(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path)
  } catch (error) {
    // They exist again, or another process has put them back.
    if (!['EEXIST', 'ENOENT'].includes(codeOfFailure(error) ?? '')) throw error
  }
}

async function writeEmpty(path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeDirectory(dirname(path))
      await writeFile(path, '', { flag: 'wx', mode: 0o600 })
      return await syncDirectory(dirname(path))
    } catch (error) {
      // The directory was removed with its last reference, or with a forgotten run, just after it was created.
      if (codeOfFailure(error) !== 'ENOENT' || attempt === 9) throw error
    }
  }
}
