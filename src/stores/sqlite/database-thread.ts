import { Worker } from 'node:worker_threads'
import { RunStateError } from '../../contracts/run-errors.js'
import { codeOfFailure } from '../state-failure.js'
import type { Call, Failure, OperationName, Reply, StoreOperations } from '../store-operations.js'
import type { WorkerOrder, WorkerSettings } from './sqlite-worker.js'

/** A worker thread that works on one database. */
export interface DatabaseThread {
  /**
   * Performs an operation after all earlier ones. Buffers of bytes are transferred: the caller loses them.
   *
   * @throws RunStateError, not retryable, when a later version of the library made the database. An `Error` with the reason when
   * the database cannot be used, or the thread ended.
   */
  call<N extends OperationName>(
    name: N,
    ...args: Parameters<StoreOperations[N]>
  ): Promise<ReturnType<StoreOperations[N]>>
  /** Closes the database and ends the thread. Call it when no operation is pending. */
  close(): Promise<void>
}

interface Pending {
  readonly call: Call
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/**
 * A thread that starts with the first operation, keeps the process alive only while operations are pending, and is replaced by
 * the next operation after it dies. The operations of one turn of the event loop are sent in one message.
 */
export function databaseThread(
  path: string,
  startWorker: (settings: WorkerSettings) => Worker = startOwnWorker,
): DatabaseThread {
  const posted = new Map<number, Pending>()
  let outbox: Pending[] = []
  let worker: Worker | undefined
  let count = 0

  const flush = () => {
    const pending = outbox
    outbox = []
    try {
      worker ??= employ()
      worker.ref()
      for (const each of pending) posted.set(each.call.number, each)
      const calls = pending.map(({ call }) => call)
      worker.postMessage(calls satisfies WorkerOrder, calls.flatMap(buffersOf))
    } catch (error) {
      for (const { call, reject } of pending) {
        posted.delete(call.number)
        reject(error as Error)
      }
    }
  }

  const employ = () => {
    const hired = startWorker({ path })
    let reason: unknown
    hired.on('message', (replies: readonly Reply[]) => {
      replies.forEach(settle)
      if (posted.size === 0) hired.unref()
    })
    hired.on('error', (error) => {
      reason = error
    })
    hired.on('exit', (code) => {
      if (hired !== worker) return
      worker = undefined
      const lost = [...posted.values()]
      posted.clear()
      for (const { reject } of lost) reject(endError(code, reason))
    })
    return hired
  }

  const settle = (reply: Reply) => {
    const pending = posted.get(reply.number)
    posted.delete(reply.number)
    if ('failure' in reply) pending?.reject(errorOf(reply.failure))
    else pending?.resolve(reply.value as never)
  }

  return {
    call: (name, ...args) =>
      new Promise((resolve, reject) => {
        count += 1
        // Not a microtask, so that calls in microtasks of this turn are included.
        if (outbox.length === 0) process.nextTick(flush)
        outbox.push({ call: { number: count, name, args }, resolve, reject })
      }),
    async close() {
      const dismissed = worker
      worker = undefined
      if (dismissed === undefined) return
      dismissed.ref()
      const ended = new Promise((resolve) => dismissed.once('exit', resolve))
      dismissed.postMessage('close' satisfies WorkerOrder)
      await ended
    },
  }
}

// Built, the address holds the worker's code, so that a bundle carries it.
function startOwnWorker(workerData: WorkerSettings): Worker {
  const url = new URL('./sqlite-worker.ts', import.meta.url)
  // The caller's loaders are kept out, and so are warnings of Node that node:sqlite is experimental. Before 22.13 it needs a flag.
  const execArgv = process.execArgv.filter((flag) => flag === '--experimental-sqlite')
  return new Worker(url, { workerData, execArgv, stdout: true, stderr: true })
}

function buffersOf({ args }: Call): readonly ArrayBuffer[] {
  return args.flatMap((arg) => (arg instanceof Uint8Array ? [arg.buffer as ArrayBuffer] : []))
}

function endError(code: number, cause: unknown): Error {
  const error = new Error(`Could not use the database, its worker ended: ${code}`, { cause })
  return Object.assign(error, { errstr: `its worker ended with ${codeOfFailure(cause) ?? code}` })
}

function errorOf({ message, code, errstr, unfit }: Failure): Error {
  return unfit !== undefined
    ? new RunStateError(message, { reason: unfit })
    : Object.assign(new Error(message), { code, errstr })
}
