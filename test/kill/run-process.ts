import { writeSync } from 'node:fs'
import type { Publisher, RunStore, StoredRun, TaskGenerator } from 'sora-pipeline'
import { openServerStore, type ServerKind } from '../stores/servers/open-server-store.ts'

// A process that takes runs to their end, and can be frozen at a point on the way; test/kill/run-life.ts starts and kills it.

export interface RunTask {
  /** The library that the process is made of. */
  readonly library: 'present' | '0.1.0'
  readonly store: { readonly kind: 'file' | 'sqlite' | ServerKind; readonly place: string }
  /** `key` and `find` are ways to learn of an unknown submission at the paid provider; `videos-api` is another upstream. */
  readonly mode: 'key' | 'find' | 'videos-api'
  /** Origin of the paid provider, which also publishes and serves the files. */
  readonly origin: string
  readonly videosApi: { readonly baseUrl: string; readonly apiKey: string }
  readonly mirrors: readonly string[]
  readonly uploads: string
  readonly runs: readonly { readonly id: string; readonly prompt: string }[]
  /** Where to freeze, such as `before sending`; the freeze lasts until the process is killed, or `frozenMs`. */
  readonly freezeAt?: string | undefined
  readonly frozenMs: number
  readonly leaseMs: number
}

const task = JSON.parse(process.argv[2] ?? '') as RunTask
const tell = (told: object) => writeSync(1, `${JSON.stringify(told)}\n`)
const { SoraPipeline, fileStore, sqliteStore, directoryUploader, mirrorResolver, videosApiGenerator } =
  task.library === 'present' ? await presentLibrary() : await oldLibrary()
// How often each run was taken over, as this process knows it.
const epochs = new Map<string, number>()

const pipeline = new SoraPipeline({
  generator: task.mode === 'videos-api' ? videosApi() : paidGenerator(),
  publisher: publisher(),
  resolver: mirrorResolver({
    hosts: task.mode === 'videos-api' ? task.mirrors : [task.origin],
    path: '/MP4/{videoId}.mp4',
  }),
  uploader: directoryUploader({ directory: task.uploads, publicBaseUrl: `${task.origin}/files` }),
  store: watched(await openStore(task.store)),
  leaseMs: task.leaseMs,
  allowPrivateAddresses: ['127.0.0.1'],
  pollSchedule: () => 50,
})

const recovered = await pipeline.recover()
const known = new Set(recovered.map(({ id }) => id))
tell({ ready: true })
// A run that was not saved yet is requested again, as the caller of a lost process does; an ended one gives its result.
const asked = task.runs.filter(({ id }) => !known.has(id)).map(({ id, prompt }) => pipeline.run({ prompt }, { id }))
await Promise.all(
  [...recovered, ...asked].map(({ id, result }) =>
    result.then(
      ({ url, servedBy, isDegraded }) => tell({ ended: id, url, servedBy, isDegraded }),
      (error: unknown) => tell({ ended: id, error: String(error) }),
    ),
  ),
)
process.exit(0) // Connections that are kept alive would hold it.

async function openStore({ kind, place }: RunTask['store']): Promise<RunStore> {
  if (kind === 'file') return fileStore({ directory: place })
  return kind === 'sqlite' ? sqliteStore({ path: place }) : (await openServerStore(kind, place)).store
}

async function presentLibrary() {
  const [index, stores, strategies] = await Promise.all([
    import('sora-pipeline'),
    import('sora-pipeline/stores'),
    import('sora-pipeline/strategies'),
  ])
  return { ...index, ...stores, ...strategies }
}

async function oldLibrary(): ReturnType<typeof presentLibrary> {
  const [index, stores, strategies] = await Promise.all([
    import('../fixtures/sora-pipeline-0.1.0/index.js'),
    import('../fixtures/sora-pipeline-0.1.0/stores.js'),
    import('../fixtures/sora-pipeline-0.1.0/strategies.js'),
  ])
  // It is given the types of the present library: what is called here is the same in both.
  return { ...index, ...stores, ...strategies } as unknown as Awaited<ReturnType<typeof presentLibrary>>
}

/** Stops everything in this process, if this is the point to do so. */
function reach(point: string): void {
  if (point !== task.freezeAt) return
  tell({ frozen: point })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, task.frozenMs)
}

function watched(store: RunStore): RunStore {
  const around = async <T>(point: string, call: () => Promise<T>): Promise<T> => {
    reach(`before ${point}`)
    const outcome = await call()
    reach(`after ${point}`)
    return outcome
  }
  return {
    ...store,
    create: (id, state) => around('create', () => store.create(id, state)),
    load: async (id) => {
      const loaded = await store.load(id)
      if (loaded) epochs.set(id, epochOf(loaded.state))
      return loaded
    },
    save: (id, version, state) => around(placeOf(id, state), () => store.save(id, version, state)),
    ...(store.heartbeat && {
      heartbeat: (worker: string, ttlMs: number) => around('heartbeat', () => store.heartbeat(worker, ttlMs)),
    }),
    claim: (...claim) => around('claim', () => store.claim(...claim)),
  }
}

/**
 * What a save is about: `take` when it takes the run over, else `sending` (`intent` in 0.1.0), `accepted`, then the step that it leads
 * to, at last `completed`.
 */
function placeOf(id: string, state: StoredRun): string {
  const { status, step, submission } = state
  const isTaken = epochOf(state) > (epochs.get(id) ?? 0)
  epochs.set(id, epochOf(state))
  if (status !== 'running') return status
  if (isTaken) return 'take'
  return step === 'generate' ? String(Object(submission).state) : String(step)
}

function epochOf({ epoch = 0 }: StoredRun): number {
  return Number(epoch)
}

function paidGenerator(): TaskGenerator<{ id: string }> {
  return {
    name: 'paid',
    submission:
      task.mode === 'key'
        ? { idempotency: 'key', lookup: 'none' }
        : { idempotency: 'none', lookup: 'fingerprint', settleMs: 2000 },
    async start({ prompt }, { idempotencyKey, confirm, signal }) {
      reach('before send')
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

function videosApi(): TaskGenerator {
  const generator = videosApiGenerator({ ...task.videosApi, idempotency: 'key' })
  return {
    ...generator,
    async start(request, context) {
      reach('before send')
      context.confirm?.()
      return generator.start(request, context)
    },
  } as TaskGenerator
}

function publisher(): Publisher {
  return {
    name: 'posts',
    async publish({ id }, { runId, signal }) {
      const prompt = task.runs.find((run) => run.id === runId)?.prompt
      const post = await call('/posts', { method: 'POST', body: JSON.stringify({ id, prompt }), signal })
      return { id: String(post.id) }
    },
  }
}

async function call(path: string, init: RequestInit): Promise<Record<string, unknown>> {
  const response = await fetch(`${task.origin}${path}`, init)
  return (await response.json()) as Record<string, unknown>
}
