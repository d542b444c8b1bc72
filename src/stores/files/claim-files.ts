import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { RunStateError } from '../../contracts/run-errors.js'
import { codeOfFailure } from '../state-failure.js'
import { attemptedName, makeDirectory, temporaryPath, writeExclusively } from './exclusive-file.js'
import { fileNameOf } from './file-name-of.js'
import type { FilePlaces } from './file-places.js'
import { readIfPresent, readObject, unlessMissing } from './replaced-file.js'
import { namesIn, SWEPT_AFTER_MS } from './version-files.js'

/** Makes a run the only claimant of a key. */
export async function claimKey(
  { claims }: FilePlaces,
  namespace: string,
  key: string,
  runId: string,
): Promise<boolean> {
  const path = join(claims, `${fileNameOf(JSON.stringify([namespace, key]))}.json`)
  await makeDirectory(claims)
  for (;;) {
    if (await writeExclusively(path, `${JSON.stringify({ runId, namespace, key })}\n`)) return true
    const text = await unlessMissing(() => readFile(path, 'utf8'))
    // Its claimant was forgotten a day ago, and the claim was removed just now.
    if (text === undefined) continue
    const claimant = claimantIn(text)
    if (claimant !== undefined) return claimant === runId
    const reason = `a broken file at ${path}`
    throw new RunStateError(`Could not read the claim, its file is broken: ${path}; restore it from a backup`, {
      reason,
    })
  }
}

/** Records that a run was forgotten: a later sweep removes its claims. The first note counts. */
export async function releaseClaims(
  { released }: FilePlaces,
  folder: string,
  note: { readonly runId: string; readonly at: number },
): Promise<void> {
  await makeDirectory(released)
  try {
    await writeFile(join(released, basename(folder)), `${JSON.stringify(note)}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (codeOfFailure(error) !== 'EEXIST') throw error
  }
}

/** A new run claims under the id of a forgotten one: the old note no longer counts, because it would remove the claims of both. */
export async function keepClaims(
  { released }: FilePlaces,
  folder: string,
  isForgotten: () => Promise<boolean>,
): Promise<void> {
  const note = join(released, basename(folder))
  if ((await unlessMissing(() => stat(note))) === undefined || (await isForgotten())) return
  await rm(note, { force: true })
}

/** Removes the claims of forgotten runs. */
export type ClaimSweep = (
  places: FilePlaces,
  before: number,
  isForgotten: (runId: string) => Promise<boolean>,
) => Promise<void>

/** Creates a sweep that reads each claim once. */
export function claimSweep(): ClaimSweep {
  let claimants: ReadonlyMap<string, string> = new Map()
  return async (places, before, isForgotten) => {
    const notes = await takeNotes(places, before)
    if (notes.size === 0) return
    const gone = new Set<string>()
    for (const runId of notes.values()) if (await isForgotten(runId)) gone.add(runId)
    const found = new Map<string, string>()
    for (const name of gone.size === 0 ? [] : await namesIn(places.claims)) {
      const path = join(places.claims, name)
      const claimant = claimants.get(name) ?? claimantIn((await readIfPresent(path)) ?? '')
      if (claimant === undefined) continue
      if (!gone.has(claimant)) found.set(name, claimant)
      // Checked again: the run may have been created again, and another run may have the claim.
      else if ((await isForgotten(claimant)) && claimantIn((await readIfPresent(path)) ?? '') === claimant)
        await rm(path, { force: true })
    }
    if (gone.size > 0) claimants = found
    for (const path of notes.keys()) await rm(path, { force: true })
  }
}

// A process takes a note by moving it to a unique name, so that two processes never remove the claims of the same run, and the
// slower one never removes a newer claim of another run. A note of a dead process is taken over after an hour.
async function takeNotes({ released }: FilePlaces, before: number): Promise<ReadonlyMap<string, string>> {
  const taken = new Map<string, string>()
  for (const name of await namesIn(released)) {
    const path = join(released, name)
    const original = attemptedName(name)
    const { runId, at } = Object(await readObject(path))
    const changed = await unlessMissing(() => stat(path))
    const isTaken = original !== undefined && Number(changed?.mtimeMs) > Date.now() - SWEPT_AFTER_MS
    // A note that a power cut broke names no run; its claims stay.
    if (isTaken || (typeof at === 'number' && at > before)) continue
    const mine = temporaryPath(join(released, original ?? name))
    await unlessMissing(async () => {
      await utimes(path, new Date(), new Date())
      await rename(path, mine)
      taken.set(mine, String(runId))
    })
  }
  return taken
}

function claimantIn(text: string): string | undefined {
  const claimant = /^\{"runId":("(?:[^"\\]|\\.)*"),/.exec(text)?.[1]
  return claimant === undefined ? undefined : (JSON.parse(claimant) as string)
}
