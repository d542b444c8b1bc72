import { createServer, type Server } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createHandler } from '../../src/http/create-handler.js'
import { toNodeListener } from '../../src/http/node/to-node-listener.js'
import { memoryStore, RETAINED_MS, SoraPipeline } from '../../src/index.js'

// A backend in its own process, so that its memory can be measured; backend-leaks.full.ts starts it.

/** What a backend holds when no client is connected and no run is active. */
export interface BackendHoldings {
  readonly heapBytes: number
  /** What keeps the process alive, such as timers and sockets. */
  readonly resources: readonly string[]
  readonly started: number
  readonly completed: number
  readonly warnings: number
}

let started = 0
let completed = 0
let failed = 0
let warnings = 0
let jobs = 0
process.on('warning', () => {
  warnings += 1
})

const store = memoryStore({ maxEnded: 20 })
const pipeline = new SoraPipeline({
  generator: {
    name: 'quick',
    start: async () => {
      jobs += 1
      return { operation: jobs }
    },
    poll: async () =>
      Math.random() < 0.3
        ? { state: 'completed' as const, video: { id: 'v', url: 'https://cdn.example/a.mp4' } }
        : { state: 'running' as const, ratio: 0.5 },
  },
  store,
  pollSchedule: () => 3,
  onEvent: ({ type }) => {
    if (type === 'run-started') started += 1
    if (type === 'run-completed') completed += 1
    if (type === 'run-failed') failed += 1
  },
})
const server: Server = createServer(toNodeListener(createHandler(pipeline, { apiKeys: ['key'], cors: '*' })))

async function holdings(): Promise<BackendHoldings> {
  while ((await new Promise((resolve) => server.getConnections((_, count) => resolve(count)))) !== 0) await nextTurn()
  while (completed + failed < started) await nextTurn()
  // What answers the ids of runs that ended, and the claims of their jobs, stay for a day: here the day is over.
  const tomorrow = Date.now() + 2 * RETAINED_MS
  await store.prune?.({ endedBefore: tomorrow, now: tomorrow })
  for (let times = 0; times < 5; times += 1) {
    globalThis.gc?.()
    // Finalizers run in their own turns of the event loop.
    await nextTurn()
  }
  const resources = process.getActiveResourcesInfo().sort()
  return { heapBytes: process.memoryUsage().heapUsed, resources, started, completed, warnings }
}

server.listen(0, '127.0.0.1', () => process.send?.({ address: server.address() }))
process.on('message', async () => process.send?.(await holdings()))
