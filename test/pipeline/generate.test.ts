import { describe, expect, it } from 'vitest'
import {
  ContentRejectedError,
  fallback,
  GenerationFailedError,
  memoryStore,
  NetworkError,
  RateLimitError,
  SoraPipeline,
  StageTimeoutError,
  SubmissionUnknownError,
  UpstreamHttpError,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const refusal = new UpstreamHttpError('Could not create, the answer was HTTP 422: host', { status: 422 })
const unknown = new SubmissionUnknownError('Could not learn the outcome: host')
const verdict = new GenerationFailedError('Could not generate: server_error')

describe('a task generator', () => {
  it('is started once and polled on the schedule until it is done', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: 3 })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request, { id: 'run_7' })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ url: expect.any(String), durationMs: 4000 })
    expect(generator).toMatchObject({ startCount: 1, pollCount: 4 })
    expect(generator.calls[0]?.idempotencyKey).toMatch(/^sora_[0-9a-f]{48}$/)
    const progress = (await collect(run)).filter(({ type }) => type === 'stage-progressed')
    expect(progress).toMatchObject([
      { phase: 'queued', elapsedMs: 0 },
      { ratio: 0.25, phase: 'running', elapsedMs: 1000 },
      { ratio: 0.5, elapsedMs: 2000 },
      { ratio: 0.75, elapsedMs: 3000 },
    ])
    const again = fakeTaskGenerator()
    const other = new SoraPipeline({ generator: again, clock, pollSchedule: () => 1 }).run(request, { id: 'run_7' })
    await clock.runUntil(other.result)
    expect(again.calls[0]?.idempotencyKey).toBe(generator.calls[0]?.idempotencyKey)
  })

  it('is not polled when the create answer is terminal', async () => {
    const done = { id: 'video_1', url: 'https://cdn.example/a.mp4' }
    const poll = async () => {
      throw new Error('must not be asked')
    }
    const started = { operation: { id: 'video_1' }, status: { state: 'completed', video: done } as const }
    const pipeline = new SoraPipeline({
      generator: { name: 'sync', start: async () => started, poll },
      clock: manualClock(),
    })
    await expect(pipeline.generate(request)).resolves.toMatchObject({ url: done.url })
    const failed = { operation: { id: 'video_1' }, status: { state: 'failed', error: verdict } as const }
    const failing = new SoraPipeline({
      generator: { name: 'sync', start: async () => failed, poll },
      clock: manualClock(),
    })
    await expect(failing.generate(request)).rejects.toBe(verdict)
  })

  it('takes the upstream hint as a lower bound', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: [{ state: 'queued', pollAfterMs: 9000 }] })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request)
    expect(await clock.runUntil(run.result)).toMatchObject({ durationMs: 10_000 })
  })

  it.each([
    ['a 500', new UpstreamHttpError('Could not poll, the answer was HTTP 500: host', { status: 500 })],
    ['a reset', new NetworkError('Could not poll, no answer came: ECONNRESET')],
    ['a bug of the adapter', new TypeError('undefined is not a function')],
    [
      'a 404 just after the create',
      new UpstreamHttpError('Could not poll, the answer was HTTP 404: host', { status: 404 }),
    ],
  ])('loses one poll and not the job to %s', async (_, error) => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: [error, { state: 'running', ratio: 0.5 }] })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', isDegraded: false })
    expect(generator).toMatchObject({ startCount: 1, pollCount: 3 })
    expect((await run.result).warnings).toMatchObject([{ code: 'poll-missed', stage: 'generate' }])
  })

  it('loses one poll to an upstream that hangs, whatever the generator does about it', async () => {
    const clock = manualClock()
    let polls = 0
    const generator = {
      name: 'hanging',
      start: async () => ({ operation: { id: '1' } }),
      poll: () => {
        polls += 1
        if (polls === 1) return new Promise<never>(() => undefined)
        return Promise.resolve({ state: 'completed', video: { id: '1', url: 'https://cdn.example/a.mp4' } } as const)
      },
    }
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request)
    expect(await clock.runUntil(run.result)).toMatchObject({ durationMs: 32_000 })
  })

  it('waits as long as the rate limit of a poll requires', async () => {
    const clock = manualClock()
    const limited = new RateLimitError('Could not poll, too many requests: host', { retryAfterMs: 20_000 })
    const generator = fakeTaskGenerator({ polls: [limited] })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request)
    expect(await clock.runUntil(run.result)).toMatchObject({ durationMs: 21_000 })
  })

  it('gives up a job that cannot be polled any more, with its handle and without another generator', async () => {
    const clock = manualClock()
    const gone = new UpstreamHttpError('Could not poll, HTTP 410: host', { status: 410 })
    const first = fakeTaskGenerator({ name: 'first', polls: Array.from({ length: 9 }, () => gone) })
    const second = fakeTaskGenerator({ name: 'second' })
    const run = new SoraPipeline({ generator: fallback(first, second), clock, pollSchedule: () => 1000 }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toBe(gone)
    expect(gone.handle).toMatchObject({ generator: 'first', operation: { id: 'task_1' } })
    expect(second.startCount).toBe(0)
    expect((await collect(run)).at(-1)).toMatchObject({
      type: 'run-failed',
      upstream: { state: 'running', generator: 'first' },
    })
  })

  it('fails at its deadline with the handle, and does not pay another generator', async () => {
    const clock = manualClock()
    const first = fakeTaskGenerator({ name: 'first', polls: Number.POSITIVE_INFINITY })
    const second = fakeTaskGenerator({ name: 'second' })
    const generator = fallback(first, second)
    const run = new SoraPipeline({ generator, clock, deadlines: { generateMs: 60_000 } }).run(request)
    const failed = clock.runUntil(run.result)
    await expect(failed).rejects.toMatchObject({
      code: 'stage-timeout',
      stage: 'generate',
      strategy: 'first',
      handle: { generator: 'first', operation: { id: 'task_1' } },
    })
    expect(second.startCount).toBe(0)
    const events = await collect(run)
    expect(events.at(-1)).toMatchObject({ type: 'run-failed', upstream: { state: 'running' } })
    expect(events.find(({ type }) => type === 'attempt-failed')).toMatchObject({ durationMs: 60_000 })
    const overall = new SoraPipeline({ generator: first, clock, deadlines: { totalMs: 30_000 } }).run(request)
    await expect(clock.runUntil(overall.result)).rejects.toMatchObject({
      code: 'stage-timeout',
      handle: { generator: 'first' },
    })
  })

  it('has its own time limit through withTimeout', async () => {
    const clock = manualClock()
    const slow = fakeTaskGenerator({ name: 'slow', polls: Number.POSITIVE_INFINITY })
    const run = new SoraPipeline({ generator: withTimeout(slow, { timeoutMs: 10_000 }), clock }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'stage-timeout',
      timeoutMs: 10_000,
      handle: {},
    })
    expect((await collect(run)).at(-1)?.at).toBe(1_767_225_610_000)
  })

  it('is refused with an unusable video, which was paid and is not generated again', async () => {
    const clock = manualClock()
    const first = fakeTaskGenerator({ name: 'first', video: { id: 'x', url: 'ftp://a' }, polls: 0 })
    const second = fakeTaskGenerator({ name: 'second' })
    const run = new SoraPipeline({ generator: fallback(first, second), clock }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'upstream-response',
      message:
        'Could not use the result of poll() of first: video.url is "ftp://a"; give an absolute http or https address',
      isRetryable: false,
      handle: { generator: 'first' },
    })
    expect(second.startCount).toBe(0)
    const events = await collect(run)
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'attempt-failed',
        strategy: 'first',
        error: expect.objectContaining({ code: 'upstream-response', isRetryable: false }),
      }),
    )
    expect(events.at(-1)).toMatchObject({ upstream: { state: 'finished', handle: { operation: { id: 'task_1' } } } })
  })

  it.each([null, undefined, 'https://cdn.example/a.mp4'])(
    'is refused with %j in the place of a video',
    async (video) => {
      const clock = manualClock()
      const polls = [{ state: 'completed' as const, video: video as never }]
      const { result } = new SoraPipeline({ generator: fakeTaskGenerator({ polls }), clock }).run(request)
      await expect(clock.runUntil(result)).rejects.toMatchObject({
        code: 'upstream-response',
        message: expect.stringContaining('; give { id, url } or { id, source }'),
      })
    },
  )
})

