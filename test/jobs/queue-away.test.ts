import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createPostgresBackend } from 'bullmq'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { SERVERS, startQueueServer } from './queue-server.js'

// Below the 10 s that a call of the queue waits for its server.
const MOST_CLOSE_MS = 5_000 + 100

it.each([
  ['Redis', {}],
  ['PostgreSQL', { backend: createPostgresBackend }],
])(
  'a %s that accepts connections and never answers keeps neither a worker nor a runner from closing',
  async (_, more) => {
    const sockets = new Set<Socket>()
    const silent = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
    })
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const { port } = silent.address() as AddressInfo
    const at = { connection: { host: '127.0.0.1', port }, ...more, onError: () => undefined }
    const pipelineOf = () => new SoraPipeline({ generator: fakeTaskGenerator(), store: memoryStore() })
    const [worker, runner] = [createWorker(pipelineOf(), at), createQueueRunner(pipelineOf(), at)]
    await expect.poll(() => sockets.size).toBeGreaterThan(1)
    const closedAt = performance.now()
    await Promise.all([worker.close(), runner.close()])
    expect(performance.now() - closedAt).toBeLessThan(MOST_CLOSE_MS)
    await expect(worker.ready).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
    await expect(runner.ready).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
  },
)

describe.each(SERVERS)('a queue on %s that is gone', (kind, isSkipped) => {
  it.skipIf(isSkipped)('keeps neither a worker nor a runner from closing', async () => {
    const server = await startQueueServer(kind)
    const { at } = await server.site('away')
    const pipelineOf = () => new SoraPipeline({ generator: fakeTaskGenerator({ polls: 1000 }), store: memoryStore() })
    const worker = createWorker(pipelineOf(), { ...at, onError: () => undefined })
    const runner = createQueueRunner(pipelineOf(), { ...at, onError: () => undefined })
    await Promise.all([worker.ready, runner.ready])
    await server.close()
    const closedAt = performance.now()
    await expect(Promise.all([worker.close({ graceMs: 100 }), runner.close()])).resolves.toHaveLength(2)
    expect(performance.now() - closedAt).toBeLessThan(MOST_CLOSE_MS)
    expect(runner.isClosing).toBe(true)
  })
})
