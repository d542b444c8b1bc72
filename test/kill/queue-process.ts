import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPostgresBackend } from 'bullmq'
import { SoraPipeline, type TaskGenerator } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { createQueueRunner, createWorker, type QueueOptions } from 'sora-pipeline/jobs'
import { directoryUploader } from 'sora-pipeline/strategies'
import { openServerStore, type ServerKind, type ServerPlace } from '../stores/servers/open-server-store.ts'

// A worker, or an HTTP process, of a queue; test/kill/queue-life.ts starts and kills it.

export interface QueueTask {
  readonly role: 'worker' | 'http'
  readonly kind: ServerKind
  /** Where the store is. */
  readonly place: string
  /** Origin of the paid provider, which also serves the files. */
  readonly origin: string
  readonly mode: 'key' | 'find'
  /** Whether the queue has its tables already. */
  readonly isMigrated?: boolean
  readonly uploads: string
  readonly pollMs: number
  readonly leaseMs: number
  readonly lockMs: number
  readonly sweepMs: number
}

const task = JSON.parse(process.argv[2] ?? '') as QueueTask
const tell = (told: object) => process.stdout.write(`${JSON.stringify(told)}\n`)
const { store } = await openServerStore(task.kind, task.place)
const pipeline = new SoraPipeline({
  generator: paidGenerator(),
  uploader: directoryUploader({ directory: task.uploads, publicBaseUrl: `${task.origin}/files` }),
  store,
  leaseMs: task.leaseMs,
  allowPrivateAddresses: ['127.0.0.1'],
  pollSchedule: () => task.pollMs,
})
const onError = (error: unknown) => tell({ error: String(error) })
if (task.role === 'worker') await work()
else await serve()

async function work(): Promise<void> {
  const advance = pipeline.advance.bind(pipeline)
  // Reports what it has in hand, so that a kill has something to be recovered from.
  pipeline.advance = async (id) => {
    tell({ begin: id })
    try {
      const record = await advance(id)
      tell({ end: id, isAttended: record.status === 'running' && record.isAttended })
      return record
    } catch (error) {
      tell({ end: id, isAttended: true })
      throw error
    }
  }
  const { lockMs, sweepMs } = task
  const worker = createWorker(pipeline, { ...queueOptions(), concurrency: 8, lockMs, sweepMs, onError })
  await worker.ready
  tell({ ready: 0 })
  process.once('SIGTERM', () => worker.close().then(() => process.exit(0)))
}

async function serve(): Promise<void> {
  const runner = createQueueRunner(pipeline, { ...queueOptions(), onError })
  const handler = createHandler(runner, { public: true, acceptTimeoutMs: 0, onError })
  const server = createServer(toNodeListener(handler)).listen(0, '127.0.0.1', () =>
    tell({ ready: (server.address() as AddressInfo).port }),
  )
}

function queueOptions(): QueueOptions {
  const { client, name } = JSON.parse(task.place) as ServerPlace
  if (task.kind !== 'pg') return { connection: client, queueName: 'runs', prefix: name }
  const connection = { ...client, schema: `queue_${name}`, migrate: task.isMigrated !== true }
  return { connection, queueName: 'runs', backend: createPostgresBackend }
}

function paidGenerator(): TaskGenerator<{ id: string }> {
  return {
    name: 'paid',
    submission:
      task.mode === 'key'
        ? { idempotency: 'key', lookup: 'none' }
        : { idempotency: 'none', lookup: 'fingerprint', settleMs: 1000 },
    async start({ prompt }, { idempotencyKey, confirm, signal }) {
      confirm?.()
      const headers = { 'idempotency-key': idempotencyKey }
      const job = await call('/jobs', { method: 'POST', headers, body: JSON.stringify({ prompt }), signal })
      return { operation: { id: String(job.id) } }
    },
    async poll({ id }, { signal }) {
      const { isDone } = await call(`/jobs/${id}`, { signal })
      if (isDone !== true) return { state: 'running' }
      return { state: 'completed', video: { id, url: `${task.origin}/MP4/${id}.mp4` } }
    },
    async find({ prompt }, { signal }) {
      const { ids } = await call(`/jobs?prompt=${encodeURIComponent(prompt)}`, { signal })
      return (ids as string[]).map((id) => ({ id }))
    },
  }
}

async function call(path: string, init: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(`${task.origin}${path}`, init)
  return (await response.json()) as Record<string, unknown>
}
