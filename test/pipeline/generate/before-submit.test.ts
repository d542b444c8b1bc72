import { describe, expect, it, vi } from 'vitest'
import {
  AuthenticationError,
  type BeforeSubmit,
  type BeforeSubmitContext,
  ContentRejectedError,
  FencedError,
  fallback,
  GenerationFailedError,
  memoryStore,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  type VideoRequest,
} from '../../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const VIDEO = { id: 'gen_1', url: 'https://cdn.example/a.mp4' }

function world(beforeSubmit: unknown, options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const store: RunStore = options.store ?? memoryStore({ clock })
  const first = fakeTaskGenerator({ name: 'first' })
  const second = fakeTaskGenerator({ name: 'second' })
  const generator = fallback(first, second)
  const config = { generator, store, clock, pollSchedule: () => 10, ...options }
  const pipeline = new SoraPipeline({ ...config, beforeSubmit: beforeSubmit as BeforeSubmit })
  const outcome = async (run = pipeline.run(request, { id: 'run_1', owner: 'ann' })) => {
    const error: unknown = await clock.runUntil(run.result).catch((thrown: unknown) => thrown)
    return { error, events: await collect(run), record: await pipeline.get('run_1') }
  }
  return { clock, store, pipeline, first, second, outcome, sent: () => first.startCount + second.startCount }
}

