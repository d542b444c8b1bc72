import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AttemptObserver, withAttemptObserver } from '../../src/contracts/attempt-observer.js'
import {
  AllStrategiesFailedError,
  AuthenticationError,
  balance,
  CircuitOpenError,
  ConfigurationError,
  ContentRejectedError,
  fallback,
  GenerationFailedError,
  InvalidRequestError,
  memoryStore,
  NetworkError,
  OverloadedError,
  SoraPipeline,
  SubmissionUnknownError,
  toOpenAiError,
  type Uploader,
  UpstreamHttpError,
  withCircuitBreaker,
  withRetry,
} from '../../src/index.js'
import {
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const source = fakeSource({ byteLength: 10 })
const request = { prompt: 'A cat' }
const down = new NetworkError('Could not upload, no answer came: ECONNRESET')
const done = { url: 'https://store.example/a.mp4' }
const http = (status: number) => new UpstreamHttpError(`Could not upload, HTTP ${status}: host`, { status })

describe('withCircuitBreaker', () => {
  it('opens after failures in a row, rests, lets one call through, and closes when that succeeds', async () => {
    const context = fakeContext()
    const { clock } = context
    const uploader = fakeUploader({ name: 'drive', label: 'Drive', outcome: [down, down, down, down, done] })
    const guarded = withCircuitBreaker(uploader, { failures: 3, resetAfterMs: 10_000 })
    expect(guarded).toMatchObject({ name: 'drive', label: 'Drive' })
    for (let call = 0; call < 3; call += 1) await expect(guarded.upload(source, context)).rejects.toBe(down)
    await clock.advance(4000)
    const refusal = await guarded.upload(source, context).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(CircuitOpenError)
    expect(refusal).toMatchObject({
      code: 'circuit-open',
      isRetryable: true,
      retryAfterMs: 6000,
      stage: 'upload',
      strategy: 'drive',
      message: 'Could not upload, the circuit is open after repeated failures: drive',
    })
    expect(toOpenAiError(refusal)).toMatchObject({ status: 503, headers: { 'retry-after': '6' } })
    expect(uploader.calls).toHaveLength(3)
    await clock.advance(6000)
    await expect(guarded.upload(source, context)).rejects.toBe(down)
    await expect(guarded.upload(source, context)).rejects.toMatchObject({ retryAfterMs: 10_000 })
    await clock.advance(10_000)
    await expect(guarded.upload(source, context)).resolves.toBe(done)
    await expect(guarded.upload(source, context)).resolves.toBe(done)
    expect(uploader.calls).toHaveLength(6)
  })

  it('lets only one probe call through, and the next one when that was aborted', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    let calls = 0
    const deaf: Uploader = {
      name: 'deaf',
      upload: async () => {
        calls += 1
        if (calls === 1) throw down
        return calls === 2 ? new Promise<never>(() => undefined) : done
      },
    }
    const guarded = withCircuitBreaker(deaf, { failures: 1, resetAfterMs: 1000 })
    await expect(guarded.upload(source, fakeContext({ clock }))).rejects.toBe(down)
    await clock.advance(1000)
    const probe = guarded.upload(source, fakeContext({ clock, signal: controller.signal }))
    const meanwhile = await guarded.upload(source, fakeContext({ clock })).catch((error: unknown) => error)
    expect(meanwhile).toBeInstanceOf(CircuitOpenError)
    expect(meanwhile).not.toHaveProperty('retryAfterMs')
    controller.abort('enough')
    await expect(probe).rejects.toBe('enough')
    await expect(guarded.upload(source, fakeContext({ clock }))).resolves.toBe(done)
    expect(calls).toBe(3)
  })

  it.each([
    ['no answer', down],
    ['HTTP 500', http(500)],
    ['HTTP 501', http(501)],
    ['HTTP 429', http(429)],
    ['a redirect that led nowhere', http(302)],
    ['an overload', new OverloadedError('Could not upload, overloaded: host')],
    ['a refused key', new AuthenticationError('Could not upload, the key was refused: host')],
    ['a refused key, by its status', new AuthenticationError('Could not upload, HTTP 401: host', { status: 401 })],
    ['a bug of the strategy', new TypeError('undefined is not a function')],
    ['a foreign error, whatever its code', Object.assign(new Error('broken pipe'), { code: 'aborted' })],
    ['a chain that failed by one of these', new AllStrategiesFailedError('Could not', { errors: [http(404), down] })],
  ])('counts %s', async (_, error) => {
    const guarded = withCircuitBreaker(fakeUploader({ outcome: error }), { failures: 1 })
    await expect(guarded.upload(source, fakeContext())).rejects.toBe(error)
    await expect(guarded.upload(source, fakeContext())).rejects.toBeInstanceOf(CircuitOpenError)
  })

  it.each([
    ['a wrong request', new InvalidRequestError([{ field: 'image', value: 'there', fix: 'leave it out' }])],
    ['a moderation verdict', new ContentRejectedError('Could not upload, rejected: host')],
    ['HTTP 400', http(400)],
    ['HTTP 404', http(404)],
    ['HTTP 499', http(499)],
    ['a job that was given up', new GenerationFailedError('Could not generate: server_error')],
    ['an unknown outcome', new SubmissionUnknownError('Could not learn the outcome: host')],
    ['a wrong configuration', new ConfigurationError('drive', [{ field: 'key', value: 'nothing', fix: 'give one' }])],
    ['another breaker', new CircuitOpenError('Could not upload, the circuit is open after repeated failures: b')],
    ['a chain of these', new AllStrategiesFailedError('Could not', { errors: [http(404), http(410)] })],
  ])('neither counts %s nor takes it for a success', async (_, error) => {
    const context = fakeContext()
    const uploader = fakeUploader({ outcome: [down, error, error, down, done] })
    const guarded = withCircuitBreaker(uploader, { failures: 2 })
    for (const expected of [down, error, error, down]) {
      await expect(guarded.upload(source, context)).rejects.toBe(expected)
    }
    await expect(guarded.upload(source, context)).rejects.toBeInstanceOf(CircuitOpenError)
  })

  it('does not count what began before it opened or closed', async () => {
    const clock = manualClock()
    const settlers: { resolve(value: typeof done): void; reject(error: unknown): void }[] = []
    const upload = () => new Promise<typeof done>((resolve, reject) => settlers.push({ resolve, reject }))
    const guarded = withCircuitBreaker({ name: 'drive', upload }, { failures: 1, resetAfterMs: 1000 })
    const call = () => guarded.upload(source, fakeContext({ clock }))
    const [first, second, third] = [call(), call(), call()]
    settlers[0]?.reject(down)
    await expect(first).rejects.toBe(down)
    settlers[1]?.resolve(done)
    await second
    await expect(call()).rejects.toBeInstanceOf(CircuitOpenError)
    await clock.advance(1000)
    const probe = call()
    settlers[2]?.reject(down)
    await expect(third).rejects.toBe(down)
    settlers[3]?.resolve(done)
    await probe
    const last = call()
    settlers[4]?.resolve(done)
    await expect(last).resolves.toBe(done)
  })

  it('does not count an abort, and a success resets the count', async () => {
    const context = fakeContext()
    const controller = new AbortController()
    const uploader = fakeUploader({ outcome: [down, done, down], delayMs: 10 })
    const guarded = withCircuitBreaker(uploader, { failures: 2, countsAsFailure: () => true })
    const aborted = guarded.upload(source, fakeContext({ signal: controller.signal, clock: context.clock }))
    controller.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    await expect(context.clock.runUntil(guarded.upload(source, context))).resolves.toBe(done)
    await expect(context.clock.runUntil(guarded.upload(source, context))).rejects.toBe(down)
    await expect(context.clock.runUntil(guarded.upload(source, context))).rejects.toBe(down)
    await expect(guarded.upload(source, context)).rejects.toBeInstanceOf(CircuitOpenError)
    expect(uploader.calls).toHaveLength(4)
  })

  it("counts what the caller's judge counts, and still works after a judge that throws", async () => {
    const context = fakeContext()
    const judge = (error: unknown) => {
      if (error === down) return true
      throw new Error('bad judge')
    }
    const other = new Error('other')
    const uploader = fakeUploader({ outcome: [down, other, done] })
    const guarded = withCircuitBreaker(uploader, { failures: 1, resetAfterMs: 5, countsAsFailure: judge })
    await expect(guarded.upload(source, context)).rejects.toBe(down)
    await context.clock.advance(5)
    await expect(guarded.upload(source, context)).rejects.toThrow('bad judge')
    await expect(guarded.upload(source, context)).resolves.toBe(done)
  })

  it('is passed over in a chain, with the reason', async () => {
    const seen: string[] = []
    const observer: AttemptObserver = {
      succeeded: ({ strategy }) => seen.push(`${strategy.name} succeeded`),
      failed: ({ strategy, error }) => seen.push(`${strategy.name} failed: ${(error as { code: string }).code}`),
      fellBack: (from, next) => seen.push(`${from.name} -> ${next.name}`),
    }
    const context = withAttemptObserver(fakeContext(), observer)
    const dead = fakeUploader({ name: 'dead', outcome: down })
    const chain = fallback(withCircuitBreaker(dead, { failures: 1 }), fakeUploader({ name: 'last' }))
    await chain.upload(source, context)
    await chain.upload(source, context)
    expect(dead.calls).toHaveLength(1)
    expect(seen).toEqual([
      'dead failed: network',
      'dead -> last',
      'last succeeded',
      'dead failed: circuit-open',
      'dead -> last',
      'last succeeded',
    ])
  })

  it('is waited for by a retry around it', async () => {
    const context = fakeContext()
    const uploader = fakeUploader({ outcome: [down, done] })
    const guarded = withCircuitBreaker(uploader, { failures: 1, resetAfterMs: 20_000 })
    const patient = withRetry(guarded, { maxAttempts: 3, random: () => 0 })
    await expect(context.clock.runUntil(patient.upload(source, context))).resolves.toBe(done)
    expect(context.clock.monotonic()).toBe(20_000)
  })

  it('keeps the way to take a post back, also while it is open', async () => {
    const taken: string[] = []
    const publisher = {
      ...fakePublisher({ outcome: down }),
      unpublish: async ({ id }: { id: string }) => void taken.push(id),
    }
    const guarded = withCircuitBreaker(publisher, { failures: 1 })
    await expect(guarded.publish({ id: '1', url: done.url }, fakeContext())).rejects.toBe(down)
    await guarded.unpublish?.({ id: 'post_1' }, fakeContext())
    expect(taken).toEqual(['post_1'])
  })

  it.each([
    [{ failures: 1.5 }, 'failures is 1.5 (give a whole number from 1)'],
    [{ resetAfterMs: '5' }, 'resetAfterMs is "5" (give milliseconds above 0)'],
    [{ countsAsFailure: null }, 'countsAsFailure is null (give a function)'],
  ])('refuses %j', (options, problem) => {
    const make = () => withCircuitBreaker(fakeUploader(), options as object)
    expect(make).toThrow(`Could not configure withCircuitBreaker: ${problem}`)
  })

  it('names every option that is wrong', () => {
    const make = () => withCircuitBreaker(fakeUploader(), { failures: 0, resetAfterMs: 0, countsAsFailure: 3 as never })
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/failures is 0 .*resetAfterMs is 0 .*countsAsFailure is 3/)
  })

  it('lets calls through as documented, whatever the order of events', async () => {
    const step = fc.oneof(
      fc.record({ waitMs: fc.integer({ min: 1, max: 1500 }) }),
      fc.record({ outcome: fc.constantFrom('success', 'failure', 'neutral') }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), async (steps, failures) => {
        const context = fakeContext()
        let next: string = 'success'
        const uploader = fakeUploader({
          outcome: () => {
            if (next === 'success') return done
            throw next === 'failure' ? down : http(404)
          },
        })
        const guarded = withCircuitBreaker(uploader, { failures, resetAfterMs: 1000 })
        let inRow = 0
        let openUntil: number | undefined
        for (const { waitMs, outcome } of steps as { waitMs?: number; outcome?: string }[]) {
          if (waitMs !== undefined) await context.clock.advance(waitMs)
          if (outcome === undefined) continue
          next = outcome
          const before = uploader.calls.length
          await guarded.upload(source, context).catch(() => undefined)
          const isCalled = uploader.calls.length > before
          const now = context.clock.monotonic()
          expect(isCalled).toBe(openUntil === undefined || now >= openUntil)
          if (!isCalled || outcome === 'neutral') continue
          inRow = outcome === 'failure' ? inRow + 1 : 0
          openUntil = inRow >= failures ? now + 1000 : undefined
        }
      }),
      { numRuns: 100 },
    )
  })

  it('has at most one probe call in progress while it is open, and never locks up', async () => {
    const step = fc.oneof(
      fc.constant({ kind: 'call' as const }),
      fc.record({
        kind: fc.constant('settle' as const),
        pick: fc.nat(20),
        outcome: fc.constantFrom('success', 'failure', 'neutral', 'abort'),
      }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1500 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const clock = manualClock()
        const open: { settle(outcome: string): void; isProbe: boolean; ended: Promise<unknown> }[] = []
        let isResting = false
        const uploader = {
          name: 'u',
          upload: () => new Promise<typeof done>((resolve, reject) => settlers.push({ resolve, reject })),
        }
        const settlers: { resolve(value: typeof done): void; reject(error: unknown): void }[] = []
        const guarded = withCircuitBreaker(uploader, { failures: 2, resetAfterMs: 1000 })
        for (const one of steps) {
          if (one.kind === 'wait') await clock.advance(one.ms)
          else if (one.kind === 'call') {
            const controller = new AbortController()
            const before = settlers.length
            const ended = guarded
              .upload(source, fakeContext({ clock, signal: controller.signal }))
              .then(() => 'success', (error: unknown) => error) // biome-ignore format: one line is readable
            const settler = settlers[before]
            if (settler === undefined) {
              expect(await ended).toBeInstanceOf(CircuitOpenError)
              isResting = true
              continue
            }
            // Let through after a refusal and with no success in between: that is a probe.
            if (isResting) expect(open.filter(({ isProbe }) => isProbe)).toEqual([])
            const settle = (outcome: string) => {
              if (outcome === 'success') settler.resolve(done)
              else if (outcome === 'abort') controller.abort('enough')
              else settler.reject(outcome === 'failure' ? down : http(404))
            }
            open.push({ settle, isProbe: isResting, ended })
          } else if (open.length > 0) {
            const [call] = open.splice(one.pick % open.length, 1)
            call?.settle(one.outcome)
            if ((await call?.ended) === 'success' && call?.isProbe) isResting = false
          }
        }
        for (const call of open) call.settle('abort')
        await Promise.all(open.map(({ ended }) => ended))
        await clock.advance(1000)
        const last = guarded.upload(source, fakeContext({ clock }))
        settlers.at(-1)?.resolve(done)
        await expect(last).resolves.toBe(done)
      }),
      { numRuns: 100 },
    )
  })
})

