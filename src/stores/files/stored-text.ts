import type { StoredRun } from '../../contracts/run-store.js'

/** A run in the form of its file. */
export interface StoredText {
  readonly id: string
  readonly state: StoredRun
  /** When the store forgot the run and retained this part of it, in epoch milliseconds. */
  readonly forgottenAt?: number | undefined
  /** The run was removed; its folder must be moved to this directory in `removed/`. */
  readonly removal?: string | undefined
}

/** The text of a file. A truncated text is not valid JSON. */
export function toStoredText(run: StoredText): string {
  return `${JSON.stringify(run)}\n`
}

/** Reads the text of a file; `undefined` if it is broken: empty, truncated, or not a run. */
export function readStoredText(text: string): StoredText | undefined {
  const read = parse(text)
  return isStoredText(read) ? read : undefined
}

/** The id in a text that may be truncated or of a later format; `undefined` if the id is missing. */
export function idInText(text: string): string | undefined {
  const id = /^\{"id":("(?:[^"\\]|\\.)*")/.exec(text)?.[1]
  return id === undefined ? undefined : (parse(id) as string | undefined)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A text that is not JSON is not a run; the caller reports the name of the file.
    return undefined
  }
}

function isStoredText(read: unknown): read is StoredText {
  const { id, state } = Object(read)
  const { status, wakeAt } = Object(state)
  return typeof id === 'string' && typeof status === 'string' && typeof wakeAt === 'number'
}
