import { MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Call, Reply } from '../store-operations.ts'
import { operationQueue } from './operation-queue.ts'
import { openDatabase } from './sqlite-database.ts'

/** Start options of the thread. */
export interface WorkerSettings {
  readonly path: string
}

/** A message to the thread: operations, or the order to end. */
export type WorkerOrder = readonly Call[] | 'close'

if (parentPort !== null) serve(parentPort, workerData as WorkerSettings)

function serve(port: NonNullable<typeof parentPort>, { path }: WorkerSettings): void {
  const queue = operationQueue({
    open: () => openDatabase(path),
    reply: (replies) => port.postMessage(replies, replies.flatMap(buffersOf)),
  })
  // On Deno it is not one: it cannot be read ahead, nor closed.
  const isMessagePort = port instanceof MessagePort
  const take = (order: WorkerOrder) => {
    if (order !== 'close') return queue.add(order)
    queue.close()
    if (isMessagePort) port.close()
    else process.exit()
  }
  port.on('message', (first: WorkerOrder) => {
    take(first)
    // What was posted while the last transaction was written belongs into the next one.
    while (isMessagePort) {
      const next: { readonly message: WorkerOrder } | undefined = receiveMessageOnPort(port)
      if (next === undefined) break
      take(next.message)
    }
    queue.drain()
  })
}

// Bytes of media are transferred, not copied.
function buffersOf(reply: Reply): readonly ArrayBuffer[] {
  return 'value' in reply && reply.value instanceof Uint8Array ? [reply.value.buffer as ArrayBuffer] : []
}
