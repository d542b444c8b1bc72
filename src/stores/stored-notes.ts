import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../contracts/json.js'
import type { NoteMethod, RunStore } from '../contracts/run-store.js'
import { fromText, toText } from './run-columns.js'
import type { ServerWork } from './server-work.js'
import { checkNote } from './store-input.js'
import type { NoteColumns, NoteQuery, NoteRow } from './store-operations.js'

/** What a database does for notes. Namespaces and keys are in the form of `toText`. */
export interface NoteOperations {
  readNote(namespace: string, key: string): Promise<NoteRow | undefined>
  saveNote(namespace: string, key: string, version: number, note: NoteColumns): Promise<number | undefined>
  dueNotes(query: NoteQuery): Promise<readonly string[]>
}

/** The notes of a store over a database. */
export function storedNotes(operations: NoteOperations, work: ServerWork): Pick<Required<RunStore>, NoteMethod> {
  return {
    readNote: (namespace, key) =>
      work('read the note', key, async () => {
        const row = await operations.readNote(toText(namespace), toText(key))
        return row && { version: row.version, value: JSON.parse(row.value) as JsonObject }
      }),

    saveNote: (namespace, key, version, note) =>
      work('save the note', key, async () => {
        checkNote(note)
        const { value, dueInMs, expiresInMs } = note
        const call = randomBytes(9).toString('base64url')
        const columns = { value: JSON.stringify(value), dueInMs, expiresInMs, call }
        return operations.saveNote(toText(namespace), toText(key), version, columns)
      }),

    dueNotes: (namespace, limit, after) =>
      work('read the notes that are due', namespace, async () => {
        const place = {
          limit: Math.min(limit, Number.MAX_SAFE_INTEGER),
          after: after === undefined ? after : toText(after),
        }
        return (await operations.dueNotes({ namespace: toText(namespace), ...place })).map(fromText)
      }),
  }
}
