import type { StoredRun } from '../contracts/run-store.js'
import type { RunColumns } from './store-operations.js'

/** The columns of a state. A value of a wrong type becomes one that the table refuses. */
export function columnsOf(state: StoredRun): RunColumns {
  const { status, wakeAt, startedAt = 0, owner, removedAt, worker, endedAt = 0, isCallerId } = state
  return {
    status: String(status),
    wakeAt: Number(wakeAt),
    startedAt: Number(startedAt),
    owner: owner === undefined ? null : toText(owner),
    removedAt: removedAt === undefined ? null : Number(removedAt),
    worker: worker === undefined ? null : toText(worker),
    endedAt: Number(endedAt),
    isCallerId: isCallerId === true ? 1 : 0,
    state: JSON.stringify(state),
  }
}

/** The form of a text in the database: JSON without its quotes. It preserves half a surrogate pair, and plain ids stay readable. */
export function toText(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** The inverse of `toText`. */
export function fromText(text: string): string {
  return JSON.parse(`"${text}"`) as string
}
