import { writeSync } from 'node:fs'
import {
  balance,
  fallback,
  type Generator,
  type PipelineRun,
  SoraPipeline,
  SoraPipelineError,
  type TaskGenerator,
  withRetry,
} from 'sora-pipeline'
import { fileStore, sqliteStore } from 'sora-pipeline/stores'

// A process with its own chain; test/kill/changing-chains.full.ts starts, kills, stops and closes it.

/** The chains that a process may have. */
export const CHAINS = ['a', 'fallback(a, b)', 'fallback(b, a)', 'withRetry(b)', 'balance([a, b])'] as const

export interface ChainTask {
  readonly chain: (typeof CHAINS)[number]
  readonly store: { readonly kind: 'file' | 'sqlite'; readonly place: string }
  /** How an unknown submission can be cleared up at both providers. */
  readonly mode: 'key' | 'find'
  /** Origins of the two providers. */
  readonly a: string
  readonly b: string
  /** By how much the wall clock of this process is off. */
  readonly clockStepMs: number
  readonly runs: readonly { readonly id: string; readonly prompt: string }[]
  readonly leaseMs: number
}

if (process.argv[2] !== undefined) await work(JSON.parse(process.argv[2]) as ChainTask)

async function work(task: ChainTask): Promise<void> {
  const tell = (told: object) => writeSync(1, `${JSON.stringify(told)}\n`)
  const { kind, place } = task.store
  const sleep = (ms: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    })
  const pipeline = new SoraPipeline({
    generator: chainOf(task),
    store: kind === 'file' ? fileStore({ directory: place }) : sqliteStore({ path: place }),
    clock: { now: () => Date.now() + task.clockStepMs, monotonic: () => performance.now(), sleep },
    leaseMs: task.leaseMs,
    allowPrivateAddresses: ['127.0.0.1'],
    // No process can distinguish a clock that steps by an hour from an outage of an hour.
    deadlines: { generateMs: 6 * 3_600_000, totalMs: Number.POSITIVE_INFINITY },
    pollSchedule: () => 50,
  })
  process.once('SIGTERM', async () => {
    await pipeline.close({ graceMs: 500 })
    process.exit(0)
  })
  const recovered = await recover(pipeline)
  const known = new Set(recovered.map(({ id }) => id))
  tell({ ready: true })
  const asked = task.runs.filter(({ id }) => !known.has(id)).map(({ id, prompt }) => pipeline.run({ prompt }, { id }))
  const report = async ({ id, result }: (typeof asked)[number]) => {
    try {
      tell({ ended: id, url: (await result).url })
    } catch (error) {
      tell({ ended: id, error: String(error) })
    }
  }
  await Promise.all([...recovered, ...asked].map(report))
  process.exit(0) // Connections that are kept alive would hold it.
}

// A process that was stopped in the middle of a write keeps the database locked until it continues.
async function recover(pipeline: SoraPipeline): Promise<readonly PipelineRun[]> {
  for (;;) {
    try {
      return await pipeline.recover()
    } catch (error) {
      if (!(error instanceof SoraPipelineError && error.isRetryable)) throw error
    }
  }
}

function chainOf(task: ChainTask): Generator {
  const a = paidGenerator('a', task.a, task.mode)
  const b = paidGenerator('b', task.b, task.mode)
  switch (task.chain) {
    case 'a':
      return a
    case 'fallback(a, b)':
      return fallback(a, b)
    case 'fallback(b, a)':
      return fallback(b, a)
    case 'withRetry(b)':
      return withRetry(b)
    case 'balance([a, b])':
      return balance([a, b])
  }
}

function paidGenerator(name: string, origin: string, mode: ChainTask['mode']): TaskGenerator<{ id: string }> {
  const call = async (path: string, init: RequestInit) => {
    const response = await fetch(`${origin}${path}`, init)
    return (await response.json()) as Record<string, unknown>
  }
  return {
    name,
    upstream: origin,
    submission:
      mode === 'key'
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
      return { state: 'completed', video: { id, url: `${origin}/MP4/${id}.mp4` } }
    },
    async find({ prompt }, { signal }) {
      const { ids } = await call(`/jobs?prompt=${encodeURIComponent(prompt)}`, { signal })
      return (ids as string[]).map((id) => ({ id }))
    },
  }
}
