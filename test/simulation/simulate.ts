import type { PipelineRun, SoraPipeline, VideoRequest } from 'sora-pipeline'
import * as present from 'sora-pipeline'
import { manualClock } from 'sora-pipeline/testing'
import * as former from '../fixtures/sora-pipeline-0.1.0/index.js'
import { lookAfter } from './person.ts'
import { CHAINS, pipelineOf } from './pipeline-of.ts'
import { brokenAfterReview, brokenByWorkers, checkEvents } from './promises.ts'
import { type Lookup, makeProvider } from './provider.ts'
import { seededRandom } from './random.ts'
import { type Dangers, type Library, makeWorker, type Worker } from './worker.ts'
import { imageOf, imageUrlOf, sha256Of, worldKindOf } from './world-kind.ts'

/** What a simulated world came to. */
export interface Report {
  readonly seed: number
  readonly crashes: number
  readonly closes: number
  readonly outages: number
  readonly creates: number
  readonly completed: number
  readonly inReview: number
  /** What must never be, one sentence each. */
  readonly violations: readonly string[]
}

const WORKERS = 3
const LOOKUPS = ['key', 'find', 'none'] as const
const RUNS = ['run_0', 'run_1'] as const
const LIVES = 30
const LONGEST_OUTAGE_MS = 10_800_000
const DAY_MS = 86_400_000
const SAFE: Dangers = {
  crash: 0,
  pause: 0,
  loseAnswer: 0,
  storeDown: 0,
  storeHangs: 0,
  clockSteps: 0,
  close: 0,
  outage: 0,
}
// What is used of it here is the same in both versions.
const FORMER = former as unknown as Library

