import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonValue } from '../../contracts/json.js'
import { readObject, replaceFile } from './replaced-file.js'

/** What was rescheduled since a version was saved. */
export interface Rescheduled {
  readonly wakeAt: number
  readonly readings: readonly JsonValue[]
}

/**
 * Writes what is rescheduled. The name of the file has the version that it is for, so one that a slow process writes after a later
 * save has no effect, and is swept. Rejects with ENOENT when the run was forgotten.
 */
export async function writeRescheduled(folder: string, version: number, rescheduled: Rescheduled): Promise<void> {
  await replaceFile(join(folder, nameFor(version)), `${JSON.stringify(rescheduled)}\n`)
}

/** What was rescheduled for a version; `undefined` when the names in the folder have nothing for it, or a power cut broke it. */
export async function readRescheduled(
  folder: string,
  version: number,
  names: readonly string[],
): Promise<Rescheduled | undefined> {
  if (!names.includes(nameFor(version))) return undefined
  const { wakeAt, readings } = Object(await readObject(join(folder, nameFor(version))))
  return typeof wakeAt === 'number' && Array.isArray(readings) ? { wakeAt, readings } : undefined
}

/** Removes what was rescheduled for a version. */
export async function removeRescheduled(folder: string, version: number): Promise<void> {
  await rm(join(folder, nameFor(version)), { force: true })
}

function nameFor(version: number): string {
  return `${version}.wake`
}
