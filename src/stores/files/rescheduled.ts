import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonValue } from '../../contracts/json.js'
import { readObject, replaceFile } from './replaced-file.js'

/** The reschedule of a version. */
export interface Rescheduled {
  readonly wakeAt: number
  readonly readings: readonly JsonValue[]
}

/**
 * Writes a reschedule. The file name has its version, so a file that a slow process writes after a later save has no effect, and
 * is swept. Rejects with ENOENT when the run was forgotten.
 */
export async function writeRescheduled(folder: string, version: number, rescheduled: Rescheduled): Promise<void> {
  await replaceFile(join(folder, nameFor(version)), `${JSON.stringify(rescheduled)}\n`)
}

/** The reschedule of a version; `undefined` if the names in the folder do not include it, or a power cut broke it. */
export async function readRescheduled(
  folder: string,
  version: number,
  names: readonly string[],
): Promise<Rescheduled | undefined> {
  if (!names.includes(nameFor(version))) return undefined
  const { wakeAt, readings } = Object(await readObject(join(folder, nameFor(version))))
  return typeof wakeAt === 'number' && Array.isArray(readings) ? { wakeAt, readings } : undefined
}

/** Removes the reschedule of a version. */
export async function removeRescheduled(folder: string, version: number): Promise<void> {
  await rm(join(folder, nameFor(version)), { force: true })
}

function nameFor(version: number): string {
  return `${version}.wake`
}