/** Plays one world: workers that crash, are paused and closed, upstreams that lie, a store that outlives them, and a person at the end. */
export async function simulate(
  seed: number,
  {
    tell = () => undefined,
    lookups = LOOKUPS,
  }: { tell?: (line: string) => void; lookups?: readonly [Lookup, ...Lookup[]] } = {},
): Promise<Report> {
  const random = seededRandom(seed)
  const world = manualClock()
  const store = present.memoryStore({ clock: world })
  const kind = worldKindOf(random, lookups)
  const trace = (line: string) => tell(`${(world.monotonic() / 1000).toFixed(1).padStart(8)} s  ${line}`)
  trace(JSON.stringify(kind))
  const { dangers, hasChangingChains, hasFormerVersion, isOnePrompt, hasMedia, generateMs } = kind
  const violations: string[] = []
  const onSubmitted = ({ image, metadata: { run = '' } = {} }: VideoRequest) => {
    if (hasMedia && image !== imageUrlOf(run)) violations.push(`${run} was submitted without its first frame`)
  }
  const base = { world, random, lookup: kind.lookup, trace, onSubmitted }
  const providers = [makeProvider('first', base), makeProvider('second', base)] as const
  const given = new Set<string>()
  const workers = new Set<Worker>()
  let darkUntil = 0
  let crashes = 0
  let closes = 0
  let outages = 0

  const requestOf = (run: string): VideoRequest => ({
    prompt: isOnePrompt ? 'one video' : `video of ${run}`,
    metadata: { run },
    ...(hasMedia && { image: imageUrlOf(run) }),
  })
  const jobOf = (id: string) => providers.map(({ jobs }) => jobs.get(id)).find((job) => job !== undefined)
  const watch = async (run: PipelineRun, worker: Worker) => {
    if ((await checkEvents(run, worker, violations)) !== 'run-completed') return
    given.add(run.id)
    const { video } = await run.result
    if (jobOf(video.id)?.run !== run.id) violations.push(`${run.id} gave out the video of another: ${video.id}`)
  }
  const start = (worker: Worker, isLast: boolean): SoraPipeline => {
    const chain = hasChangingChains && !isLast ? random.pick(CHAINS) : 'fallback(a, b)'
    trace(`a worker${worker.library === FORMER ? ' of 0.1.0' : ''} with ${chain}`)
    return pipelineOf(worker, { store, providers, random, trace, chain, generateMs })
  }
  // What a sweeper does: a run that its process gave up, because the store was down, is resumed.
  const haveAllEnded = async () => {
    const loaded = await Promise.all(RUNS.map((run) => store.load(run)))
    return loaded.every((run) => run !== undefined && run.state.status !== 'running')
  }
  const close = async (pipeline: SoraPipeline, done: Promise<unknown>, worker: Worker) => {
    closes += 1
    trace('a pipeline is closed')
    const closed = pipeline.close({ graceMs: random.below(20_000) }).then(() => done)
    const late = world.sleep(600_000).then(() => 'late')
    if ((await Promise.race([closed, late])) === 'late' && worker.isAlive)
      violations.push('a close did not end the runs')
    worker.leave()
  }
  const live = async (worker: Worker, isLast: boolean): Promise<void> => {
    const pipeline = start(worker, isLast)
    const runs = RUNS.map((run) => watch(pipeline.run(requestOf(run), { id: run }), worker))
    const done = Promise.all(runs).then(() => 'done')
    while (worker.isAlive) {
      const tick = world.sleep(2000 + random.below(1000)).then(() => 'tick')
      if ((await Promise.race([done, tick])) === 'done') return
      if (isLast) continue
      if (random.chance(dangers.outage)) {
        outages += 1
        darkUntil = world.monotonic() + random.below(LONGEST_OUTAGE_MS)
        for (const each of workers) each.kill()
      } else if (worker.library !== FORMER && random.chance(dangers.close)) return close(pipeline, done, worker)
    }
  }
  const supervise = async () => {
    for (let lives = 0; lives < LIVES; lives += 1) {
      if (darkUntil > world.monotonic()) await world.sleep(darkUntil - world.monotonic())
      // Those who live long enough see a world without dangers, so that every world ends.
      const isLast = lives >= (LIVES * 2) / 3
      const library = hasFormerVersion && !isLast && random.chance(0.5) ? FORMER : present
      const worker = makeWorker(library, { world, random, dangers: isLast ? SAFE : dangers })
      workers.add(worker)
      await live(worker, isLast)
      workers.delete(worker)
      if (!worker.isAlive && !worker.hasLeft) crashes += 1
      else if (await haveAllEnded()) return
    }
    violations.push('a worker did not come to an end')
  }

  await world.runUntil(Promise.all(Array.from({ length: WORKERS }, supervise)), { withinMs: 20 * DAY_MS })
  const stateOf = async (run: string) => (await store.load(run))?.state
  const left = await Promise.all(RUNS.map(async (run) => ({ run, state: await stateOf(run), isGiven: given.has(run) })))
  for (const outcome of left) violations.push(...brokenByWorkers(outcome, providers, kind))

  const pipeline = start(makeWorker(present, { world, random, dangers: SAFE }), true)
  const desk = { world, random, store, providers, pipeline, trace }
  const review = async () => {
    for (const { run } of left) {
      const id = await lookAfter(run, desk)
      const outcome = { run, state: await stateOf(id), isGiven: true }
      violations.push(...brokenAfterReview(outcome, providers))
      const isKept = (await store.getMedia?.(sha256Of(imageOf(run)))) !== undefined
      if (isKept && id === run && crashes === 0 && dangers.storeDown + dangers.storeHangs + dangers.loseAnswer === 0)
        violations.push(`${run} has ended, and its media is kept`)
    }
    await pipeline.close()
  }
  await world.runUntil(review(), { withinMs: 20 * DAY_MS })
  const count = (status: string) => left.filter(({ state }) => state?.status === status).length
  const creates = providers.reduce((sum, { jobs }) => sum + jobs.size, 0)
  return {
    seed,
    crashes,
    closes,
    outages,
    creates,
    completed: count('completed'),
    inReview: count('needs-review'),
    violations,
  }
}
