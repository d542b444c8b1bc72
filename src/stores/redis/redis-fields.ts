import { randomBytes } from 'node:crypto'
import type { RunColumns } from '../store-operations.js'

// The order of bytes is that of the parts of a member, for no part has a character below a blank.
const BREAK = '\n'

// Of a run without a worker; others have `=` before the worker. Scripts know it as well.
const NO_WORKER = '-'

/** A worker as it is in members and keys. */
export function workerKey(worker: string | null): string {
  return worker === null ? NO_WORKER : `=${worker}`
}

/** The part of `listed` with all runs or those that were not removed, of one owner or of all. */
export function scopeOf(owner: string | null | undefined, withRemoved: boolean): string {
  const isAny = owner === null || owner === undefined
  if (isAny) return withRemoved ? 'a' : 'k'
  return `${withRemoved ? 'A' : 'K'}${owner}`
}

/**
 * What scripts read of a run, as JSON: its place in each set, so that the next save can take it out. `call` marks a
 * command, so that one that a client sends again because it lost the reply is recognised.
 */
export function fieldsOf(id: string, columns: RunColumns): string {
  const { status, worker, wakeAt, startedAt, endedAt, owner, removedAt, isCallerId } = columns
  const start = sortable(startedAt)
  const owners = owner === null ? [null] : [null, owner]
  const scopes = owners.flatMap((each) =>
    [true, ...(removedAt === null ? [false] : [])].map((all) => scopeOf(each, all)),
  )
  return JSON.stringify({
    status,
    worker: workerKey(worker),
    wake: sortable(wakeAt),
    start,
    listed: scopes.map((scope) => [scope, start, id].join(BREAK)),
    ...((status === 'completed' || status === 'failed') && { ended: String(endedAt) }),
    isCallerId: isCallerId === 1,
    call: randomBytes(9).toString('base64url'),
  })
}

/** A number as 16 digits whose order as texts is that of the numbers. */
export function sortable(value: number): string {
  if (Number.isNaN(value)) throw new TypeError('Could not save a time that is not a number')
  const view = new DataView(new ArrayBuffer(8))
  // There is one zero.
  view.setFloat64(0, value + 0)
  const bits = view.getBigUint64(0)
  const isNegative = bits >> 63n === 1n
  return (isNegative ? bits ^ 0xffff_ffff_ffff_ffffn : bits | (1n << 63n)).toString(16).padStart(16, '0')
}
