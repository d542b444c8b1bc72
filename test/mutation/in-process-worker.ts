import { vi } from 'vitest'

// A mutant is active in the thread of the tests alone, so in mutation runs the thread of a database is this one.
vi.mock('node:worker_threads', async (importOriginal) => {
  const { EventEmitter } = await import('node:events')
  const { operationQueue } = await import('../../src/stores/sqlite/operation-queue.js')
  const { openDatabase } = await import('../../src/stores/sqlite/sqlite-database.js')

  class InProcessWorker extends EventEmitter {
    readonly #queue

    constructor(_url: URL, { workerData }: { readonly workerData: { readonly path: string } }) {
      super()
      this.#queue = operationQueue({
        open: () => openDatabase(workerData.path),
        reply: (replies) => setImmediate(() => this.emit('message', structuredClone(replies))),
      })
    }

    postMessage(order: Parameters<ReturnType<typeof operationQueue>['add']>[0] | 'close'): void {
      const sent = structuredClone(order)
      setImmediate(() => {
        if (sent === 'close') {
          this.#queue.close()
          this.emit('exit', 0)
        } else {
          this.#queue.add(sent)
          this.#queue.drain()
        }
      })
    }

    ref(): void {}

    unref(): void {}
  }

  return { ...(await importOriginal<object>()), Worker: InProcessWorker }
})
