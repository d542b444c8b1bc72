import { describe, expect, it } from 'vitest'
import {
  fallback,
  memoryStore,
  NetworkError,
  RateLimitError,
  SoraPipeline,
  type SoraPipelineOptions,
  type StoredRun,
  SubmissionUnknownError,
  type SubmitContext,
  type TaskGenerator,
} from '../../src/index.js'
import {
  type FakeTaskGeneratorOptions,
  fakeTaskGenerator,
  type ManualClock,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const unknown = new SubmissionUnknownError('Could not learn the outcome: host')
const byFind = { idempotency: 'none', lookup: 'fingerprint', settleMs: 5000 } as const
const byKey = { idempotency: 'key', lookup: 'none' } as const

function make(options: FakeTaskGeneratorOptions, more: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ name: 'first', ...options })
  const second = fakeTaskGenerator({ name: 'second' })
  const store = memoryStore()
  const pipeline = new SoraPipeline({
    generator: fallback(generator, second),
    store,
    clock,
    pollSchedule: () => 1000,
    ...more,
  })
  return { clock, generator, second, store, pipeline }
}

/** A run whose process died right after it saved its intent. */
async function leftAtIntent(options: FakeTaskGeneratorOptions, outageMs = 31_000) {
  const store = memoryStore()
  const dead = manualClock()
  new SoraPipeline({
    generator: fakeTaskGenerator({ ...options, name: 'first', hangs: 'start' }),
    store,
    clock: dead,
  }).run(request, { id: 'run_1' })
  await dead.advance(10)
  const clock = manualClock({ now: dead.now() + outageMs })
  const generator = fakeTaskGenerator({ name: 'first', ...options })
  const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
  return { clock, generator, pipeline, store }
}

