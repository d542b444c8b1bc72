import { describe, expect, it } from 'vitest'
import {
  memoryStore,
  type Publisher,
  type RunStore,
  SoraPipeline,
  type StoredRun,
  SubmissionUnknownError,
  type TaskGenerator,
  type TaskStatus,
  type Uploader,
} from '../../src/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { type SteppingClock, steppingClock } from '../support/stepping-clock.js'

const HOUR_MS = 3_600_000
const request = { prompt: 'A cat' }
const deadlines = { generateMs: 60_000, publishMs: 20_000, uploadMs: 20_000, totalMs: 120_000 }
const url = 'https://cdn.example/v1.mp4'

type Moment = 'start' | 'poll' | 'sleep' | 'publish' | 'upload'

/** Stages of which each takes 5 s, and at one of which the wall clock steps. */
function stages(clock: SteppingClock, at: Moment | undefined, stepMs: number) {
  const polls: number[] = []
  const spend = async (moment: Moment) => {
    await clock.sleep(2500)
    if (moment === at) clock.step(stepMs)
    await clock.sleep(2500)
  }
  let startedAt = 0
  const generator: TaskGenerator = {
    name: 'g',
    start: async () => {
      startedAt = clock.monotonic()
      await spend('start')
      return { operation: 1 }
    },
    poll: async (): Promise<TaskStatus> => {
      const ms = clock.monotonic() - startedAt
      polls.push(ms)
      if (polls.length === 2) await spend('poll')
      return ms < 40_000 ? { state: 'running' } : { state: 'completed', video: { id: 'v1', url } }
    },
  }
  const publisher: Publisher = {
    name: 'p',
    publish: async () => {
      await spend('publish')
      return { id: 'post_1', url: 'https://posts.example/1' }
    },
  }
  const uploader: Uploader = {
    name: 'u',
    upload: async () => {
      await spend('upload')
      return { url: 'https://drive.example/1.mp4' }
    },
  }
  return { generator, publisher, uploader, polls }
}

async function play(at: Moment | undefined, stepMs: number) {
  const clock = steppingClock()
  const { polls, ...chain } = stages(clock, at, stepMs)
  const from = clock.monotonic()
  const run = new SoraPipeline({ ...chain, clock, deadlines, pollSchedule: () => 3000 }).run(request)
  if (at === 'sleep') {
    await clock.advance(19_500)
    clock.step(stepMs)
  }
  const result = await clock.runUntil(run.result)
  return { result, polls, tookMs: clock.monotonic() - from }
}

describe('a wall clock that steps by an hour', () => {
  const moments = ['start', 'poll', 'sleep', 'publish', 'upload'] as const
  it.each(moments.flatMap((at) => [HOUR_MS, -HOUR_MS].map((ms) => [at, ms] as const)))(
    'during %s by %i ms delays, loses and fails nothing',
    async (at, stepMs) => {
      const still = await play(undefined, 0)
      const { result, polls, tookMs } = await play(at, stepMs)
      expect(result).toMatchObject({ servedBy: 'uploader', isDegraded: false, warnings: [] })
      expect(polls).toEqual(still.polls)
      expect(tookMs).toBe(still.tookMs)
    },
  )

  it.each([HOUR_MS, -HOUR_MS, -90_000])(
    'by %i ms after a submission whose answer is lost makes no job look older than it',
    async (stepMs) => {
      const clock = steppingClock()
      let sentAt = 0
      const ages: number[] = []
      const generator: TaskGenerator = {
        name: 'g',
        submission: { idempotency: 'none', lookup: 'fingerprint', settleMs: 5000 },
        start: async () => {
          sentAt = clock.monotonic()
          clock.step(stepMs)
          throw new SubmissionUnknownError('Could not learn the outcome: host')
        },
        find: async (_, { submittedAt }) => {
          ages.push(clock.now() - submittedAt - (clock.monotonic() - sentAt))
          return ages.length === 2 ? [1] : []
        },
        poll: async () => ({ state: 'completed', video: { id: 'v1', url } }),
      }
      const run = new SoraPipeline({ generator, clock, pollSchedule: () => 3000 }).run(request)
      await clock.runUntil(run.result)
      expect(ages).toHaveLength(2)
      expect(Math.min(...ages)).toBeGreaterThanOrEqual(0)
    },
  )

  it.each([HOUR_MS, -HOUR_MS])('by %i ms while a job runs moves its deadline by nothing', async (stepMs) => {
    const clock = steppingClock()
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const run = new SoraPipeline({ generator, clock, deadlines, pollSchedule: () => 3000 }).run(request)
    await clock.advance(10_000)
    clock.step(stepMs)
    await clock.advance(49_000)
    expect(generator.pollCount).toBe(19)
    const ended = expect(run.result).rejects.toMatchObject({ code: 'stage-timeout' })
    await clock.advance(1000)
    await ended
  })

  it.each([HOUR_MS, -HOUR_MS])(
    'by %i ms before a submission is due again neither sends it early nor late',
    async (stepMs) => {
      const clock = steppingClock()
      const generator = fakeTaskGenerator({ polls: [{ state: 'running', pollAfterMs: 20_000 }] })
      new SoraPipeline({ generator, clock, deadlines, pollSchedule: () => 1000 }).run(request)
      await clock.advance(5000)
      clock.step(stepMs)
      await clock.advance(15_500)
      expect(generator.pollCount).toBe(1)
      await clock.advance(1000)
      expect(generator.pollCount).toBe(2)
    },
  )
})

