import { describe, expect, it } from 'vitest'
import {
  fallback,
  GenerationFailedError,
  type Generator,
  NetworkError,
  SoraPipeline,
  type StageContext,
  type TaskStatus,
  UpstreamHttpError,
} from '../../../src/index.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'
import { acceptedJob, BY_FIND, NOW, READY, SENDING, stateOf, storeOf, UNKNOWN } from './prepared-runs.js'

const reason = new Error('the user left')

/** What a run that is resumed, and aborted before it takes a step, leaves at its generator. */
async function abortedAt(changes: Partial<RunState>, generator: Generator) {
  const clock = manualClock()
  const store = await storeOf([stateOf('run_1', { wakeAt: NOW + 60_000, ...changes })], clock)
  await store.heartbeat('live', 60_000)
  const run = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }).resume('run_1')
  await clock.advance(1000)
  const cancelled = run.cancel(reason)
  await expect(run.result).rejects.toBe(reason)
  await clock.advance(10_000)
  await cancelled
  const last = (await collect(run)).at(-1)
  expect(last).toMatchObject({ type: 'run-failed', isAborted: true })
  return { upstream: last?.type === 'run-failed' ? last.upstream : undefined, store, clock }
}

const first = fakeTaskGenerator({ name: 'first', submission: BY_FIND, found: [] })
const second = fakeTaskGenerator({ name: 'second' })

describe('what an aborted run leaves at its generator', () => {
  it.each<[string, Partial<RunState>, object | undefined]>([
    ['nothing before its first submission', { submission: READY }, undefined],
    ['something unknown after a lost answer', { submission: UNKNOWN }, { state: 'unknown', generator: 'first' }],
    ['something unknown when its process died', { submission: SENDING }, { state: 'unknown', generator: 'first' }],
    [
      'no job that still runs',
      { submission: acceptedJob('x') },
      { state: 'cancelled', generator: 'first', handle: acceptedJob('x').handle },
    ],
  ])('is %s', async (_, changes, upstream) => {
    expect((await abortedAt(changes, first)).upstream).toEqual(upstream)
  })

  it('is nothing in a state of version 0.1.0 that has not begun', async () => {
    const { upstream, store } = await abortedAt({ submission: undefined } as object, first)
    expect(upstream).toBeUndefined()
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'failed', isAborted: true })
  })

  it('is a job with its handle, when its submission was under way', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ name: 'first' })
    let answer: () => void = () => undefined
    const start = () =>
      new Promise<{ operation: { id: string } }>((resolve) => {
        answer = () => resolve({ operation: { id: 'task_1' } })
      })
    const run = new SoraPipeline({ generator: { ...generator, start }, clock }).run({ prompt: 'A cat' })
    await clock.advance(100)
    const cancelled = run.cancel(reason)
    await clock.advance(500)
    answer()
    await clock.advance(0)
    await cancelled
    await expect(run.result).rejects.toBe(reason)
    const handle = { generator: 'first', operation: { id: 'task_1' }, startedAt: NOW + 600 }
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'cancelled', generator: 'first', handle } })
    expect(generator.cancelCount).toBe(1)
  })
})

describe('an abort by a process whose chain lacks the generator', () => {
  it.each<[string, Partial<RunState>, object]>([
    ['a lost answer', { submission: UNKNOWN }, { state: 'unknown', generator: 'first' }],
    [
      'a job',
      { submission: acceptedJob('x') },
      { state: 'unknown', generator: 'first', handle: acceptedJob('x').handle },
    ],
  ])('names the generator of %s, and cancels nothing at its own', async (_, changes, upstream) => {
    expect((await abortedAt({ ...changes, worker: 'live' }, second)).upstream).toEqual(upstream)
    expect(second.cancelCount).toBe(0)
  })

  it('names its chain where version 0.1.0 saved no generator', async () => {
    const chain = fallback(second, fakeTaskGenerator({ name: 'third' }))
    const submission = { ...UNKNOWN, generator: null, cursor: { index: 0, inner: null } }
    const { upstream } = await abortedAt({ submission, worker: 'live' }, chain)
    expect(upstream).toEqual({ state: 'unknown', generator: chain.name })
  })
})

