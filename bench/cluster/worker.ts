import { createPostgresBackend } from 'bullmq'
import { Redis } from 'ioredis'
import { Client, Pool } from 'pg'
import { type RunStore, SoraPipeline, type TaskGenerator } from 'sora-pipeline'
import { createQueueRunner, createWorker, type QueueOptions } from 'sora-pipeline/jobs'
import { postgresStore, redisStore } from 'sora-pipeline/stores'
import type { ServedElsewhere } from '../harness/serve-module.ts'

/** A worker, and the runs that it creates. */
export interface WorkerTask {
  /** Of Redis or PostgreSQL, for store and queue. */
  readonly url: string
  readonly runs: number
  /** Runs that are not created by then are left out. */
  readonly createMs: number
  readonly name: string
  /** A job is polled this often, with up to a quarter more or less at random. */
  readonly pollMs: number
}

/** What happened in the process since it started. */
export interface WorkerReport {
  /** Runs that it has created, once it creates no more. */
  readonly created: number | undefined
  readonly submitted: number
  readonly polls: number
  /** Store operations by method. */
  readonly operations: Readonly<Record<string, number>>
  /** How late runs were read that were due, in milliseconds, since the report before. */
  readonly latenessMs: readonly number[]
  /** How often each error was reported. */
  readonly errors: Readonly<Record<string, number>>
}

// As many runs at once are created.
const BATCH = 50

/** Starts a worker with the default options, and creates its runs beside. Their jobs never end, and cost no request. */
export async function serve({ url, runs, createMs, name, pollMs }: WorkerTask): Promise<ServedElsewhere> {
  let [submitted, polls] = [0, 0]
  const errors: Record<string, number> = {}
  let latenessMs: number[] = []
  const generator: TaskGenerator<{ id: string }> = {
    name: 'in-process',
    start: async ({ prompt: id }) => {
      submitted += 1
      return { operation: { id } }
    },
    poll: async () => {
      polls += 1
      return { state: 'running' }
    },
  }
  const onError = (error: unknown) => {
    const text = String(error).replaceAll(/worker-\d+-\d+/g, 'a run')
    errors[text] = (errors[text] ?? 0) + 1
  }
  const { store, queue } = await openServer(url)
  const counted = countedStore(store, (late) => latenessMs.push(late))
  const pollSchedule = () => pollMs * (0.75 + Math.random() / 2)
  const pipeline = new SoraPipeline({ generator, store: counted.store, pollSchedule })
  const worker = createWorker(pipeline, { ...queue, onError })
  await worker.ready
  const runner = createQueueRunner(pipeline, { ...queue, onError })
  await runner.ready
  let created: number | undefined
  const create = async () => {
    const endsAt = performance.now() + createMs
    let run = 0
    for (; run < runs && performance.now() < endsAt; run += 1) {
      runner.run({ prompt: `${name} ${run}` }, { id: `${name}-${run}` })
      const isBehind = () => run - (counted.operations.create ?? 0) > BATCH
      do await new Promise((resolve) => setTimeout(resolve, isBehind() ? 5 : 0))
      while (isBehind())
    }
    created = run
  }
  create().catch(onError)
  return {
    origin: name,
    report: (): WorkerReport => {
      const late = latenessMs
      latenessMs = []
      return {
        created,
        submitted,
        polls,
        errors: { ...errors },
        operations: { ...counted.operations },
        latenessMs: late,
      }
    },
  }
}

async function openServer(url: string): Promise<{ readonly store: RunStore; readonly queue: QueueOptions }> {
  if (url.startsWith('redis:')) {
    const store = redisStore({ client: new Redis(url) })
    await store.migrate()
    return { store, queue: { connection: { url } } }
  }
  const listenClient = () => new Client({ connectionString: url })
  // The default of `pg` is 10 for each pool, and a worker with a runner has four: PostgreSQL takes 100.
  const store = postgresStore({ pool: new Pool({ connectionString: url, max: 8 }), listenClient })
  await store.migrate()
  // Each commit that notifies waits for the one before it to reach the disk; a queue that loses its last jobs is repaired.
  const options = '-c synchronous_commit=off'
  const connection = { connectionString: url, max: 4, schema: 'video_queue', options, migrate: true }
  return { store, queue: { connection, backend: createPostgresBackend } }
}

/** Counts what the store has completed, and measures how late runs are read that wait. */
function countedStore(store: RunStore, onLate: (ms: number) => void) {
  const operations: Record<string, number> = {}
  const counted = Object.entries(store).map(([method, implementation]: [string, unknown]) => {
    if (typeof implementation !== 'function') return [method, implementation]
    const call = async (...parameters: unknown[]): Promise<unknown> => {
      const outcome = await Reflect.apply(implementation, store, parameters)
      operations[method] = (operations[method] ?? 0) + 1
      const { wakeAt, submission } = Object(Object(outcome).state)
      if (method === 'load' && submission?.state === 'accepted') onLate(Math.max(0, Date.now() - Number(wakeAt)))
      return outcome
    }
    return [method, call]
  })
  return { store: { ...store, ...Object.fromEntries(counted) } as RunStore, operations }
}
