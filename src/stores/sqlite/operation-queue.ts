import type { DatabaseSync } from 'node:sqlite'
import { type Call, type Failure, READS, type Reply, type StoreOperations } from '../store-operations.ts'
import { isLocked, UnfitDatabaseError } from './sqlite-database.ts'
import { sqliteOperations } from './sqlite-operations.ts'

// How long an operation waits for the lock of another process. Writes take milliseconds, so only a process that was paused during
// a write comes near it.
const LOCKED_MS = 60_000
// The first and the longest wait between two attempts at a locked database.
const BACK_OFF_MS = { first: 5, longest: 250 }

/** Operations on one database, in their order. */
export interface OperationQueue {
  /** Adds operations; the next `drain` performs them. */
  add(calls: readonly Call[]): void
  /** Performs all waiting operations; later, if another process has locked the database. */
  drain(): void
  /** Closes the database. No operation may be waiting. */
  close(): void
}

/** Options of {@link operationQueue}. */
export interface OperationQueueOptions {
  /** Opens the database; called again after it failed. */
  readonly open: () => DatabaseSync
  readonly reply: (replies: readonly Reply[]) => void
  /** @defaultValue 60 seconds */
  readonly lockedMs?: number | undefined
}

interface Connection {
  readonly database: DatabaseSync
  readonly operations: StoreOperations
}

/**
 * Performs operations in order: leading reads at once, and all operations from the first write on in one transaction, so that
 * they share one flush of the disk. They are answered after the commit.
 */
export function operationQueue({ open, reply, lockedMs = LOCKED_MS }: OperationQueueOptions): OperationQueue {
  let connection: Connection | undefined
  let waiting: { readonly call: Call; readonly until: number }[] = []
  let retry: NodeJS.Timeout | undefined
  let backOffMs = BACK_OFF_MS.first

  const connect = (): Connection => {
    if (connection !== undefined) return connection
    const database = open()
    connection = { database, operations: sqliteOperations(database) }
    return connection
  }
  const disconnect = () => {
    connection?.database.close()
    connection = undefined
  }

  const drain = () => {
    // While the database is locked, the retry drains.
    if (retry !== undefined) return
    while (waiting.length > 0) {
      const calls = waiting.map(({ call }) => call)
      const firstWrite = calls.findIndex(({ name }) => !READS.has(name))
      const reads = firstWrite === -1 ? calls : calls.slice(0, firstWrite)
      try {
        const replies = reads.length > 0 ? read(connect(), reads) : write(connect(), calls)
        backOffMs = BACK_OFF_MS.first
        answer(replies)
      } catch (error) {
        if (isLocked(error)) return waitForLock(error)
        // After a failure outside of an operation, the file may have been replaced.
        disconnect()
        answer(failuresOf(calls, error))
      }
    }
  }

  const answer = (replies: readonly Reply[]) => {
    waiting = waiting.slice(replies.length)
    reply(replies)
  }

  const waitForLock = (error: unknown) => {
    const now = performance.now()
    const late = waiting.filter(({ until }) => until <= now).map(({ call }) => call)
    if (late.length > 0) answer(failuresOf(late, error))
    const next = waiting[0]
    if (next === undefined) return
    retry = setTimeout(
      () => {
        retry = undefined
        drain()
      },
      Math.min(backOffMs, Math.max(1, next.until - now)),
    )
    backOffMs = Math.min(backOffMs * 2, BACK_OFF_MS.longest)
  }

  return {
    add(calls) {
      const until = performance.now() + lockedMs
      for (const call of calls) waiting.push({ call, until })
    },
    drain,
    close: disconnect,
  }
}

function read({ operations }: Connection, calls: readonly Call[]): readonly Reply[] {
  return calls.map((call) => {
    try {
      return perform(operations, call)
    } catch (error) {
      if (isLocked(error)) throw error
      return { number: call.number, failure: failureOf(error) }
    }
  })
}

function write({ database, operations }: Connection, calls: readonly Call[]): readonly Reply[] {
  database.exec('BEGIN IMMEDIATE')
  try {
    const replies = calls.map((call) => performAlone(database, operations, call))
    database.exec('COMMIT')
    return replies
  } catch (error) {
    rollBack(database)
    throw error
  }
}

// A failed operation reverts only its own changes.
function performAlone(database: DatabaseSync, operations: StoreOperations, call: Call): Reply {
  database.exec('SAVEPOINT operation')
  try {
    const reply = perform(operations, call)
    database.exec('RELEASE operation')
    return reply
  } catch (error) {
    if (!hasTakenBack(database)) throw error
    return { number: call.number, failure: failureOf(error) }
  }
}

// SQLite itself may have rolled back the whole transaction, as on a full disk; then the savepoint no longer exists.
function hasTakenBack(database: DatabaseSync): boolean {
  try {
    database.exec('ROLLBACK TO operation; RELEASE operation')
    return true
  } catch {
    return false
  }
}

function perform(operations: StoreOperations, { number, name, args }: Call): Reply {
  const operation = operations[name] as (...args: readonly unknown[]) => unknown
  return { number, value: operation(...args) }
}

function rollBack(database: DatabaseSync): void {
  try {
    database.exec('ROLLBACK')
  } catch {
    // SQLite has already rolled back the transaction; the original error is thrown.
  }
}

function failuresOf(calls: readonly Call[], error: unknown): readonly Reply[] {
  return calls.map(({ number }) => ({ number, failure: failureOf(error) }))
}

function failureOf(error: unknown): Failure {
  const { message, code, errstr } = Object(error)
  return {
    message: String(message ?? error),
    code,
    errstr,
    unfit: error instanceof UnfitDatabaseError ? error.reason : undefined,
  }
}