describe('a run that another process resumes', () => {
  /** The store of a process that died 30 s after it submitted, and a clock that continues from there. */
  async function left(
    options: { readonly steppedMs?: number; readonly change?: (state: StoredRun) => StoredRun } = {},
  ) {
    const store = memoryStore()
    const dead = steppingClock()
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const slow = { generator, store, deadlines, pollSchedule: () => 3000 }
    new SoraPipeline({ ...slow, clock: dead }).run(request, { id: 'run_1' })
    dead.step(options.steppedMs ?? 0)
    await dead.advance(30_000)
    const { version, state } = (await store.load('run_1')) as { version: number; state: StoredRun }
    if (options.change) await store.save('run_1', version, options.change(state))
    const clock = steppingClock({ now: dead.now() })
    return { store, clock, slow, generator: fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY }) }
  }

  it.each([
    ['set back by an hour', -HOUR_MS, 60_000],
    ['not set', 0, 30_000],
    ['set forward by an hour', HOUR_MS, 0],
  ])('with a clock %s has the remainder, at most what was left at the last save', async (_, stepMs, remainderMs) => {
    const { store, clock, slow, generator } = await left()
    clock.step(stepMs)
    const run = new SoraPipeline({ ...slow, generator, store, clock }).resume('run_1')
    const from = clock.monotonic()
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'stage-timeout' })
    expect(generator.pollCount).toBeGreaterThanOrEqual(1)
    // A dead worker is known to be one after the time of its lease.
    expect(clock.monotonic() - from).toBe(Math.max(10_000, remainderMs))
  })

  it('has lost nothing to a clock that was set before the last save', async () => {
    const { store, clock, slow } = await left({ steppedMs: HOUR_MS })
    const run = new SoraPipeline({ ...slow, generator: fakeTaskGenerator({ polls: 3 }), store, clock }).resume('run_1')
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
  })

  it('was saved without the time of the run, and continues by its deadlines', async () => {
    const { store, clock, slow, generator } = await left({
      change: ({ time: _time, ...state }) => state as unknown as StoredRun,
    })
    const run = new SoraPipeline({ ...slow, generator, store, clock }).resume('run_1')
    const from = clock.monotonic()
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'stage-timeout' })
    expect(clock.monotonic() - from).toBe(30_000)
  })

  it('is due at once for advance after the clock was set back', async () => {
    const { store, clock, slow, generator } = await left()
    clock.step(-HOUR_MS)
    const pipeline = new SoraPipeline({ ...slow, generator, store, clock })
    for (let calls = 0; calls < 15; calls += 1) {
      await clock.runUntil(pipeline.advance('run_1'))
      await clock.advance(1000)
    }
    expect(generator.pollCount).toBeGreaterThan(1)
  })

  it('is due when its last clock said so, also when that clock was behind the one that chose the instant', async () => {
    const store = memoryStore()
    const process = (stepMs: number, generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })) => {
      const clock = steppingClock({ now: Date.now() + stepMs })
      const pipeline = new SoraPipeline({
        ...{ generator, store, clock, pollSchedule: () => 1000 },
        deadlines: { generateMs: 6 * HOUR_MS, totalMs: 6 * HOUR_MS },
      })
      return { clock, pipeline }
    }
    const ahead = process(HOUR_MS)
    ahead.pipeline.run(request, { id: 'run_1' })
    await ahead.clock.advance(500)
    // It is behind, takes the run over, and dies before it polls.
    const behind = process(-HOUR_MS / 2)
    behind.pipeline.resume('run_1')
    await behind.clock.advance(10_100)
    const last = process(0, fakeTaskGenerator({ polls: 1 }))
    const run = last.pipeline.resume('run_1')
    const from = last.clock.monotonic()
    await expect(last.clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(last.clock.monotonic() - from).toBeLessThanOrEqual(12_000)
  })

  it('is watched by the monotonic clock: the state of a live process does not age with each look', async () => {
    const store: RunStore = memoryStore()
    const first = steppingClock()
    const generator = fakeTaskGenerator({ polls: 15 })
    const options = { store, deadlines, pollSchedule: () => 3000, clock: first }
    const run = new SoraPipeline({ ...options, generator }).run(request, { id: 'run_1' })
    await first.advance(1500)
    const watcher = new SoraPipeline({ ...options, generator: fakeTaskGenerator() }).resume('run_1')
    await first.advance(5000)
    first.step(HOUR_MS)
    await expect(first.runUntil(watcher.result)).resolves.toMatchObject({ servedBy: 'generator' })
    await expect(run.result).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })
})