describe('a submission', () => {
  it('is asked for before anything is saved about it, with the request and what the owner spent', async () => {
    const asked: [VideoRequest, BeforeSubmitContext][] = []
    const { clock, pipeline, store, first } = world(async (given: VideoRequest, context: BeforeSubmitContext) => {
      asked.push([given, context])
      expect(await store.load('run_3')).toMatchObject({ state: { submission: { state: 'ready' } } })
      expect(first.startCount).toBe(0)
      return undefined
    })
    for (const [id, cost] of [
      ['run_1', 0.5],
      ['run_2', 0.25],
    ] as const) {
      const paying = new SoraPipeline({
        generator: fakeGenerator({ outcome: () => ({ ...VIDEO, usage: { cost } }) }),
        store,
        clock,
      })
      await clock.runUntil(paying.generate(request, { id, owner: 'ann' }))
    }
    await clock.runUntil(pipeline.generate(request, { id: 'run_3', owner: 'ann' }))
    expect(asked).toHaveLength(1)
    const [[given, context] = []] = asked
    expect(given).toEqual(request)
    expect(context).toMatchObject({ runId: 'run_3', owner: 'ann', spent: { USD: 0.75 } })
    expect(context?.signal.aborted).toBe(false)
    expect(first.startCount).toBe(1)
  })

  it.each([
    ['a returned reason', () => 'the budget of this month is used up'],
    ['a promised reason', async () => 'the budget of this month is used up'],
    [
      'an error of the library',
      () => {
        throw new QuotaExceededError('Could not submit the video: the budget of this month is used up')
      },
    ],
  ])('is refused by %s: nothing is sent, and no other generator is tried', async (_, refuse) => {
    const { outcome, sent } = world(refuse)
    const { error, events, record } = await outcome()
    const message = 'Could not submit the video: the budget of this month is used up'
    const expected = { code: 'quota-exceeded', name: 'QuotaExceededError', message, status: 402, isRetryable: false }
    expect(error).toMatchObject(expected)
    expect(events.map(({ type }) => type)).toEqual(['run-started', 'stage-started', 'stage-failed', 'run-failed'])
    expect(record).toMatchObject({ status: 'failed', isRefused: true, error: expected })
    expect(sent()).toBe(0)
  })

  it.each([
    ['its own status', new QuotaExceededError('Could not submit: later', { status: 429 }), { status: 429 }],
    ['a rate limit', new RateLimitError('Could not submit: later', { retryAfterMs: 5_000 }), { retryAfterMs: 5_000 }],
    ['a verdict', new ContentRejectedError('Could not submit: no cats'), { code: 'content-rejected' }],
    ['a caller', new AuthenticationError('Could not submit: who'), { code: 'authentication' }],
  ])('is refused by an error with %s as it is', async (_, thrown, expected) => {
    const { outcome, sent } = world(() => Promise.reject(thrown))
    const { error } = await outcome()
    expect(error).toBe(thrown)
    expect(error).toMatchObject(expected)
    expect(sent()).toBe(0)
  })

  it.each<[string, () => unknown, string]>([
    [
      'throws a bug',
      () => Object(undefined).budget.left,
      'Could not configure SoraPipeline: beforeSubmit() failed: TypeError: ',
    ],
    [
      'throws a text',
      () => Promise.reject('no'),
      'beforeSubmit() failed: Error: no (throw a QuotaExceededError, or resolve with a reason)',
    ],
    [
      'throws that the run was taken over',
      () => Promise.reject(new FencedError('Could not')),
      'beforeSubmit() failed: FencedError',
    ],
    [
      'throws that a job may be paid',
      () => Promise.reject(new SubmissionUnknownError('Could not')),
      'beforeSubmit() failed: ',
    ],
    [
      'throws a failure of a network',
      () => Promise.reject(new NetworkError('Could not reach: db')),
      'Could not reach: db',
    ],
    ['throws another failure', () => Promise.reject(new GenerationFailedError('Could not')), 'beforeSubmit() failed: '],
    ['is busy', () => Promise.reject(new OverloadedError('Could not')), 'beforeSubmit() failed: '],
    ['resolves with false', () => false, 'beforeSubmit() is false'],
    ['resolves with true', async () => true, 'beforeSubmit() is true'],
    ['resolves with a blank', () => ' ', 'beforeSubmit() is " "'],
    ['resolves with an object', () => ({ ok: true }), 'beforeSubmit() is an object'],
    ['hangs', () => new Promise(() => undefined), 'beforeSubmit() is no result (resolve within 10000 ms)'],
  ])('is refused with an error of its own when the function %s', async (_, fail, message) => {
    const { outcome, sent } = world(fail)
    const { error, record } = await outcome()
    expect(error).toMatchObject({ code: 'configuration-invalid', stage: 'generate' })
    expect(String(error)).toContain(message)
    expect(record).toMatchObject({ status: 'failed', isRefused: true })
    expect(sent()).toBe(0)
  })

  it('is sent for undefined', async () => {
    const { outcome, sent } = world(async () => undefined)
    expect((await outcome()).record?.status).toBe('completed')
    expect(sent()).toBe(1)
  })

  it('is sent as it was requested, whatever the function changes', async () => {
    const generator = fakeTaskGenerator({ name: 'first' })
    const change = (request: VideoRequest) => {
      Object.assign(request, { prompt: 'Another' })
      Object.assign(request.providerOptions ?? {}, { style: 'another' })
      return undefined
    }
    const { outcome, pipeline } = world(change, { generator })
    const run = pipeline.run({ ...request, providerOptions: { style: 'plain' } }, { id: 'run_1', owner: 'ann' })
    expect((await outcome(run)).record?.status).toBe('completed')
    expect(JSON.stringify(generator.calls)).not.toContain('nother')
  })

  it('to the next generator is asked for again', async () => {
    const runs: string[] = []
    const first = fakeTaskGenerator({ name: 'first', starts: [new OverloadedError('Could not: busy')] })
    const second = fakeTaskGenerator({ name: 'second' })
    const refuseSecond = () => (runs.push('asked') > 1 ? 'enough' : undefined)
    const { outcome } = world(refuseSecond, { generator: fallback(first, second) })
    expect((await outcome()).error).toMatchObject({ code: 'quota-exceeded' })
    expect([runs.length, first.startCount, second.startCount]).toEqual([2, 1, 0])
  })

  it('whose outcome is unknown is not asked for again', async () => {
    const submission = { idempotency: 'key', lookup: 'none' } as const
    const generator = fakeTaskGenerator({ submission, starts: [new NetworkError('reset')] })
    const asked = vi.fn()
    const { outcome } = world(asked, { generator })
    expect((await outcome()).record?.status).toBe('completed')
    expect([asked.mock.calls.length, generator.startCount]).toEqual([1, 2])
  })

  it('is asked for in a process that takes one step at a time', async () => {
    const { clock, pipeline, store, sent } = world(() => 'enough')
    const starter = new SoraPipeline({
      generator: fakeTaskGenerator({ name: 'first', hangs: 'start' }),
      store,
      clock,
      maxConcurrentRuns: 1,
    })
    starter.run(request)
    await clock.advance(1)
    const { id } = starter.run(request)
    await clock.advance(1)
    await clock.runUntil(starter.close({ graceMs: 0 }))
    const record = await clock.runUntil(pipeline.advance(id))
    expect(record).toMatchObject({ status: 'failed', error: { code: 'quota-exceeded' } })
    expect(sent()).toBe(0)
  })

  it('of a run that is cancelled meanwhile is not sent, and the function learns of it', async () => {
    let signal: AbortSignal | undefined
    const { clock, pipeline, sent } = world((_: VideoRequest, context: BeforeSubmitContext) => {
      signal = context.signal
      return new Promise(() => undefined)
    })
    const run = pipeline.run(request)
    await clock.advance(5)
    const reason = new Error('gone')
    await clock.runUntil(run.cancel(reason))
    await expect(run.result).rejects.toBe(reason)
    expect([signal?.aborted, sent()]).toEqual([true, 0])
  })

  it('is left to the next process by one that closes meanwhile', async () => {
    const { clock, store, pipeline, sent } = world(() => new Promise(() => undefined))
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(5)
    await clock.runUntil(pipeline.close({ graceMs: 0 }))
    await expect(run.result).rejects.toMatchObject({ code: 'run-state' })
    const next = world(() => undefined, { store })
    expect(await next.clock.runUntil(next.pipeline.resume('run_1').result)).toMatchObject({ runId: 'run_1' })
    expect([sent(), next.sent()]).toEqual([0, 1])
  })

  it('is not sent while the store cannot report what was spent', async () => {
    const clock = manualClock()
    const store = Object.assign(memoryStore({ clock }), {
      list: () => Promise.reject(new Error('connect ECONNREFUSED')),
    })
    const { outcome, sent } = world(() => undefined, { store })
    expect((await outcome()).error).toMatchObject({ code: 'run-state', isRetryable: true })
    expect(sent()).toBe(0)
  })

  it('needs a store with list()', () => {
    const { list: _, ...store } = memoryStore()
    const options = { generator: fakeGenerator(), store }
    expect(() => new SoraPipeline({ ...options, beforeSubmit: () => undefined })).toThrow(
      'store is an object (give a store with list(), from which beforeSubmit gets spent)',
    )
    expect(() => new SoraPipeline(options)).not.toThrow()
  })
})
