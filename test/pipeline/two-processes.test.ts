import { describe, expect, it } from 'vitest'
import { memoryStore, type PipelineRun, SoraPipeline } from '../../src/index.js'
import { type FakeTaskGeneratorOptions, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }

function twoProcesses(options: FakeTaskGeneratorOptions) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const process = () => {
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY, ...options })
    return { generator, pipeline: new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }) }
  }
  return { clock, store, a: process(), b: process(), late: process() }
}

const lastOf = async (run: PipelineRun) => (await collect(run)).at(-1)
const left = (state: string) => ({
  type: 'run-failed',
  isAborted: true,
  upstream: { state, generator: 'fake-task-generator', handle: { operation: { id: 'task_1' } } },
})

describe('a run that another process cancels', () => {
  it.each([
    ['cancelled', 'cancelled'],
    ['unsupported', 'running'],
    ['too-late', 'finished'],
  ] as const)('reports the same in both and later, after %s', async (cancel, state) => {
    const { clock, store, a, b, late } = twoProcesses({ cancel })
    const run = a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(5000)
    const other = b.pipeline.resume('run_1')
    await clock.advance(10)
    await clock.runUntil(other.cancel())
    await clock.advance(15_000)
    for (const ended of [run, other, late.pipeline.resume('run_1')])
      expect(await lastOf(ended)).toMatchObject(left(state))
    expect((await store.load('run_1'))?.state.upstream).toMatchObject({ state })
    expect([a.generator.cancelCount, b.generator.cancelCount]).toEqual([0, 1])
  })

  it('is stopped also when the job is only in the store', async () => {
    const { clock, a, b } = twoProcesses({ delayMs: 500 })
    const run = a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(100)
    const other = b.pipeline.resume('run_1')
    await clock.advance(450)
    await clock.runUntil(other.cancel())
    await clock.advance(15_000)
    for (const ended of [run, other]) expect(await lastOf(ended)).toMatchObject(left('cancelled'))
    expect([a.generator.cancelCount, b.generator.cancelCount]).toEqual([0, 1])
  })

  it('is stopped by its process when the job is accepted after the cancel', async () => {
    const { clock, store, a, b, late } = twoProcesses({ delayMs: 1000 })
    const run = a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(100)
    const other = b.pipeline.resume('run_1')
    await clock.advance(10)
    await clock.runUntil(other.cancel())
    await clock.advance(15_000)
    expect(await lastOf(run)).toMatchObject(left('cancelled'))
    expect(await lastOf(late.pipeline.resume('run_1'))).toMatchObject(left('cancelled'))
    expect(await lastOf(other)).toMatchObject(left('cancelled'))
    expect((await store.load('run_1'))?.state.upstream).toMatchObject({ state: 'cancelled' })
    expect(a.generator.cancelCount + b.generator.cancelCount).toBe(1)
  })

  it('is unknown where no process learns of the job in time', async () => {
    const { clock, a, b } = twoProcesses({ hangs: 'start' })
    a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(100)
    const other = b.pipeline.resume('run_1')
    await clock.advance(10)
    await clock.runUntil(other.cancel())
    expect(await lastOf(other)).toMatchObject({ upstream: { state: 'unknown', generator: 'fake-task-generator' } })
  })

  it('is cancelled once by two that cancel it one after the other', async () => {
    const { clock, a, b, late } = twoProcesses({})
    a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(5000)
    const others = [b, late].map(({ pipeline }) => pipeline.resume('run_1'))
    await clock.advance(10)
    for (const other of others) await clock.runUntil(other.cancel())
    for (const other of others) expect(await lastOf(other)).toMatchObject(left('cancelled'))
    expect([a, b, late].map(({ generator }) => generator.cancelCount)).toEqual([0, 1, 0])
  })

  it('is cancelled before it is removed', async () => {
    const { clock, store, a, b } = twoProcesses({})
    const run = a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(5000)
    await clock.runUntil(b.pipeline.remove('run_1'))
    await clock.advance(15_000)
    expect(await lastOf(run)).toMatchObject(left('cancelled'))
    expect((await store.load('run_1'))?.state).toMatchObject({ upstream: { state: 'cancelled' } })
  })
})

it('a run that failed reports later what it left at its generator', async () => {
  const { clock, a, late } = twoProcesses({ polls: Number.POSITIVE_INFINITY })
  const run = a.pipeline.run(request, { id: 'run_1' })
  await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'stage-timeout' })
  const first = await lastOf(run)
  expect(first).toMatchObject({ upstream: { state: 'running', handle: { operation: { id: 'task_1' } } } })
  expect(await lastOf(late.pipeline.resume('run_1'))).toMatchObject({
    upstream: (first as { upstream: object }).upstream,
  })
})
