import { rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../contracts/json.js'
import { RETAINED_MS } from '../../contracts/retained-run.js'
import type { NoteMethod, RunStore } from '../../contracts/run-store.js'
import { makeDirectory } from './exclusive-file.js'
import { fileNameOf } from './file-name-of.js'
import type { FilePlaces } from './file-places.js'
import { readObject } from './replaced-file.js'
import { appendVersion, namesIn, newestOf, versionPath } from './version-files.js'

interface NoteFile {
  readonly key: string
  readonly version: number
  readonly value: JsonObject
  readonly dueAt: number
  readonly expiresAt: number
}

/** Notes in files, by the clock of the machine: a folder for each, with its newest version. */
export function noteFiles({ notes }: FilePlaces): Pick<Required<RunStore>, NoteMethod> {
  const folderOf = (namespace: string) => join(notes, fileNameOf(namespace))

  // An expired note still has a version, which its next one continues.
  const newestIn = async (folder: string): Promise<NoteFile | undefined> => {
    for (;;) {
      const version = newestOf(await namesIn(folder))
      if (version === 0) return undefined
      const file = await readObject(versionPath(folder, version))
      if (file !== undefined) return { ...(file as Omit<NoteFile, 'version'>), version }
      // Another process replaced it meanwhile; otherwise a power cut broke it, and it counts as expired.
      if (newestOf(await namesIn(folder)) === version) return { key: '', version, value: {}, dueAt: 0, expiresAt: 0 }
    }
  }

  return {
    async readNote(namespace, key) {
      const note = await newestIn(join(folderOf(namespace), fileNameOf(key)))
      return note && note.expiresAt > Date.now() ? { version: note.version, value: note.value } : undefined
    },

    async saveNote(namespace, key, version, note) {
      const { value, dueInMs, expiresInMs } = note
      const folder = join(folderOf(namespace), fileNameOf(key))
      const last = await newestIn(folder)
      const now = Date.now()
      if ((last !== undefined && last.expiresAt > now ? last.version : 0) !== version) return undefined
      const next = (last?.version ?? 0) + 1
      const text = JSON.stringify({ key, value, dueAt: now + dueInMs, expiresAt: now + expiresInMs })
      await makeDirectory(folder)
      return (await appendVersion(folder, next, `${text}\n`, { kept: 1 })) ? next : undefined
    },

    async dueNotes(namespace, limit, after) {
      const now = Date.now()
      const found: NoteFile[] = []
      for (const name of await namesIn(folderOf(namespace))) {
        const folder = join(folderOf(namespace), name)
        const note = await newestIn(folder)
        if (note !== undefined && note.expiresAt > now) found.push(note)
        else if (note !== undefined && note.expiresAt <= now - RETAINED_MS) await sweep(folder, note.version)
      }
      const last = after === undefined ? undefined : found.find(({ key }) => key === after)
      if (after !== undefined && last === undefined) return []
      return found
        .filter(({ dueAt }) => dueAt <= now)
        .filter((note) => last === undefined || byDue(note, last) > 0)
        .sort(byDue)
        .slice(0, limit)
        .map(({ key }) => key)
    },
  }
}

// A folder with a newer version stays: it is not empty.
async function sweep(folder: string, version: number): Promise<void> {
  await rm(versionPath(folder, version), { force: true })
  await rmdir(folder).catch(() => undefined)
}

function byDue(a: NoteFile, b: NoteFile): number {
  if (a.dueAt !== b.dueAt) return a.dueAt - b.dueAt
  if (a.key === b.key) return 0
  return a.key < b.key ? -1 : 1
}
