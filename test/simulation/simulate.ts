import {
  balance,
  fallback,
  type Generator,
  memoryStore,
  type PipelineEvent,
  type PipelineRun,
  type Publisher,
  type Resolver,
  type RunStore,
  SoraPipeline,
  type Uploader,
  withRetry,
} from 'sora-pipeline'
import { manualClock } from 'sora-pipeline/testing'
import { type Lookup, makeProvider, type Provider } from './provider.ts'
import { type Random, seededRandom } from './random.ts'
import { type Dangers, makeWorker, type Worker } from './worker.ts'

/** What a simulated world came to. */
export interface Report {
  readonly seed: number
  readonly crashes: number
  readonly creates: number
  readonly completed: number
  readonly inReview: number
  /** What must never be, one sentence each. */
  readonly violations: readonly string[]
}

const WORKERS = 3
const LOOKUPS = ['key', 'find', 'none'] as const
const RUNS = 2
const LEASE_MS = 10_000
const DAY_MS = 86_400_000
const SAFE: Dangers = { crash: 0, pause: 0, loseAnswer: 0, storeDown: 0, storeHangs: 0, clockSteps: 0 }

/** Plays one world: workers that crash and are paused, upstreams that lie, a store that outlives them. */
export async function simulate(
  seed: number,
  {
    tell = () => undefined,
    lookups = LOOKUPS,
  }: { tell?: (line: string) => void; lookups?: readonly [Lookup, ...Lookup[]] } = {},
): Promise<Report> {
  const random = seededRandom(seed)
  const world = manualClock()
  const store = memoryStore({ clock: world })
  const lookup = random.pick(lookups)
  const trace = (line: string) => tell(`${(world.monotonic() / 1000).toFixed(1).padStart(8)} s  ${line}`)
  const base = { world, random, lookup, trace }
  const providers = [makeProvider('first', base), makeProvider('second', base)] as const
  const dangers: Dangers = {
    crash: random.pick([0, 0.01, 0.03]),
    pause: random.pick([0, 0.01]),
    loseAnswer: random.pick([0, 0.02]),
    storeDown: random.pick([0, 0.01]),
    storeHangs: random.pick([0, 0, 0.01]),
    clockSteps: random.pick([0, 0.01]),
  }
  // Whether every process has a chain of generators of its own.
  const hasChangingChains = random.chance(0.5)
  const violations: string[] = []
  // Runs whose caller was given the URL, also by a worker that could not tell the store any more.
  const given = new Set<string>()
  let crashes = 0

  const prompts = Array.from({ length: RUNS }, (_, index) => `video ${index} of seed ${seed}`)
  const begin = (worker: Worker, isLast: boolean): Promise<unknown> => {
    const chain = hasChangingChains && !isLast ? random.pick(CHAINS) : 'fallback(a, b)'
    trace(`a worker with ${chain}`)
    const pipeline = pipelineOf(worker, { store, providers, random, trace, chain })
    const watch = async (run: PipelineRun, prompt: string) => {
      const last = await checkEvents(run, worker, violations)
      if (last !== 'run-completed') return
      given.add(run.id)
      const { video } = await run.result
      const isOwn = providers.some(({ promptOf }) => promptOf(video.id) === prompt)
      if (!isOwn) violations.push(`${run.id} gave out the video of another: ${video.id}`)
    }
    const started = prompts.map((prompt, index) => watch(pipeline.run({ prompt }, { id: `run_${index}` }), prompt))
    return Promise.all(started)
  }
  // What a sweeper does: a run that its process gave up, because the store was down, is taken up again.
  const haveAllEnded = async () => {
    const loaded = await Promise.all(prompts.map((_, index) => store.load(`run_${index}`)))
    return loaded.every((run) => run !== undefined && run.state.status !== 'running')
  }
  const supervise = async () => {
    for (let lives = 0; lives < 30; lives += 1) {
      // Those who live long enough see a world without dangers, so that every world ends.
      const worker = makeWorker(world, random, lives < 20 ? dangers : SAFE)
      const done = begin(worker, lives >= 20).then(() => 'done')
      while (worker.isAlive) {
        const tick = world.sleep(2000 + random.below(1000)).then(() => 'tick')
        if ((await Promise.race([done, tick])) === 'done') break
      }
      if (!worker.isAlive) crashes += 1
      else if (await haveAllEnded()) return
    }
    violations.push('a worker did not come to an end')
  }

  const all = Promise.all(Array.from({ length: WORKERS }, supervise))
  await world.runUntil(all, { withinMs: 3 * DAY_MS })
  const statuses = await Promise.all(prompts.map(async (_, index) => (await store.load(`run_${index}`))?.state))
  statuses.forEach((state, index) => {
    const prompt = prompts[index] ?? ''
    const paid = providers.map(({ creates }) => creates.get(prompt) ?? 0)
    for (const [at, provider] of providers.entries()) {
      if ((paid[at] ?? 0) > 1) violations.push(`${provider.name} was paid ${paid[at]} times for ${prompt}`)
    }
    if (paid.every((count) => count > 0)) violations.push(`both providers were paid for ${prompt}`)
    const isGiven = given.has(`run_${index}`)
    // What a worker could not save because the store was down dies with it.
    const isStoreSafe = dangers.storeDown === 0 && dangers.storeHangs === 0
    const isKnown = (worker: Worker | undefined) => worker !== undefined && (isStoreSafe || worker.isAlive)
    const wasTold = !isGiven && providers.some(({ told }) => isKnown(told.get(prompt)))
    if (wasTold && state?.status !== 'completed') violations.push(`the video of ${prompt} was lost: ${state?.status}`)
    const isUnheard =
      !isGiven && state?.status === 'needs-review' && providers.some(({ answered }) => answered.get(prompt)?.isAlive)
    if (isUnheard) violations.push(`the answer to ${prompt} was not heard`)
    if (state?.status === 'running') violations.push(`${prompt} never ended`)
    if (state?.status === 'needs-review' && lookup === 'find') violations.push(`${prompt} went to a person in vain`)
  })
  const count = (status: string) => statuses.filter((state) => state?.status === status).length
  const creates = providers.reduce(
    (sum, provider) => sum + [...provider.creates.values()].reduce((a, b) => a + b, 0),
    0,
  )
  return { seed, crashes, creates, completed: count('completed'), inReview: count('needs-review'), violations }
}

