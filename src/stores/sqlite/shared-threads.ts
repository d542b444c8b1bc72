import { type DatabaseThread, databaseThread } from './database-thread.js'

// One thread for each file: two threads of one process would wait for each other's transactions.
const threads = new Map<string, { readonly thread: DatabaseThread; users: number }>()

/** The thread of a database, shared by all stores of this process with the same path. It ends when the last of them has closed it. */
export function sharedThread(path: string): DatabaseThread {
  const shared = threads.get(path) ?? { thread: databaseThread(path), users: 0 }
  shared.users += 1
  threads.set(path, shared)
  return {
    call: shared.thread.call,
    async close() {
      shared.users -= 1
      if (shared.users > 0) return
      threads.delete(path)
      await shared.thread.close()
    },
  }
}
