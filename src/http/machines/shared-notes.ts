import type { JsonObject } from '../../contracts/json.js'
import type { NoteMethod, RunStore } from '../../contracts/run-store.js'
import type { StoredNote } from '../../contracts/stored-note.js'
import { answerOf } from '../../pipeline/journal/store-calls.js'
import { storeOfRunner } from '../../pipeline/runner-stores.js'
import type { VideoRunner } from '../video-runner.js'

/** Notes of a store. */
export type Notes = Pick<Required<RunStore>, NoteMethod>

/** Runs and notes that all processes of a store share. */
export interface SharedStore {
  readonly notes: Notes
  readonly load: RunStore['load']
  /** Aborted when the runner closes. */
  readonly closing: AbortSignal
}

/** The store that the handlers of other processes share; `undefined` if it keeps no notes, or the runner is not of this library. */
export function sharedStoreOf(runner: VideoRunner): SharedStore | undefined {
  const { store, closing } = storeOfRunner(runner) ?? {}
  if (store === undefined || closing === undefined || !hasNotes(store)) return undefined
  const failed = (what: string, key: string) => `Could not ${what}, the store is down: ${key}`
  return {
    notes: {
      readNote: (namespace, key) => answerOf(() => store.readNote(namespace, key), failed('read the note', key)),
      saveNote: (namespace, key, version, note) =>
        answerOf(() => store.saveNote(namespace, key, version, note), failed('save the note', key)),
      dueNotes: (namespace, limit, after) =>
        answerOf(() => store.dueNotes(namespace, limit, after), failed('list the notes', namespace)),
    },
    load: (id) => answerOf(() => store.load(id), failed('read the run', id)),
    closing,
  }
}

/** The change of a note; `undefined` leaves it. */
export type NoteChange = (value: JsonObject | undefined) => StoredNote | undefined

/** Changes a note by compare-and-set, again for each process that was faster. */
export async function changeNote(notes: Notes, namespace: string, key: string, change: NoteChange): Promise<void> {
  for (;;) {
    const saved = await notes.readNote(namespace, key)
    const note = change(saved?.value)
    if (note === undefined) return
    if ((await notes.saveNote(namespace, key, saved?.version ?? 0, note)) !== undefined) return
  }
}

/** Whether a store keeps notes. */
export function hasNotes(store: RunStore): store is RunStore & Notes {
  return store.readNote !== undefined && store.saveNote !== undefined && store.dueNotes !== undefined
}
