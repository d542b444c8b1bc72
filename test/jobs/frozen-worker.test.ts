import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPostgresBackend } from 'bullmq'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { startPaidProvider } from '../kill/paid-provider.js'
import type { QueueTask } from '../kill/queue-process.js'
import { type ScriptProcess, startScript } from '../stores/processes.js'
import { openServerStore, type ServerPlace } from '../stores/servers/open-server-store.js'
import { startServer } from '../stores/servers/own-server.js'
import { isPostgresSkipped } from '../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'
import { startProxy } from '../stores/servers/tcp-proxy.js'
import { eventually } from '../support/eventually.js'

const LEASE_MS = 800
const RUNS = 8

describe.each([
  ['ioredis', isRedisSkipped],
  ['pg', isPostgresSkipped],
] as const)('with queue and store over %s', (kind, isSkipped) => {
  it.skipIf(isSkipped).each(['key', 'find'] as const)(
    'a worker that is stopped in the middle of submissions, and wakes, pays nothing twice: %s',
    async (mode) => {
      const { provider, results, startWorker } = await began(mode)
      const held = provider.hold('create', promptOf(0))
      const first = startWorker()
      await held
      first.child.kill('SIGSTOP')
      startWorker()
      // Its answer never comes to the first worker.
      await results[0]
      const seen = first.told.length
      first.child.kill('SIGCONT')
      await expectPaidOnce(provider, results)
      // It has gone on with what it had in hand.
      await eventually(() => expect(first.told.length).toBeGreaterThan(seen))
      await expectPaidOnce(provider, results)
    },
    60_000,
  )

  it.skipIf(isSkipped)(
    'a worker whose connections stall for longer than its heartbeat pays nothing twice',
    async () => {
      const { provider, results, startWorker, server } = await began('find')
      const proxy = await startProxy(server.port)
      onTestFinished(() => proxy.close())
      const first = startWorker(proxy.port)
      await first.next(isReady)
      await first.next((told) => Object(told).begin !== undefined)
      proxy.stall()
      const second = startWorker()
      await second.next(isReady)
      await sleep(LEASE_MS * 3)
      proxy.resume()
      await expectPaidOnce(provider, results)
    },
    60_000,
  )

  async function began(mode: QueueTask['mode']) {
    const uploads = await mkdtemp(join(tmpdir(), 'frozen-'))
    const [server, provider] = await Promise.all([
      startServer(kind),
      startPaidProvider({ keys: mode === 'key', uploads, answerMs: 100 }),
    ])
    const place = server.place('frozen')
    const { client, name } = JSON.parse(place) as ServerPlace
    const { store, close } = await openServerStore(kind, place)
    const pipeline = new SoraPipeline({ generator: fakeTaskGenerator({ name: 'paid' }), store })
    const runner = createQueueRunner(
      pipeline,
      kind === 'pg'
        ? {
            connection: { ...client, schema: `queue_${name}`, migrate: true },
            queueName: 'runs',
            backend: createPostgresBackend,
          }
        : { connection: client, queueName: 'runs', prefix: name },
    )
    const times = { pollMs: 100, leaseMs: LEASE_MS, lockMs: LEASE_MS, sweepMs: 300 }
    const processes: ScriptProcess[] = []
    onTestFinished(async () => {
      await Promise.all(processes.map((process) => process.kill()))
      await runner.close()
      await close()
      await Promise.all([server.close(), provider.close()])
      await rm(uploads, { recursive: true, force: true })
    })
    await runner.ready
    const results = Array.from({ length: RUNS }, (_, index) => runner.run({ prompt: promptOf(index) }).result)
    const startWorker = (port = client.port): ScriptProcess => {
      // A migration that stalls in its transaction would keep the second worker from starting.
      const task = { role: 'worker', kind, origin: provider.origin, mode, uploads, ...times, isMigrated: true } as const
      const there = JSON.stringify({ client: { ...client, port }, name })
      const process = startScript('kill/queue-process.ts', { ...task, place: there } satisfies QueueTask)
      processes.push(process)
      return process
    }
    return { provider, results, startWorker, server: { port: client.port } }
  }
})

async function expectPaidOnce(
  provider: { paidFor(prompt: string): number },
  results: readonly Promise<{ readonly url: string }>[],
): Promise<void> {
  const urls = (await Promise.all(results)).map(({ url }) => url)
  expect(new Set(urls).size).toBe(RUNS)
  const paid = urls.map((_, index) => provider.paidFor(promptOf(index)))
  expect(paid).toEqual(urls.map(() => 1))
}

function promptOf(index: number): string {
  return `The prompt of run ${index}`
}

function isReady(told: unknown): boolean {
  return Object(told).ready !== undefined
}
