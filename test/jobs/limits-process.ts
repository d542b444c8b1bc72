import { createPostgresBackend } from 'bullmq'
import { type BalanceOptions, balance, RateLimitError, SoraPipeline, type TaskGenerator } from 'sora-pipeline'
import { createWorker } from 'sora-pipeline/jobs'
import { openServerStore, type ServerKind, type ServerPlace } from '../stores/servers/open-server-store.ts'

// A worker of a queue, or a process that keeps its runs; test/jobs/shared-limits.test.ts starts and kills it.

export interface LimitsTask {
  readonly role: 'worker' | 'resident'
  readonly kind: ServerKind
  readonly place: string
  /** Origin of the upstream that counts its open jobs. */
  readonly origin: string
  readonly limits: Omit<BalanceOptions, 'shared'>
  /** Prompts of the runs of a resident process. */
  readonly prompts: readonly string[]
}

const task = JSON.parse(process.argv[2] ?? '') as LimitsTask
const tell = (told: object) => process.stdout.write(`${JSON.stringify(told)}\n`)
const { store } = await openServerStore(task.kind, task.place)
const pipeline = new SoraPipeline({
  generator: balance([countedGenerator()], { ...task.limits, shared: store }),
  store,
  leaseMs: 800,
  pollSchedule: () => 100,
})
if (task.role === 'worker') {
  const { client, name } = JSON.parse(task.place) as ServerPlace
  const queue =
    task.kind === 'pg'
      ? { connection: { ...client, schema: `queue_${name}`, migrate: true }, backend: createPostgresBackend }
      : { connection: client, prefix: name }
  const onError = (error: unknown) => tell({ error: String(error) })
  // Two places for more runs than that: a run that waits for the generator must not hold one.
  const worker = createWorker(pipeline, {
    ...queue,
    ...{ queueName: 'runs', concurrency: 2, lockMs: 800, sweepMs: 300, onError },
  })
  await worker.ready
}
tell({ ready: true })
for (const prompt of task.prompts) {
  pipeline.run({ prompt }).result.then(
    () => tell({ done: prompt }),
    (error) => tell({ failed: prompt, code: error.code }),
  )
}

function countedGenerator(): TaskGenerator<{ id: string }> {
  return {
    name: 'counted',
    submission: { idempotency: 'none', lookup: 'fingerprint', settleMs: 500 },
    async start({ prompt }) {
      const response = await fetch(`${task.origin}/jobs`, { method: 'POST', body: prompt })
      if (response.status === 429) {
        const retryAfterMs = Number(response.headers.get('retry-after')) * 1000
        throw new RateLimitError('Could not create, too many requests: counted', { retryAfterMs })
      }
      return { operation: { id: await response.text() } }
    },
    async find({ prompt }) {
      const response = await fetch(`${task.origin}/jobs?prompt=${encodeURIComponent(prompt)}`)
      return ((await response.json()) as string[]).map((id) => ({ id }))
    },
    async poll({ id }) {
      const response = await fetch(`${task.origin}/jobs/${id}`)
      if ((await response.text()) !== 'done') return { state: 'running' }
      return { state: 'completed', video: { id, url: `https://cdn.example/${id}.mp4` } }
    },
  }
}
