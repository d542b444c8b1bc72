import { describe, expect, it } from 'vitest'
import { fallback, type Generator, SoraPipeline, type StageContext } from '../../../src/index.js'
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
  return { upstream: last?.type === 'run-failed' ? last.upstream : undefined, store }
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