describe('a generator that cancels', () => {
  const accepted = { submission: acceptedJob('x') }

  it.each([
    ['without an answer, so that the job still runs', undefined, 'running'],
    ['with a word that the contract does not have', 'maybe', 'unknown'],
  ])('%s', async (_, answer, state) => {
    const cancel = (async () => answer) as unknown as typeof first.cancel
    expect((await abortedAt(accepted, { ...first, cancel })).upstream).toMatchObject({ state })
  })

  /** A cancellation whose first tries end as given, and the calls of it. */
  const cancelling = (...failures: readonly unknown[]) => {
    const signals: AbortSignal[] = []
    const cancel = async (_: unknown, { signal }: StageContext) => {
      signals.push(signal)
      const failure = failures[signals.length - 1]
      if (failure === 'unsupported') return 'unsupported' as const
      if (failure !== undefined) throw failure
      return 'cancelled' as const
    }
    const poll = () => Promise.reject(failed(500))
    return { signals, generator: { ...first, cancel, poll } }
  }
  const failed = (status: number, retryAfterMs?: number) =>
    new UpstreamHttpError(`Could not poll the job before cancelling it: ${status}`, { status, retryAfterMs })
  const reset = new NetworkError('Could not cancel the job: ECONNRESET')

  it.each<[string, unknown[]]>([
    ['after a 500', [failed(500)]],
    ['after a reset and a failed fetch', [reset, new TypeError('fetch failed')]],
  ])('is called again %s, and the last event has its answer', async (_, failures) => {
    const { signals, generator } = cancelling(...failures)
    expect((await abortedAt(accepted, generator)).upstream).toMatchObject({ state: 'cancelled' })
    expect(signals).toHaveLength(failures.length + 1)
  })

  it.each<[string, unknown[]]>([
    ['four failures', [failed(500), reset, failed(503), failed(502)]],
    ['a rate limit', [failed(429, 5000)]],
  ])('is called again after the last event for %s, and the run in the store has its answer', async (_, failures) => {
    const { signals, generator } = cancelling(...failures)
    const { upstream, store } = await abortedAt(accepted, generator)
    expect(upstream).toMatchObject({ state: 'unknown', handle: acceptedJob('x').handle })
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'failed', upstream: { state: 'cancelled' } })
    expect(signals).toHaveLength(failures.length + 1)
  })

  it.each<[string, unknown[], number]>([
    ['a refused key', [failed(401)], 1],
    ['a bug', [new TypeError('job is not a function')], 1],
    ['a wait beyond a minute', [failed(503, 120_000)], 1],
    ['a server that no longer knows the job after a lost answer', [reset, 'unsupported'], 2],
  ])('is not called again for %s, and the job stays unknown', async (_, failures, calls) => {
    const { signals, generator } = cancelling(...failures)
    const { upstream, store } = await abortedAt(accepted, generator)
    expect(upstream).toMatchObject({ state: 'unknown' })
    expect((await store.load('run_1'))?.state).toMatchObject({ upstream: { state: 'unknown' } })
    expect(signals).toHaveLength(calls)
  })

  it.each<[string, TaskStatus, string]>([
    ['has ended', { state: 'completed', video: { id: 'v', url: 'https://cdn.example/v.mp4' } }, 'finished'],
    ['still runs', { state: 'running' }, 'running'],
    ['failed', { state: 'failed', error: new GenerationFailedError('Could not generate: no') }, 'failed'],
  ])('without an answer is settled by a poll of the job, which %s', async (_, status, state) => {
    const { generator, signals } = cancelling(...Array.from({ length: 20 }, () => reset))
    let polls = 0
    const poll = async () => {
      polls += 1
      return status
    }
    const { store, clock } = await abortedAt(accepted, { ...generator, poll })
    await clock.advance(120_000)
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'failed', upstream: { state } })
    expect([signals.length, polls]).toEqual([7, 1])
  })

  it('is called seven times within a minute while it fails', async () => {
    const { signals, generator } = cancelling(...Array.from({ length: 20 }, () => failed(500)))
    const { clock } = await abortedAt(accepted, generator)
    await clock.advance(120_000)
    expect(signals).toHaveLength(7)
  })

  it('may warn, as in any other call of the stage', async () => {
    const cancel = async (_: unknown, { warn }: StageContext) => {
      warn?.({ code: 'still-billed', message: 'The job is billed all the same' })
      return 'cancelled' as const
    }
    const { store } = await abortedAt(accepted, { ...first, cancel })
    expect((await store.load('run_1'))?.state.warnings).toEqual([
      { code: 'still-billed', message: 'The job is billed all the same', stage: 'generate' },
    ])
  })
})