describe('an unknown submission', () => {
  it('is searched for from an hour earlier by another process, whose clock may differ', async () => {
    const { clock, generator, store } = await leftAtIntent({ submission: byFind, found: [] }, -120_000)
    const ages: number[] = []
    const find: TaskGenerator['find'] = async (_, { submittedAt }) => {
      ages.push(clock.now() - submittedAt)
      return 'unclear'
    }
    const other = new SoraPipeline({ generator: { ...generator, find }, store, clock, pollSchedule: () => 1000 })
    const [run] = await other.recover()
    await expect(clock.runUntil<unknown>(run?.result ?? Promise.resolve())).rejects.toThrow(
      'Could not learn the outcome',
    )
    expect(ages.length).toBeGreaterThan(0)
    expect(Math.min(...ages)).toBeGreaterThanOrEqual(3_600_000)
  })

  it('is looked up after two seconds, and its job is taken over if there is one', async () => {
    const { clock, generator, second, store, pipeline } = make({
      starts: [unknown],
      submission: byFind,
      found: [{ id: 'task_9' }],
    })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(1999)
    expect(generator.findCount).toBe(0)
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'running', submission: { state: 'unknown' } })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator).toMatchObject({ startCount: 1, findCount: 1 })
    expect(second.startCount).toBe(0)
    expect(await store.claim('job:first', JSON.stringify({ id: 'task_9' }), 'run_2')).toBe(false)
    expect((await collect(run)).filter(({ type }) => type === 'attempt-failed')).toMatchObject([
      { strategy: 'first', error: { code: 'submission-unknown' } },
    ])
  })

  it('is sent again only after two lookups found nothing once it has settled', async () => {
    const { clock, generator, pipeline } = make({ starts: [unknown], submission: byFind, found: [] })
    const run = pipeline.run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator).toMatchObject({ startCount: 2, findCount: 3 })
    expect(generator.calls[1]?.idempotencyKey).toBe(generator.calls[0]?.idempotencyKey)
    expect((generator.calls[1]?.at ?? 0) - (generator.calls[0]?.at ?? 0)).toBe(7000)
  })

  it('is sent again under the same key where the upstream honours keys, until the deadline', async () => {
    const once = make({ starts: [unknown], submission: byKey })
    await expect(once.clock.runUntil(once.pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
    expect(once.generator.startCount).toBe(2)
    expect(new Set(once.generator.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    const unknowns = Array.from({ length: 200 }, () => unknown)
    const always = make({ starts: unknowns, submission: byKey }, { deadlines: { generateMs: 600_000 } })
    const run = always.pipeline.run(request, { id: 'run_1' })
    await expect(always.clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await always.store.load('run_1'))?.state.status).toBe('needs-review')
    expect(always.generator.startCount).toBeGreaterThan(10)
    expect(always.generator.startCount).toBeLessThan(20)
    expect(new Set(always.generator.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect(always.second.startCount).toBe(0)
  })

  it.each([
    ['is not to be relied on', { idempotency: 'none', lookup: 'none' } as const, [{ id: 'task_9' }]],
    ['is not there', byFind, undefined],
    ['is not said to be of use', undefined, [{ id: 'task_9' }]],
  ])('goes to a person at once where a lookup %s', async (_, submission, found) => {
    const { clock, generator, pipeline } = make({ starts: [unknown], submission, ...(found && { found }) })
    const began = clock.now()
    await expect(clock.runUntil(pipeline.run(request).result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect([generator.startCount, generator.findCount, clock.now() - began]).toEqual([1, 0, 0])
  })

  it('is looked up again when a lookup hangs', async () => {
    const { clock, generator } = make({ starts: [unknown], submission: byFind, found: [{ id: 'task_9' }] })
    let finds = 0
    const find: NonNullable<typeof generator.find> = (...given) => {
      finds += 1
      return finds === 1 ? new Promise(() => undefined) : (generator.find?.(...given) ?? Promise.resolve([]))
    }
    const run = new SoraPipeline({ generator: { ...generator, find }, clock, pollSchedule: () => 1000 }).run(request)
    const { warnings } = await clock.runUntil(run.result)
    expect(warnings).toEqual([
      {
        code: 'lookup-failed',
        message: 'Could not look up the job: Could not list the jobs of first, no answer within: 30000 ms',
        stage: 'generate',
      },
    ])
    expect([generator.startCount, finds]).toEqual([1, 2])
  })

  it('goes to a person when there is more than one job that it could be', async () => {
    const { clock, generator, store, pipeline } = make({
      starts: [unknown],
      submission: byFind,
      found: [{ id: 'a' }, { id: 'b' }],
    })
    const run = pipeline.run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await store.load('run_1'))?.state.status).toBe('needs-review')
    expect(await store.due(Number.MAX_SAFE_INTEGER, 9)).toEqual([])
    expect(generator.startCount).toBe(1)
  })

  it('that is sent again under its key stays unknown when that send is refused', async () => {
    const refusal = new RateLimitError('Could not create, too many requests: host', { retryAfterMs: 9000 })
    const { clock, generator, second, pipeline } = make({ starts: [unknown, refusal], submission: byKey })
    await expect(clock.runUntil(pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(3)
    expect(new Set(generator.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
    expect((generator.calls[2]?.at ?? 0) - (generator.calls[1]?.at ?? 0)).toBe(9000)
    expect(second.startCount).toBe(0)
  })

  it('settles again after every send', async () => {
    const { clock, generator, pipeline } = make({ starts: [unknown, unknown], submission: byFind, found: [] })
    await expect(clock.runUntil(pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
    const [first = 0, second = 0, third = 0] = generator.calls.map(({ at }) => at)
    expect([second - first, third - second]).toEqual([7000, 7000])
  })

  it('is not taken for a job that another run owns', async () => {
    const { clock, generator, store, pipeline } = make({
      starts: [unknown],
      submission: byFind,
      found: [{ id: 'task_9' }],
    })
    await store.claim('job:first', JSON.stringify({ id: 'task_9' }), 'run_of_another')
    await expect(clock.runUntil(pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(2)
  })

  it('is looked up again when the lookup fails, until the deadline', async () => {
    const down = new NetworkError('Could not list, no answer came: ECONNRESET')
    const failing = make({ starts: [unknown], submission: byFind, found: [] }, { deadlines: { generateMs: 60_000 } })
    failing.generator.find = () => Promise.reject(down)
    const run = failing.pipeline.run(request, { id: 'run_1' })
    await expect(failing.clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      message: expect.stringContaining(down.message),
      cause: { code: 'stage-timeout', cause: { code: 'network' } },
    })
    expect((await failing.store.load('run_1'))?.state.status).toBe('needs-review')
    expect((await collect(run)).filter(({ type }) => type === 'warning')).toMatchObject([{ code: 'lookup-failed' }])
  })

  it('is looked up until it has settled, also past the deadline, and then the error says that nothing was accepted', async () => {
    const late = make(
      { starts: [unknown], submission: { ...byFind, settleMs: 60_000 }, found: [] },
      { deadlines: { generateMs: 20_000 } },
    )
    const run = late.pipeline.run(request, { id: 'run_1' })
    const startedAt = late.clock.now()
    const lookups: number[] = []
    late.generator.find = async () => {
      lookups.push(late.clock.now())
      return []
    }
    await expect(late.clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'stage-timeout',
      message: 'Could not generate with first in time: 20000 ms, nothing was accepted',
      isRetryable: true,
      isRefusal: true,
    })
    // One early lookup is after the deadline.
    expect(lookups.map((at) => at - startedAt)).toEqual([2000, 10_000, 30_000, 60_000, 62_000])
    expect([late.generator.startCount, late.second.startCount]).toEqual([1, 0])
    const record = await late.pipeline.get('run_1')
    expect(record).toMatchObject({ status: 'failed', isRefused: true, error: { isRefusal: true } })
  })

  it.each([
    ['an early lookup', 25_000, 30_000],
    ['the lookup of a submission that has settled', 40_000, 60_000],
  ])('is taken when %s past the deadline finds its job', async (_, listedAfterMs, takenAfterMs) => {
    const { clock, generator, pipeline } = make(
      { starts: [unknown], submission: { ...byFind, settleMs: 60_000 }, found: [], polls: 0 },
      { deadlines: { generateMs: 20_000 } },
    )
    const startedAt = clock.now()
    const run = pipeline.run(request)
    await clock.advance(listedAfterMs)
    generator.find = async () => [{ id: 'task_7' }]
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect([clock.now() - startedAt, generator.startCount]).toEqual([takenAfterMs, 1])
  })

  it('is settled by a person: with the job, or as not submitted', async () => {
    for (const verdict of ['not-submitted', { operation: { id: 'task_7' } }] as const) {
      const { clock, generator, pipeline } = make({ starts: [unknown], polls: 1 })
      await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toMatchObject({
        code: 'submission-unknown',
      })
      await expect(pipeline.resume('run_1').result).rejects.toMatchObject({ code: 'submission-unknown' })
      await clock.advance(86_400_000)
      const run = await pipeline.settle('run_1', verdict)
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
      expect(generator.startCount).toBe(verdict === 'not-submitted' ? 2 : 1)
      await expect(pipeline.settle('run_1', verdict)).rejects.toMatchObject({
        code: 'run-state',
        message: expect.stringContaining('not in review but completed'),
      })
    }
    await expect(make({}).pipeline.settle('nobody', 'not-submitted')).rejects.toMatchObject({ code: 'run-state' })
  })
})

describe('a run whose process died at the intent', () => {
  it('is found at the upstream', async () => {
    const { clock, generator, pipeline } = await leftAtIntent({ submission: byFind, found: [{ id: 'task_9' }] })
    const [run] = await pipeline.recover()
    await expect(clock.runUntil(run?.result ?? Promise.reject())).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator).toMatchObject({ startCount: 0, findCount: 1 })
    expect(await pipeline.recover()).toEqual([])
  })

  describe('longer ago than it may take', () => {
    const DAY_MS = 86_400_000

    it('is found at the upstream, and its job is polled', async () => {
      const found = { submission: byFind, found: [{ id: 'task_9' }], polls: 0 }
      const { clock, generator, pipeline } = await leftAtIntent(found, DAY_MS)
      const { result } = pipeline.resume('run_1')
      await expect(clock.runUntil(result)).resolves.toMatchObject({ servedBy: 'generator' })
      expect(generator).toMatchObject({ startCount: 0, findCount: 1 })
    })

    it('fails when two lookups of what has settled prove that nothing was accepted', async () => {
      const { clock, generator, pipeline } = await leftAtIntent({ submission: byFind, found: [] }, DAY_MS)
      await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject({ code: 'stage-timeout' })
      expect(generator).toMatchObject({ startCount: 0, findCount: 3 })
      expect(await pipeline.get('run_1')).toMatchObject({ status: 'failed' })
    })

    it.each(['hangs', 'fails'])('goes to a person when the lookup %s', async (how) => {
      const { clock, generator, pipeline } = await leftAtIntent({ submission: byFind, found: [] }, DAY_MS)
      let finds = 0
      generator.find = () => {
        finds += 1
        return how === 'hangs' ? new Promise(() => undefined) : Promise.reject(new NetworkError('Could not list: host'))
      }
      const before = clock.now()
      await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject({
        code: 'submission-unknown',
        cause: { code: 'stage-timeout' },
      })
      expect({ finds, ms: clock.now() - before }).toEqual({ finds: 2, ms: how === 'hangs' ? 22_000 : 15_000 })
    })

    it('is not sent again under its key: that would pay for a video that no one waits for', async () => {
      const { clock, generator, pipeline, store } = await leftAtIntent({ submission: byKey }, DAY_MS)
      await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject({
        code: 'submission-unknown',
      })
      expect(generator.startCount).toBe(0)
      expect((await store.load('run_1'))?.state.status).toBe('needs-review')
    })
  })

  it('is sent again under its key', async () => {
    const { clock, generator, pipeline } = await leftAtIntent({ submission: byKey })
    await expect(clock.runUntil(pipeline.resume('run_1').result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })

  it('goes to a person where the upstream has no lookup', async () => {
    const { clock, generator, pipeline, store } = await leftAtIntent({})
    await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await store.load('run_1'))?.state.status).toBe('needs-review')
    expect(generator.startCount).toBe(0)
  })
})

describe('a process that was paused', () => {
  /** A clock that jumps, as it does for a process that was stopped: both of its times, or one. */
  const stoppable = (clock: ManualClock, times: readonly ('now' | 'monotonic')[]) => {
    let jump = 0
    return {
      ...clock,
      now: () => clock.now() + (times.includes('now') ? jump : 0),
      monotonic: () => clock.monotonic() + (times.includes('monotonic') ? jump : 0),
      stopFor: (ms: number) => {
        jump += ms
      },
    }
  }

  it.each([
    [10_001, ['now', 'monotonic'], 2],
    [10_000, ['now', 'monotonic'], 2],
    [9999, ['now', 'monotonic'], 1],
    [3_600_000, ['now'], 1],
    [-3_600_000, ['now'], 1],
    [10_000, ['monotonic'], 2],
    [9999, ['monotonic'], 1],
  ] as const)('for %i ms by %j sends after %i confirmations, and once', async (ms, times, confirmations) => {
    const clock = stoppable(manualClock(), times)
    const generator = fakeTaskGenerator({ polls: 0 })
    let stops = 0
    const start = (input: typeof request, context: SubmitContext) => {
      stops += 1
      if (stops === 1) clock.stopFor(ms) // Between the check of the pipeline and the send.
      context.confirm?.()
      return generator.start(input, context)
    }
    const deadlines = { generateMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY }
    const options = { generator: { ...generator, start }, clock, deadlines, pollSchedule: () => 0 }
    const run = new SoraPipeline(options).run(request)
    await expect(run.result).resolves.toMatchObject({ servedBy: 'generator' })
    expect([stops, generator.startCount]).toEqual([confirmations, 1])
  })

  it('does not send when another process took the run over meanwhile', async () => {
    const clock = stoppable(manualClock(), ['now', 'monotonic'])
    const store = memoryStore()
    const generator = fakeTaskGenerator()
    const start = async (_: unknown, context: SubmitContext): Promise<never> => {
      clock.stopFor(31_000)
      const loaded = await store.load('run_1')
      await store.save('run_1', loaded?.version ?? 0, {
        ...(loaded?.state as StoredRun),
        status: 'completed',
        step: 'finish',
        video: { id: 'gen_9', url: 'https://cdn.example/nine.mp4' },
      })
      context.confirm?.()
      throw new Error('must not get here')
    }
    const run = new SoraPipeline({ generator: { ...generator, start }, store, clock }).run(request, { id: 'run_1' })
    await expect(run.result).resolves.toMatchObject({ url: 'https://cdn.example/nine.mp4' })
  })

  it('keeps the job that it alone knew of, and reports a second one', async () => {
    for (const other of ['unknown', 'accepted'] as const) {
      const clock = manualClock()
      const store = memoryStore()
      const generator = fakeTaskGenerator({ polls: 0 })
      const start = async (input: typeof request, context: SubmitContext) => {
        const started = await generator.start(input, context)
        const loaded = await store.load('run_1')
        const state = loaded?.state as StoredRun & { submission: object }
        const handle = { generator: generator.name, operation: { id: 'another' }, startedAt: clock.now() }
        const job = { handle, readings: [], misses: 0, lastingMisses: 0 }
        const submission = { ...state.submission, state: other, ...(other === 'accepted' && job) }
        await store.save('run_1', loaded?.version ?? 0, { ...state, submission, wakeAt: clock.now() + 60_000 })
        return started
      }
      const run = new SoraPipeline({ generator: { ...generator, start }, store, clock, pollSchedule: () => 0 }).run(
        request,
        { id: 'run_1' },
      )
      const result = await clock.runUntil(run.result)
      expect(result.servedBy).toBe('generator')
      expect(generator.startCount).toBe(1)
      const warning = { code: 'duplicate-submission', message: expect.stringContaining('task_1') }
      const events = (await collect(run)).filter(({ type }) => type === 'warning')
      for (const told of [events, result.warnings]) expect(told).toMatchObject(other === 'accepted' ? [warning] : [])
    }
  })
})

describe('the lease', () => {
  it('is renewed while an effect lasts, so that no other process takes the run', async () => {
    const store = memoryStore()
    const clock = manualClock()
    const slow = {
      name: 'slow',
      upload: async (_: unknown, { clock: time }: SubmitContext) => {
        await time.sleep(100_000)
        return { url: 'https://store.example/a.mp4' }
      },
    }
    const generator = fakeTaskGenerator({ polls: 0 })
    const options = { generator, store, clock, pollSchedule: () => 0 }
    const first = new SoraPipeline({ ...options, uploader: slow as never }).run(request, { id: 'run_1' })
    await clock.advance(1000)
    let uploads = 0
    const counting = {
      name: 'slow',
      upload: async () => {
        uploads += 1
        return { url: 'https://store.example/b.mp4' }
      },
    }
    const second = new SoraPipeline({ ...options, uploader: counting }).resume('run_1')
    await expect(clock.runUntil(second.result)).resolves.toMatchObject({ url: 'https://store.example/a.mp4' })
    await expect(first.result).resolves.toMatchObject({ url: 'https://store.example/a.mp4' })
    expect(uploads).toBe(0)
  })

  it('ends the effect of its process when it is lost', async () => {
    const store = memoryStore()
    const clock = manualClock()
    const reasons: unknown[] = []
    const hanging = {
      name: 'hanging',
      upload: (_: unknown, { signal }: SubmitContext) =>
        new Promise<never>((_, reject) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          }),
        ),
    }
    const run = new SoraPipeline({
      generator: fakeTaskGenerator({ polls: 0 }),
      uploader: hanging as never,
      store,
      clock,
      pollSchedule: () => 0,
    }).run(request, { id: 'run_1' })
    await clock.advance(1000)
    const loaded = await store.load('run_1')
    await store.save('run_1', loaded?.version ?? 0, {
      ...(loaded?.state as StoredRun),
      status: 'completed',
      step: 'finish',
    })
    await clock.advance(10_000)
    await expect(run.result).resolves.toMatchObject({ servedBy: 'generator' })
    expect(reasons).toMatchObject([{ code: 'run-fenced' }])
    expect((await collect(run)).filter(({ type }) => type === 'stage-failed' || type === 'attempt-failed')).toEqual([])
  })
})
