import type { JsonValue, TaskGenerator, TaskStatus, VideoRequest } from 'sora-pipeline'
import type { ManualClock } from 'sora-pipeline/testing'
import type { Random } from './random.ts'
import type { Library, Worker } from './worker.ts'

/** How an upstream lets an unknown submission be cleared up. `false-key` claims to honour keys, and does not. */
export type Lookup = 'key' | 'find' | 'none' | 'false-key'

/** A job that was accepted, and paid. */
export interface Job {
  readonly id: string
  /** The run that it was submitted for. */
  readonly run: string
  readonly prompt: string
  readonly readyAt: number
}

/** A paid upstream that outlives every worker and knows what it was paid for. */
export interface Provider {
  readonly name: string
  readonly jobs: ReadonlyMap<string, Job>
  /** The worker that last received the video of a run. */
  readonly told: ReadonlyMap<string, Worker>
  /** The worker that last received the acceptance of a job of a run. */
  readonly answered: ReadonlyMap<string, Worker>
  generator(worker: Worker): TaskGenerator
}

const SETTLE_MS = 4000
const FATES = ['accept', 'accept', 'accept', 'refuse', 'unsent', 'drop', 'lose', 'late', 'broken'] as const

type Submitted = { readonly run: string; readonly prompt: string; readonly key: string }

/** Makes a provider whose requests may be refused, lost before or after it accepted, or accepted late. */
export function makeProvider(
  name: string,
  options: {
    readonly world: ManualClock
    readonly random: Random
    readonly lookup: Lookup
    readonly trace: (line: string) => void
    /** Sees every request that arrives. */
    readonly onSubmitted: (request: VideoRequest) => void
  },
): Provider {
  const { world, random, lookup, trace, onSubmitted } = options
  const jobs = new Map<string, Job>()
  const byKey = new Map<string, Job>()
  const told = new Map<string, Worker>()
  const answered = new Map<string, Worker>()

  const accept = ({ run, prompt, key }: Submitted): Job => {
    const known = lookup === 'key' ? byKey.get(key) : undefined
    if (known) return known
    const job = { id: `${name}_${jobs.size + 1}`, run, prompt, readyAt: world.now() + random.below(60_000) }
    trace(`${name} accepts ${job.id} of ${run}`)
    jobs.set(job.id, job)
    byKey.set(key, job)
    return job
  }

  const create = async (submitted: Submitted, library: Library): Promise<Job> => {
    const { NetworkError, RateLimitError, SubmissionUnknownError, UpstreamHttpError } = library
    const lost = () => new SubmissionUnknownError(`Could not learn the outcome, the answer was lost: ${name}`)
    const fate = random.pick(FATES)
    trace(`${name} is asked for ${submitted.run} (${fate}, ${submitted.key})`)
    switch (fate) {
      case 'refuse':
        throw new RateLimitError(`Could not submit, too many requests: ${name}`, { retryAfterMs: random.below(5000) })
      case 'unsent':
        throw new NetworkError(`Could not submit, no connection: ${name}`, { isRefusal: true })
      case 'drop':
        throw lost()
      case 'lose':
        accept(submitted)
        throw lost()
      case 'late':
        // The connection dies first; the upstream commits within the time that it promises to need at most.
        world.sleep(random.below(SETTLE_MS)).then(() => accept(submitted))
        throw lost()
      case 'broken':
        if (random.chance(0.5)) accept(submitted)
        throw new UpstreamHttpError(`Could not submit, the answer was HTTP 500: ${name}`, { status: 500 })
      default:
        return accept(submitted)
    }
  }

  const statusOf = (job: Job | undefined, worker: Worker): TaskStatus => {
    const { NetworkError } = worker.library
    if (job === undefined) throw new Error(`${name} was polled for a job of another`)
    if (random.chance(0.1)) throw new NetworkError(`Could not poll, no answer came: ${name}`)
    if (world.now() < job.readyAt) return { state: 'running' }
    told.set(job.run, worker)
    return { state: 'completed', video: { id: job.id, url: `https://${name}.example/${job.id}.mp4` } }
  }

  return {
    name,
    jobs,
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
        onSubmitted(request)
        const { prompt, metadata: { run = '' } = {} } = request
        const job = await worker.outside(async () => {
          confirm?.() // The last thing before the request leaves, as the contract requires.
          return create({ run, prompt, key: idempotencyKey }, worker.library)
        })
        if (random.chance(0.2)) await worker.clock.sleep(random.below(60_000), { signal })
        answered.set(run, worker)
        return { operation: job.id }
      },
      poll: (operation: JsonValue) => worker.outside(async () => statusOf(jobs.get(String(operation)), worker)),
      ...(lookup === 'find' && {
        find: ({ prompt }: VideoRequest) =>
          worker.outside(async () => [...jobs.values()].filter((job) => job.prompt === prompt).map(({ id }) => id)),
      }),
    }),
  }
}