describe('a submission', () => {
  it('that was refused falls to the next generator, with its own key', async () => {
    const clock = manualClock()
    const first = fakeTaskGenerator({ name: 'first', starts: [refusal] })
    const second = fakeTaskGenerator({ name: 'second' })
    const run = new SoraPipeline({ generator: fallback(first, second), clock }).run(request)
    await clock.runUntil(run.result)
    expect(second.calls[0]?.idempotencyKey).not.toBe(first.calls[0]?.idempotencyKey)
    const events = await collect(run)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'attempt-failed', strategy: 'first', error: refusal.toJSON() }),
    )
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'fallback-taken', strategy: 'first', next: 'second' }),
    )
    expect(events).toContainEqual(expect.objectContaining({ type: 'stage-completed', strategy: 'second' }))
    expect((await run.result).attempts.map(({ strategy, outcome }) => [strategy, outcome])).toEqual([
      ['first', 'failed'],
      ['second', 'succeeded'],
    ])
  })

  it('whose job failed falls to the next generator', async () => {
    const clock = manualClock()
    const first = fakeTaskGenerator({
      name: 'first',
      polls: [{ state: 'running' }, { state: 'failed', error: verdict }],
    })
    const second = fakeGenerator({ name: 'second' })
    const run = new SoraPipeline({ generator: fallback(first, second), clock }).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(first.startCount).toBe(1)
    expect(second.calls).toHaveLength(1)
    const alone = new SoraPipeline({
      generator: fakeTaskGenerator({ polls: [{ state: 'failed', error: verdict }] }),
      clock,
    })
    const failing = alone.run(request)
    await expect(clock.runUntil(failing.result)).rejects.toBe(verdict)
    const upstream = { state: 'failed', handle: { operation: { id: 'task_1' } } }
    expect((await collect(failing)).at(-1)).toMatchObject({ type: 'run-failed', upstream })
  })

  it.each([
    ['says so itself', unknown, ''],
    [
      'was cut by a reset',
      Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } }),
      'the error carries the code ECONNRESET',
    ],
    [
      'was answered with 500',
      new UpstreamHttpError('Could not create, the answer was HTTP 500: host', { status: 500 }),
      'the error carries status 500',
    ],
    ['had no answer in time', new DOMException('timed out', 'TimeoutError'), 'the error is of class TimeoutError'],
    ['was cut in the body', new TypeError('terminated'), 'no answer came'],
    ['ran into a bug', new TypeError('a.b is undefined'), 'its own code failed with a TypeError (a.b is undefined)'],
  ])('whose outcome is unknown because it %s is never repeated and never falls to another', async (_, error, why) => {
    const clock = manualClock()
    const first = fakeTaskGenerator({ name: 'first', starts: [error] })
    const second = fakeTaskGenerator({ name: 'second' })
    const generator = withRetry(fallback(withRetry(first), second), { shouldRetry: () => true })
    const run = new SoraPipeline({ generator, clock }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      strategy: 'first',
      ...(error !== unknown && {
        message: `Could not learn whether the submission was accepted, ${why}; it is not repeated: first`,
        cause: { message: (error as Error).message },
      }),
    })
    expect([first.startCount, second.startCount]).toEqual([1, 0])
    expect((await collect(run)).at(-1)).toMatchObject({
      type: 'run-failed',
      upstream: { state: 'unknown', generator: 'first' },
    })
  })

  it('that was never sent may be retried', async () => {
    const clock = manualClock()
    const down = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
    const generator = fakeTaskGenerator({ starts: [down, down] })
    const retried = withRetry(generator, { shouldRetry: () => true, random: () => 1 })
    const run = new SoraPipeline({ generator: retried, clock, pollSchedule: () => 0 }).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ durationMs: 1500 })
    expect(generator.startCount).toBe(3)
    expect(new Set(generator.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(3)
    // The same generator again does not count as another one.
    expect((await collect(run)).map(({ type }) => type)).not.toContain('fallback-taken')
  })

  it('that meets a rate limit is repeated after the required wait', async () => {
    const clock = manualClock()
    const limited = new RateLimitError('Could not create, too many requests: host', { retryAfterMs: 7000 })
    const generator = fakeTaskGenerator({ starts: [limited] })
    const run = new SoraPipeline({
      generator: withRetry(generator, { random: () => 0 }),
      clock,
      pollSchedule: () => 0,
    }).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ durationMs: 7000 })
  })

  it('that moderation rejected ends the chain, unless the chain continues on moderation', async () => {
    const clock = manualClock()
    const rejected = new ContentRejectedError('Could not generate, the prompt was rejected: host')
    const make = () => ({
      first: fakeTaskGenerator({ name: 'first', starts: [rejected] }),
      second: fakeTaskGenerator({ name: 'second' }),
    })
    const strict = make()
    const strictRun = new SoraPipeline({ generator: fallback(strict.first, strict.second), clock }).run(request)
    await expect(clock.runUntil(strictRun.result)).rejects.toBe(rejected)
    expect(strict.second.startCount).toBe(0)
    const lax = make()
    const generator = fallback([lax.first, lax.second], { continueOn: ['content-rejected'] })
    await expect(clock.runUntil(new SoraPipeline({ generator, clock }).generate(request))).resolves.toMatchObject({
      attempts: [
        { strategy: 'first', outcome: 'failed' },
        { strategy: 'second', outcome: 'succeeded' },
      ],
    })
    expect(lax.second.startCount).toBe(1)
  })

  it('reports every error when all generators refused', async () => {
    const clock = manualClock()
    const broke = new Error('no credit')
    const generator = fallback(
      fakeGenerator({ name: 'first', outcome: broke }),
      fakeTaskGenerator({ name: 'second', starts: [refusal] }),
    )
    const run = new SoraPipeline({ generator, clock }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'all-strategies-failed',
      message: 'Could not generate, every strategy of the chain failed: first, second',
      errors: [broke, refusal],
    })
    expect((await collect(run)).at(-1)).not.toHaveProperty('upstream')
    const rejected = new ContentRejectedError('Could not generate, the prompt was rejected: host')
    const strict = fallback(
      fakeTaskGenerator({ name: 'first', starts: [refusal] }),
      fakeTaskGenerator({ name: 'second', starts: [rejected] }),
    )
    await expect(clock.runUntil(new SoraPipeline({ generator: strict, clock }).generate(request))).rejects.toBe(
      rejected,
    )
  })

  it('by a one-shot generator that throws is a failure with its message', async () => {
    const generator = fakeGenerator({ outcome: new Error('no credit') })
    await expect(new SoraPipeline({ generator }).generate(request)).rejects.toMatchObject({
      code: 'generation-failed',
      message: 'Could not generate with fake-generator: no credit',
    })
  })

  it('by a one-shot generator that takes too long is in doubt at the deadline, and no other is tried', async () => {
    const clock = manualClock()
    const second = fakeGenerator({ name: 'second' })
    const generator = fallback(withTimeout(fakeGenerator({ hangs: true }), { timeoutMs: 5000 }), second)
    const run = new SoraPipeline({ generator, clock }).run(request)
    const unknown = { code: 'submission-unknown', isRetryable: false, cause: { code: 'stage-timeout' } }
    await expect(clock.runUntil(run.result)).rejects.toMatchObject(unknown)
    expect(second.calls).toHaveLength(0)
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'unknown' } })
    expect(clock.monotonic()).toBe(5000)
    const earlier = new SoraPipeline({ generator, clock, deadlines: { generateMs: 2000 } }).run(request)
    await expect(clock.runUntil(earlier.result)).rejects.toMatchObject(unknown)
    expect(clock.monotonic()).toBe(7000)
  })

  it('by a one-shot generator whose upstream reports its own time limit is in doubt: the run goes to review', async () => {
    const second = fakeGenerator({ name: 'second' })
    const passed = new StageTimeoutError('Could not generate, the limit passed', { timeoutMs: 900, isRetryable: false })
    const generator = fallback(fakeGenerator({ outcome: passed }), second)
    const pipeline = new SoraPipeline({ generator })
    const run = pipeline.run(request)
    await expect(run.result).rejects.toMatchObject({ code: 'submission-unknown', cause: { code: 'stage-timeout' } })
    expect(await pipeline.get(run.id)).toMatchObject({ status: 'needs-review' })
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'unknown' } })
    expect(second.calls).toHaveLength(0)
  })

  it('whose submitting process exited is never sent again by another process', async () => {
    const store = memoryStore()
    const clock = manualClock()
    const hanging = { ...fakeTaskGenerator({ name: 'g' }), start: () => new Promise<never>(() => undefined) }
    new SoraPipeline({ generator: hanging, store, clock }).run(request, { id: 'run_1' })
    await clock.advance(1)
    const later = manualClock({ now: clock.now() + 3_600_000 })
    const generator = fakeTaskGenerator({ name: 'g' })
    const run = new SoraPipeline({ generator, store, clock: later }).resume('run_1')
    await expect(later.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      message: 'Could not learn the outcome of the submission, the submitting process exited: g',
    })
    expect(generator.startCount).toBe(0)
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'unknown', generator: 'g' } })
  })
})