describe('a generator with a circuit breaker', () => {
  const refusal = new OverloadedError('Could not create, overloaded: host')
  const FAKE = { id: 'gen_1', url: done.url }
  const make = (first: ReturnType<typeof fakeTaskGenerator>, resetAfterMs = 60_000) => {
    const clock = manualClock()
    const last = fakeTaskGenerator({ name: 'last' })
    const generator = fallback(withCircuitBreaker(first, { failures: 2, resetAfterMs }), last)
    const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 })
    return { clock, last, pipeline }
  }

  it('is passed over without a submission once it was refused often enough', async () => {
    const first = fakeTaskGenerator({ name: 'first', starts: [refusal, refusal] })
    const { clock, last, pipeline } = make(first)
    for (let run = 0; run < 2; run += 1) await clock.runUntil(pipeline.generate(request))
    const run = pipeline.run(request)
    const result = await clock.runUntil(run.result)
    expect(first.startCount).toBe(2)
    expect(last.startCount).toBe(3)
    expect(result.attempts).toMatchObject([
      { strategy: 'first', outcome: 'failed', errorCode: 'circuit-open', durationMs: 0 },
      { strategy: 'last', outcome: 'succeeded' },
    ])
    const types = (await collect(run)).map(({ type }) => type)
    expect(types.slice(0, 4)).toEqual(['run-started', 'stage-started', 'attempt-failed', 'fallback-taken'])
    await clock.advance(60_000)
    await clock.runUntil(pipeline.generate(request))
    expect(first.startCount).toBe(3)
  })

  it('closes when a submission was accepted, not when the job has ended', async () => {
    const starts = [refusal, refusal, 'accepted', 'accepted'] as const
    const first = fakeTaskGenerator({ name: 'first', starts, polls: Number.POSITIVE_INFINITY })
    const { clock, last, pipeline } = make(first)
    for (let run = 0; run < 2; run += 1) await clock.runUntil(pipeline.generate(request))
    await clock.advance(60_000)
    const runs = [pipeline.run(request)]
    await clock.advance(2000)
    runs.push(pipeline.run(request))
    await clock.advance(2000)
    expect(first.startCount).toBe(4)
    expect(last.startCount).toBe(2)
    for (const run of runs) await run.cancel()
  })

  it('does not count a submission whose outcome is not known, and does not wait for it', async () => {
    const unknown = new SubmissionUnknownError('Could not learn the outcome: host')
    const first = fakeTaskGenerator({ name: 'first', starts: [refusal, unknown, unknown, unknown, refusal] })
    const { clock, pipeline } = make(first)
    await clock.runUntil(pipeline.generate(request))
    for (let run = 0; run < 3; run += 1) {
      await expect(clock.runUntil(pipeline.generate(request))).rejects.toMatchObject({ code: 'submission-unknown' })
    }
    await clock.runUntil(pipeline.generate(request))
    expect(first.startCount).toBe(5)
    await clock.runUntil(pipeline.generate(request))
    expect(first.startCount).toBe(5)
  })

  it('lets another probe through while the outcome of the first is looked up', async () => {
    const unknown = new SubmissionUnknownError('Could not learn the outcome: host')
    const submission = { idempotency: 'none', lookup: 'key', settleMs: 100_000 } as const
    const starts = [refusal, refusal, unknown]
    const first = fakeTaskGenerator({ name: 'first', starts, submission, found: [{ id: 'task_3' }] })
    const { clock, pipeline } = make(first)
    for (let run = 0; run < 2; run += 1) await clock.runUntil(pipeline.generate(request))
    await clock.advance(60_000)
    const doubtful = pipeline.run(request)
    await clock.advance(1000)
    const { attempts } = await clock.runUntil(pipeline.generate(request))
    expect(attempts).toMatchObject([{ strategy: 'first', outcome: 'succeeded' }])
    await clock.runUntil(doubtful.result)
    expect(first.startCount).toBe(4)
  })

  it('polls a job that was accepted whatever the state, also after a restart', async () => {
    const store = memoryStore()
    const before = manualClock()
    new SoraPipeline({
      generator: withCircuitBreaker(fakeTaskGenerator({ name: 'g', polls: Number.POSITIVE_INFINITY })),
      store,
      clock: before,
      pollSchedule: () => 1000,
    }).run(request, { id: 'run_1' })
    await before.advance(1500)
    const clock = manualClock({ now: before.now() + 60_000 })
    const generator = fakeTaskGenerator({ name: 'g', starts: [refusal], polls: 0 })
    const pipeline = new SoraPipeline({ generator: withCircuitBreaker(generator, { failures: 1 }), store, clock })
    await expect(clock.runUntil(pipeline.generate(request))).rejects.toBe(refusal)
    await expect(clock.runUntil(pipeline.resume('run_1').result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })

  it('counts a chain inside as a whole', async () => {
    const clock = manualClock()
    const [a, b] = [
      fakeTaskGenerator({ name: 'a', starts: [refusal, refusal, refusal] }),
      fakeTaskGenerator({ name: 'b', starts: ['accepted', refusal, refusal] }),
    ]
    const generator = fallback(withCircuitBreaker(fallback(a, b), { failures: 1 }), fakeTaskGenerator({ name: 'c' }))
    const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 })
    for (let run = 0; run < 3; run += 1) await clock.runUntil(pipeline.generate(request))
    expect([a.startCount, b.startCount]).toEqual([2, 2])
  })

  it('lets another probe through when the first was aborted in a line inside', async () => {
    const clock = manualClock()
    const task = fakeTaskGenerator({ name: 'g', starts: [refusal], polls: Number.POSITIVE_INFINITY })
    const spread = balance([task], { concurrency: 1 })
    const guarded = withCircuitBreaker(spread, { failures: 1, resetAfterMs: 1000 })
    const pipelineOf = (generator: typeof guarded) => new SoraPipeline({ generator, clock, pollSchedule: () => 1000 })
    await expect(clock.runUntil(pipelineOf(guarded).generate(request))).rejects.toBe(refusal)
    await clock.advance(60_000)
    const holder = pipelineOf(spread).run(request)
    await clock.advance(1)
    const probe = pipelineOf(guarded).run(request)
    await clock.advance(1)
    await probe.cancel('enough')
    await expect(probe.result).rejects.toBe('enough')
    await holder.cancel()
    const next = pipelineOf(guarded).run(request)
    await clock.advance(1)
    expect(task.startCount).toBe(3)
    await next.cancel()
  })

  it('called by hand works alike', async () => {
    const context = fakeContext()
    const once = withCircuitBreaker(fakeGenerator({ outcome: refusal }), { failures: 1 })
    await expect(once.generate(request, context)).rejects.toBe(refusal)
    await expect(once.generate(request, context)).rejects.toBeInstanceOf(CircuitOpenError)
    const flaky = withCircuitBreaker(fakeGenerator({ outcome: [refusal, FAKE, refusal, FAKE] }), { failures: 2 })
    for (const isRefused of [true, false, true, false]) {
      const call = flaky.generate(request, context)
      await (isRefused ? expect(call).rejects.toBe(refusal) : expect(call).resolves.toBe(FAKE))
    }
    const task = fakeTaskGenerator({ starts: [refusal], polls: 0 })
    const guarded = fallback(withCircuitBreaker(task, { failures: 1 }), fakeTaskGenerator({ name: 'last' }))
    await guarded.start(request, context)
    const { operation } = await guarded.start(request, context)
    expect(task.startCount).toBe(1)
    await expect(guarded.poll(operation, context)).resolves.toMatchObject({ state: 'running' })
  })
})
