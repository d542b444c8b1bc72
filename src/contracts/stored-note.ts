import type { JsonObject } from './json.js'

/** A note for {@link RunStore.saveNote}. Its times count from the save, by the clock of the store. */
export interface StoredNote {
  /** JSON without secrets of the library. */
  readonly value: JsonObject
  /** When it is due, in milliseconds from 0. */
  readonly dueInMs: number
  /** When it is forgotten, in milliseconds from 0; 0 removes it. */
  readonly expiresInMs: number
}

/** A note as {@link RunStore.readNote} returns it. */
export interface SavedNote {
  /** Number of the save, above 0. */
  readonly version: number
  /** The saved value. */
  readonly value: JsonObject
}