const CHAINS = [
  'fallback(a, b)',
  'fallback(b, a)',
  'a',
  'withRetry(b)',
  'balance([a, b])',
  'fallback(withRetry(b), balance([a]))',
] as const

type World = {
  readonly chain: (typeof CHAINS)[number]
  readonly store: RunStore
  readonly providers: readonly [Provider, Provider]
  readonly random: Random
  readonly trace: (line: string) => void
}

function chainOf(worker: Worker, { chain, providers, random }: World): Generator {
  const [first, second] = providers
  const a = withRetry(first.generator(worker), { random: random.next })
  const b = withRetry(second.generator(worker), { retries: 8, random: random.next })
  switch (chain) {
    case 'fallback(a, b)':
      return fallback(a, b)
    case 'fallback(b, a)':
      return fallback(b, a)
    case 'a':
      return first.generator(worker)
    case 'withRetry(b)':
      return b
    case 'balance([a, b])':
      return balance([a, b])
    default:
      return fallback(b, balance([first.generator(worker)]))
  }
}

function pipelineOf(worker: Worker, world: World): SoraPipeline {
  const { store, random, trace } = world
  const maybe = <T>(value: T) =>
    worker.outside(async () => {
      if (random.chance(0.3)) throw new Error('out of order')
      return value
    })
  const publisher: Publisher = { name: 'feed', publish: () => maybe({ id: 'post_1' }) }
  const resolver: Resolver = { name: 'mirror', resolve: () => maybe({ url: 'https://mirror.example/a.mp4' }) }
  const uploader: Uploader = { name: 'drive', upload: () => maybe({ url: 'https://drive.example/a.mp4' }) }
  return new SoraPipeline({
    generator: chainOf(worker, world),
    publisher,
    resolver,
    uploader,
    clock: worker.clock,
    leaseMs: LEASE_MS,
    deadlines: { generateMs: DAY_MS, totalMs: Number.POSITIVE_INFINITY },
    store: storeOf(worker, store, trace),
  })
}

/** The store as a worker reaches it: every operation may be the last thing that it does. */
function storeOf(worker: Worker, store: RunStore, trace: (line: string) => void): RunStore {
  const reached = Object.entries(store).map(([method, operation]) => [
    method,
    (...given: unknown[]) =>
      worker.stored(() => {
        if (method === 'save') {
          const [id, version, { status, step, worker: holder, submission, error }] = given as Parameters<
            RunStore['save']
          >
          trace(`${id} v${version} ${status} ${step} ${JSON.stringify({ holder, submission, error })}`)
        }
        return (operation as (...given: unknown[]) => Promise<unknown>)(...given)
      }),
  ])
  return Object.fromEntries(reached) as RunStore
}

/** Resolves to the type of the last event, when the worker lives to see it. */
async function checkEvents(
  run: PipelineRun,
  worker: Worker,
  violations: string[],
): Promise<PipelineEvent['type'] | undefined> {
  const events: PipelineEvent[] = []
  for await (const event of run) events.push(event)
  if (!worker.isAlive) return undefined
  const isTerminal = ({ type }: PipelineEvent) => type === 'run-completed' || type === 'run-failed'
  const first = events[0]?.sequence ?? 0
  if (events.some(({ sequence }, index) => sequence !== first + index))
    violations.push(`the events of ${run.id} have gaps`)
  if (events.filter(isTerminal).length !== 1) violations.push(`${run.id} has not exactly one terminal event`)
  const last = events.at(-1)
  if (last === undefined || !isTerminal(last)) violations.push(`the last event of ${run.id} is ${last?.type}`)
  return last?.type
}
