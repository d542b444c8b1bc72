import type { StoredRun } from '../../contracts/run-store.js'

/** A run as a file holds it. */
export interface StoredText {
  readonly id: string
  readonly state: StoredRun
}

/** The text of a file. One that was cut off anywhere is not JSON any more. */
export function toStoredText(run: StoredText): string {
  return `${JSON.stringify(run)}\n`
}

/** Reads the text of a file; `undefined` when it is broken: empty, cut off, or no run. */
export function readStoredText(text: string): StoredText | undefined {
  const read = parse(text)
  return isStoredText(read) ? read : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What is no JSON is no run either; who asked knows the name of the file and reports it.
    return undefined
  }
}

function isStoredText(read: unknown): read is StoredText {
  const { id, state } = Object(read)
  const { status, wakeAt } = Object(state)
  return typeof id === 'string' && typeof status === 'string' && typeof wakeAt === 'number'
}
