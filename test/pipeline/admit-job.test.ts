import { describe, expect, it } from 'vitest'
import { type Admission, withGeneratorRoutes } from '../../src/calling/generator-routes.js'
import {
  AuthenticationError,
  balance,
  fallback,
  GenerationFailedError,
  memoryStore,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  SoraPipeline,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  withCircuitBreaker,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import {
  type FakeTaskGenerator,
  fakeContext,
  fakeGenerator,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat' }
const limited = new RateLimitError('Could not create, too many requests: host', { retryAfterMs: 7000 })
const refusedKey = new AuthenticationError('Could not create, the key was refused: host')
const noCredit = new QuotaExceededError('Could not create, no credit: host')
const unknown = new SubmissionUnknownError('Could not learn the outcome: host')
const verdict = new GenerationFailedError('Could not generate: server_error')
const forever = Number.POSITIVE_INFINITY

function pipelineOf(generator: SoraPipelineOptions['generator'], more: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  return { clock, pipeline: new SoraPipeline({ generator, clock, pollSchedule: () => 1000, ...more }) }
}

/** A second fake of the same name, whose job is not that of the first: a job belongs to one run. */
function withOwnJob(fake: FakeTaskGenerator) {
  const start: FakeTaskGenerator['start'] = async (...given) => ({
    ...(await fake.start(...given)),
    operation: { id: 'task_of_its_own' },
  })
  return { ...fake, start }
}

describe('generators in balance', () => {
  it('hold their place from the submission to the end, and a run waits in line meanwhile', async () => {
    const [a, b] = [fakeTaskGenerator({ name: 'a', polls: 9 }), fakeTaskGenerator({ name: 'b', polls: 4 })]
    const { clock, pipeline } = pipelineOf(balance([a, b], { concurrency: 1 }))
    const runs = [1, 2, 3].map(() => pipeline.run(request))
    await clock.advance(4500)
    expect([a.startCount, b.startCount]).toEqual([1, 1])
    const results = await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    expect([a.startCount, b.startCount]).toEqual([1, 2])
    expect(results.map(({ durationMs }) => durationMs)).toEqual([10_000, 5000, 10_000])
    const events = await collect(runs[2] as (typeof runs)[number])
    const progress = events.filter(({ type }) => type === 'stage-progressed')
    expect(progress.slice(0, 2)).toMatchObject([{ phase: 'waiting' }, { strategy: 'b', phase: 'queued' }])
    expect(events.filter(({ type }) => type === 'stage-started' || type === 'stage-completed')).toMatchObject([
      { stage: 'generate' },
      { stage: 'generate', strategy: 'b' },
    ])
  })

  it('spread runs over members from the first, each reported under its name', async () => {
    const { clock, pipeline } = pipelineOf(balance([fakeGenerator({ name: 'a' }), fakeGenerator({ name: 'b' })]))
    const names: unknown[] = []
    for (let run = 0; run < 4; run += 1) {
      const { attempts } = await clock.runUntil(pipeline.generate(request))
      names.push(attempts.map(({ strategy }) => strategy))
    }
    expect(names).toEqual([['a'], ['b'], ['a'], ['b']])
  })

  it.each([
    ['a verdict', { polls: [{ state: 'failed', error: verdict } as const] }, {}],
    ['a refusal', { starts: [verdict] }, {}],
    ['an unknown submission', { starts: [unknown] }, {}],
    ['a deadline', { polls: forever }, { deadlines: { generateMs: 5000 } }],
  ])('give the place back after %s', async (_, options, more) => {
    let made = 0
    const bad = fakeTaskGenerator({ name: 'a', ...options })
    const good = fakeTaskGenerator({ name: 'a', polls: 0 })
    const first = {
      ...bad,
      start: (...given: Parameters<typeof bad.start>) => {
        made += 1
        return made === 1 ? bad.start(...given) : withOwnJob(good).start(...given)
      },
      poll: (...given: Parameters<typeof bad.poll>) => (made === 1 ? bad : good).poll(...given),
    }
    const { clock, pipeline } = pipelineOf(balance([first], { concurrency: 1 }), more)
    await expect(clock.runUntil(pipeline.generate(request))).rejects.toThrow()
    await expect(clock.runUntil(pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
  })

  it('give the place back after an abort, also of one that waits in line', async () => {
    const a = fakeTaskGenerator({ name: 'a', polls: forever })
    const { clock, pipeline } = pipelineOf(balance([a], { concurrency: 1 }))
    const runs = [1, 2, 3].map(() => pipeline.run(request))
    await clock.advance(2000)
    for (const run of runs.slice(0, 2).reverse()) {
      await run.cancel('enough')
      await expect(run.result).rejects.toBe('enough')
    }
    await clock.advance(2000)
    expect(a).toMatchObject({ startCount: 2, cancelCount: 1 })
    const waiting = (await collect(runs[1] as (typeof runs)[number])).at(-1)
    expect(waiting).toMatchObject({ type: 'run-failed', isAborted: true })
    expect(waiting).not.toHaveProperty('upstream')
    await runs[2]?.cancel()
  })

  it('continue with another member after a refusal that makes one rest, each at most once', async () => {
    const a = fakeTaskGenerator({ name: 'a', starts: [limited] })
    const b = fakeTaskGenerator({ name: 'b', starts: [noCredit] })
    const c = fakeTaskGenerator({ name: 'c' })
    const { clock, pipeline } = pipelineOf(balance([a, b, c]))
    const run = pipeline.run(request)
    const { attempts } = await clock.runUntil(run.result)
    expect(attempts).toMatchObject([
      { strategy: 'a', errorCode: 'rate-limited' },
      { strategy: 'b', errorCode: 'quota-exceeded' },
      { strategy: 'c', outcome: 'succeeded' },
    ])
    expect((await collect(run)).filter(({ type }) => type === 'fallback-taken')).toMatchObject([
      { strategy: 'a', next: 'b' },
      { strategy: 'b', next: 'c' },
    ])
    await clock.runUntil(pipeline.generate(request))
    expect([a.startCount, b.startCount, c.startCount]).toEqual([1, 1, 2])
    await clock.advance(7000)
    await clock.runUntil(pipeline.generate(request))
    expect(a.startCount).toBe(2)
  })

  it('rest also inside a breaker, and not for a nested chain that continues automatically', async () => {
    const a = fakeTaskGenerator({ name: 'a', starts: [limited] })
    const b = fakeTaskGenerator({ name: 'b' })
    const guarded = pipelineOf(withCircuitBreaker(balance([a, b])))
    for (let run = 0; run < 2; run += 1) await guarded.clock.runUntil(guarded.pipeline.generate(request))
    expect([a.startCount, b.startCount]).toEqual([1, 2])
    const c = fakeTaskGenerator({ name: 'c', starts: [limited] })
    const d = fakeTaskGenerator({ name: 'd' })
    const other = fakeTaskGenerator({ name: 'other' })
    const { clock, pipeline } = pipelineOf(balance([fallback(c, d), other]))
    for (let run = 0; run < 3; run += 1) await clock.runUntil(pipeline.generate(request))
    expect([c.startCount, d.startCount, other.startCount]).toEqual([2, 1, 1])
  })

  it('give the place outside back when a run is aborted in the line inside', async () => {
    const task = fakeTaskGenerator({ name: 'a', polls: forever })
    const inner = balance([task], { concurrency: 1 })
    const { clock, pipeline } = pipelineOf(balance([inner], { concurrency: 1 }))
    const direct = new SoraPipeline({ generator: inner, clock, pollSchedule: () => 1000 })
    const holder = direct.run(request)
    await clock.advance(1)
    const aborted = pipeline.run(request)
    await clock.advance(1)
    await aborted.cancel('enough')
    await expect(aborted.result).rejects.toBe('enough')
    const next = pipeline.run(request)
    await clock.advance(1)
    await holder.cancel()
    await clock.advance(1)
    expect(task.startCount).toBe(2)
    await next.cancel()
  })

  it('wait for a rest to end, but not for a key that was refused', async () => {
    const a = fakeTaskGenerator({ name: 'a', starts: [limited, 'accepted', refusedKey] })
    const { clock, pipeline } = pipelineOf(fallback(balance([a]), fakeTaskGenerator({ name: 'last' })))
    await clock.runUntil(pipeline.generate(request))
    const waited = await clock.runUntil(pipeline.generate(request))
    expect(waited.attempts).toMatchObject([{ strategy: 'a', outcome: 'succeeded' }])
    await clock.runUntil(pipeline.generate(request))
    const refused = await clock.runUntil(pipeline.generate(request))
    expect(refused.attempts).toMatchObject([
      { strategy: 'a', errorCode: 'authentication', durationMs: 0 },
      { strategy: 'last', outcome: 'succeeded' },
    ])
    expect(a.startCount).toBe(3)
  })

  it('leave another refusal and an unknown submission to the chain around them', async () => {
    const a = fakeTaskGenerator({ name: 'a', starts: [verdict, unknown] })
    const b = fakeTaskGenerator({ name: 'b' })
    const last = fakeTaskGenerator({ name: 'last' })
    const { clock, pipeline } = pipelineOf(fallback(balance([a, b], { concurrency: [1, 1] }), last))
    await expect(clock.runUntil(pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
    expect([b.startCount, last.startCount]).toEqual([0, 1])
    await clock.runUntil(pipeline.generate(request))
    await expect(clock.runUntil(pipeline.generate(request))).rejects.toMatchObject({ code: 'submission-unknown' })
    expect([a.startCount, b.startCount, last.startCount]).toEqual([2, 1, 1])
  })

  it('are found again after a restart: polls and cancels go to the member that has the job', async () => {
    for (const ending of ['poll', 'cancel']) {
      const store = memoryStore()
      const dying = (name: string) => fakeTaskGenerator({ name, polls: forever })
      const before = manualClock()
      const dead = new SoraPipeline({
        generator: balance([dying('a'), dying('b')]),
        store,
        clock: before,
        pollSchedule: () => 1000,
      })
      dead.run(request, { id: 'run_1' })
      dead.run(request, { id: 'run_2' })
      await before.advance(1500)
      const [a, b] = [fakeTaskGenerator({ name: 'a' }), fakeTaskGenerator({ name: 'b', polls: 3 })]
      const clock = manualClock({ now: before.now() + 60_000 })
      const generator = balance([a, b], { concurrency: 1 })
      const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
      const run = pipeline.resume('run_2')
      if (ending === 'poll') await clock.runUntil(run.result)
      else {
        await clock.advance(10_010) // The lease of the dead process first.
        await run.cancel('enough')
      }
      expect(a).toMatchObject({ startCount: 0, pollCount: 0, cancelCount: 0 })
      expect(b).toMatchObject({ startCount: 0, pollCount: ending === 'poll' ? 4 : 1 })
      expect(b.cancelCount).toBe(ending === 'poll' ? 0 : 1)
    }
  })

  it('count a job again that was resumed after a restart, without making it wait', async () => {
    const store = memoryStore()
    const before = manualClock()
    const dead = new SoraPipeline({
      generator: balance([fakeTaskGenerator({ name: 'a', polls: forever })], { concurrency: 2 }),
      store,
      clock: before,
      pollSchedule: () => 1000,
    })
    dead.run(request, { id: 'run_1' })
    dead.run(request, { id: 'run_2' })
    await before.advance(1500)
    const a = fakeTaskGenerator({ name: 'a', polls: 5 })
    const clock = manualClock({ now: before.now() + 60_000 })
    const generator = balance([withOwnJob(a)], { concurrency: 1 })
    const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    const resumed = ['run_1', 'run_2'].map((id) => pipeline.resume(id))
    await clock.advance(10_100) // The lease of the dead process first.
    expect(a.pollCount).toBe(2)
    const fresh = pipeline.run(request)
    await clock.advance(4000)
    expect(a.startCount).toBe(0)
    await clock.runUntil(Promise.all([...resumed, fresh].map(({ result }) => result)))
    expect(a.startCount).toBe(1)
  })

  it('look up an unknown submission at the member that it was sent to', async () => {
    const submission = { idempotency: 'none', lookup: 'key', settleMs: 5000 } as const
    const a = fakeTaskGenerator({ name: 'a', submission, starts: [unknown], found: [] })
    const b = fakeTaskGenerator({ name: 'b', polls: 2 })
    const { clock, pipeline } = pipelineOf(balance([a, b], { concurrency: 1 }))
    const runs = [1, 2, 3].map(() => pipeline.run(request))
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    expect([a.startCount, a.findCount, b.startCount]).toEqual([2, 3, 2])
    expect(a.calls[1]?.idempotencyKey).toBe(a.calls[0]?.idempotencyKey)
  })

  it('give back what they hold when a run is aborted in a line inside', async () => {
    const a = fakeTaskGenerator({ name: 'a', polls: 5 })
    const inner = balance([a], { concurrency: 1 })
    for (const generator of [balance([inner], { concurrency: 2 }), withCircuitBreaker(inner, { failures: 1 })]) {
      const { clock, pipeline } = pipelineOf(generator)
      const runs = [1, 2, 3].map(() => pipeline.run(request))
      await clock.advance(1000)
      await runs[1]?.cancel('enough')
      const results = [runs[0], runs[2], pipeline.run(request)].map((run) => run?.result)
      await expect(clock.runUntil(Promise.all(results))).resolves.toHaveLength(3)
    }
    expect(a.startCount).toBe(6)
  })

  it('nest with the other combinators', async () => {
    const flaky = fakeTaskGenerator({ name: 'flaky', starts: [limited, limited] })
    const [x, y] = [
      fakeTaskGenerator({ name: 'x', starts: [refusedKey, refusedKey] }),
      fakeTaskGenerator({ name: 'y', starts: [limited] }),
    ]
    const retried = withRetry(flaky, { maxAttempts: 2, random: () => 0 })
    const spread = balance([withTimeout(retried, { timeoutMs: 60_000 }), fallback(x, y)])
    const { clock, pipeline } = pipelineOf(fallback(spread, fakeTaskGenerator({ name: 'last' })))
    const first = await clock.runUntil(pipeline.generate(request))
    expect(first.attempts.map(({ strategy }) => strategy)).toEqual(['flaky', 'flaky', 'x', 'y', 'last'])
    const second = await clock.runUntil(pipeline.generate(request))
    expect(second.attempts.map(({ strategy }) => strategy)).toEqual(['flaky'])
  })

  it('pass over a breaker that is open inside and outside', async () => {
    const refusal = new OverloadedError('Could not create, overloaded: host')
    const [a, b] = [
      fakeTaskGenerator({ name: 'a', starts: Array(9).fill(refusal) }),
      fakeTaskGenerator({ name: 'b', polls: 1 }),
    ]
    const guarded = withCircuitBreaker(a, { failures: 1, resetAfterMs: 1_000_000 })
    const inside = pipelineOf(balance([guarded, b]))
    for (let run = 0; run < 3; run += 1) await inside.clock.runUntil(inside.pipeline.generate(request))
    await inside.clock.advance(30_000)
    const { attempts } = await inside.clock.runUntil(inside.pipeline.generate(request))
    expect(attempts.map(({ strategy, errorCode }) => `${strategy} ${errorCode ?? 'done'}`)).toEqual([
      'a circuit-open',
      'b done',
    ])
    expect(a.startCount).toBe(1)
    const alone = fakeTaskGenerator({ name: 'alone', starts: [verdict, refusal] })
    const outside = pipelineOf(withCircuitBreaker(balance([alone]), { failures: 1 }))
    await expect(outside.clock.runUntil(outside.pipeline.generate(request))).rejects.toBe(verdict)
    await expect(outside.clock.runUntil(outside.pipeline.generate(request))).rejects.toBe(refusal)
    await expect(outside.clock.runUntil(outside.pipeline.generate(request))).rejects.toMatchObject({
      code: 'circuit-open',
    })
  })

  it('called by hand hold the place as long as the call takes', async () => {
    const context = fakeContext()
    const one = fakeGenerator({ name: 'one', delayMs: 100 })
    const spread = balance([one], { concurrency: 1 })
    await context.clock.runUntil(Promise.all([spread.generate(request, context), spread.generate(request, context)]))
    expect(context.clock.monotonic()).toBe(200)
    const tasks = balance([fakeTaskGenerator({ name: 'a', starts: [limited] }), fakeTaskGenerator({ name: 'b' })])
    const { operation } = await tasks.start(request, context)
    expect(operation).toMatchObject({ cursor: { at: { index: 1 } } })
    await expect(tasks.poll(JSON.parse(JSON.stringify(operation)), context)).resolves.toMatchObject({ ratio: 0.5 })
  })
})

describe('permission to have a job', () => {
  it('is given back when it comes after the run has ended', async () => {
    const generator = fakeTaskGenerator()
    let released = 0
    let grant: (admission: Admission) => void = () => undefined
    const routes = {
      generators: [generator],
      locate: () => null,
      first: () => null,
      at: () => ({ generator }),
      next: () => undefined,
      // As if it were granted in the very moment in which the run ends.
      admit: () =>
        new Promise<Admission>((resolve) => {
          grant = resolve
        }),
    }
    const { clock, pipeline } = pipelineOf(withGeneratorRoutes(fakeTaskGenerator(), routes))
    const run = pipeline.run(request)
    await clock.advance(10)
    const cancelled = run.cancel('enough')
    const release = () => {
      released += 1
    }
    grant({ cursor: null, answered() {}, release })
    await cancelled
    await expect(run.result).rejects.toBe('enough')
    expect(released).toBe(1)
    expect(generator.startCount).toBe(0)
  })

  it('ends the run at its deadline, with nothing submitted, when it does not come in time', async () => {
    const a = fakeTaskGenerator({ name: 'a', polls: 50 })
    const generator = balance([a], { concurrency: 1 })
    const { clock, pipeline } = pipelineOf(generator)
    const first = pipeline.run(request)
    await clock.advance(1000)
    const hurried = new SoraPipeline({ generator, clock, deadlines: { generateMs: 5000 } }).run(request)
    await expect(clock.runUntil(hurried.result)).rejects.toMatchObject({ code: 'stage-timeout', strategy: 'a' })
    await expect(hurried.result).rejects.not.toHaveProperty('handle')
    await clock.runUntil(first.result)
    await clock.runUntil(pipeline.generate(request))
    expect(a.startCount).toBe(2)
  })

  it('is given back when the video is there, not when it has been uploaded', async () => {
    const task = fakeTaskGenerator({ name: 'a' })
    const stuck = fakeUploader({ hangs: true })
    const { clock, pipeline } = pipelineOf(balance([task], { concurrency: 1 }), { uploader: stuck })
    const runs = [pipeline.run(request), pipeline.run(request)]
    await clock.advance(20_000)
    expect(stuck.calls).toHaveLength(2)
    await Promise.all(runs.map((run) => run.cancel()))
  })
})
