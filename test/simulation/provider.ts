import {
  type JsonValue,
  NetworkError,
  RateLimitError,
  SubmissionUnknownError,
  type TaskGenerator,
  type TaskStatus,
  UpstreamHttpError,
  type VideoRequest,
} from 'sora-pipeline'
import type { ManualClock } from 'sora-pipeline/testing'
import type { Random } from './random.ts'
import type { Worker } from './worker.ts'

/** How an upstream lets an unknown submission be cleared up. `false-key` says that it honours keys, and does not. */
export type Lookup = 'key' | 'find' | 'none' | 'false-key'

/** A paid upstream that outlives every worker and counts what it was paid for. */
export interface Provider {
  readonly name: string
  readonly lookup: Lookup
  /** Jobs that were accepted for each prompt. */
  readonly creates: ReadonlyMap<string, number>
  /** The prompt that a job is of. */
  promptOf(id: string): string | undefined
  /** The worker that was told last of the video of a prompt. */
  readonly told: ReadonlyMap<string, Worker>
  /** The worker that was told last that a prompt was accepted. */
  readonly answered: ReadonlyMap<string, Worker>
  generator(worker: Worker): TaskGenerator
}

const SETTLE_MS = 4000
const FATES = ['accept', 'accept', 'accept', 'refuse', 'unsent', 'drop', 'lose', 'late', 'broken'] as const

type Job = { readonly id: string; readonly prompt: string; readonly readyAt: number }

/** Makes a provider whose requests may be refused, lost before or after it accepted, or accepted late. */
export function makeProvider(
  name: string,
  {
    world,
    random,
    lookup,
    trace,
  }: { world: ManualClock; random: Random; lookup: Lookup; trace: (line: string) => void },
): Provider {
  const jobs = new Map<string, Job>()
  const byKey = new Map<string, Job>()
  const creates = new Map<string, number>()
  const told = new Map<string, Worker>()
  const answered = new Map<string, Worker>()

  const accept = (prompt: string, key: string): Job => {
    const known = lookup === 'key' ? byKey.get(key) : undefined
    if (known) return known
    const job = { id: `${name}_${jobs.size + 1}`, prompt, readyAt: world.now() + random.below(60_000) }
    trace(`${name} accepts ${job.id}: ${prompt}`)
    jobs.set(job.id, job)
    byKey.set(key, job)
    creates.set(prompt, (creates.get(prompt) ?? 0) + 1)
    return job
  }
  const lost = () => new SubmissionUnknownError(`Could not learn the outcome, the answer was lost: ${name}`)

  const create = async (prompt: string, key: string): Promise<Job> => {
    const fate = random.pick(FATES)
    trace(`${name} is asked for: ${prompt} (${fate}, ${key})`)
    switch (fate) {
      case 'refuse':
        throw new RateLimitError(`Could not submit, too many requests: ${name}`, { retryAfterMs: random.below(5000) })
      case 'unsent':
        throw new NetworkError(`Could not submit, no connection: ${name}`, { isRefusal: true })
      case 'drop':
        throw lost()
      case 'lose':
        accept(prompt, key)
        throw lost()
      case 'late':
        // The connection dies first; the upstream commits within the time that it promises to need at most.
        world.sleep(random.below(SETTLE_MS)).then(() => accept(prompt, key))
        throw lost()
      case 'broken':
        if (random.chance(0.5)) accept(prompt, key)
        throw new UpstreamHttpError(`Could not submit, the answer was HTTP 500: ${name}`, { status: 500 })
      default:
        return accept(prompt, key)
    }
  }

  const statusOf = (job: Job, worker: Worker): TaskStatus => {
    if (random.chance(0.1)) throw new NetworkError(`Could not poll, no answer came: ${name}`)
    if (world.now() < job.readyAt) return { state: 'running' }
    told.set(job.prompt, worker)
    return { state: 'completed', video: { id: job.id, url: `https://${name}.example/${job.id}.mp4` } }
  }

  return {
    name,
    lookup,
    creates,
    promptOf: (id) => jobs.get(id)?.prompt,
    told,
    answered,
    generator: (worker) => ({
      name,
      submission: {
        idempotency: lookup === 'key' || lookup === 'false-key' ? 'key' : 'none',
        lookup: lookup === 'find' ? 'fingerprint' : 'none',
        settleMs: SETTLE_MS + 1000,
      },
      start: async (request: VideoRequest, { idempotencyKey, confirm, signal }) => {
        const job = await worker.outside(async () => {
          confirm?.() // The last thing before the request leaves, as the contract asks.
          return create(request.prompt, idempotencyKey)
        })
        if (random.chance(0.2)) await worker.clock.sleep(random.below(60_000), { signal })
        answered.set(job.prompt, worker)
        return { operation: job.id }
      },
      poll: (operation: JsonValue) => worker.outside(async () => statusOf(jobs.get(String(operation)) as Job, worker)),
      ...(lookup === 'find' && {
        find: ({ prompt }: VideoRequest) =>
          worker.outside(async () => [...jobs.values()].filter((job) => job.prompt === prompt).map(({ id }) => id)),
      }),
    }),
  }
}
