import type { StoredRun } from '../../contracts/run-store.js'

/** A run as a file holds it. */
export interface StoredText {
  readonly id: string
  readonly state: StoredRun
  /** When a store forgot the run and retained this of it, in epoch milliseconds. */
  readonly forgottenAt?: number | undefined
  /** The run is gone, and this is the directory in `removed/` that its folder is to be moved to. */
  readonly removal?: string | undefined
}

/** The text of a file. One that was cut off anywhere is not JSON any more. */
export function toStoredText(run: StoredText): string {
  return `${JSON.stringify(run)}\n`
}

/** Reads the text of a file; `undefined` when it is broken: empty, cut off, or not a run. */
export function readStoredText(text: string): StoredText | undefined {
  const read = parse(text)
  return isStoredText(read) ? read : undefined
}

/** The id in a text that may be cut off or of a later format; `undefined` when even that is missing. */
export function idInText(text: string): string | undefined {
  const id = /^\{"id":("(?:[^"\\]|\\.)*")/.exec(text)?.[1]
  return id === undefined ? undefined : (parse(id) as string | undefined)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A text that is not JSON is not a run either; the caller knows the name of the file and reports it.
    return undefined
  }
}

function isStoredText(read: unknown): read is StoredText {
  const { id, state } = Object(read)
  const { status, wakeAt } = Object(state)
  return typeof id === 'string' && typeof status === 'string' && typeof wakeAt === 'number'
}
