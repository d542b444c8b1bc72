import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const PART = /^\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.part$/
// No live upload pauses its writes for so long.
const DEAD_MS = 24 * 3_600_000

/**
 * Removes the temporary files of killed uploads: those that were not written to for a day. A file that cannot be read
 * or removed stays: an upload must not fail for it.
 * @param now - Epoch milliseconds, by the clock of the file system.
 */
export async function removeLeftParts(directory: string, now: number): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    if (!PART.test(name)) continue
    const path = join(directory, name)
    const written = await stat(path).catch(() => undefined)
    if (written && now - written.mtimeMs > DEAD_MS) await rm(path, { force: true }).catch(() => undefined)
  }
}
