import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const MINUTE = 60_000

function world(options: Partial<SoraPipelineOptions>) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
  const make = (more: Partial<SoraPipelineOptions> = {}) =>
    new SoraPipeline({ generator, store, clock, pollSchedule: () => MINUTE, ...options, ...more })
  return { clock, store, generator, make }
}

describe('maxConcurrentRuns', () => {
  it('lets further runs wait in line, saved and not submitted, first come, first served', async () => {
    const { clock, store, generator, make } = world({ maxConcurrentRuns: 2 })
    const pipeline = make()
    const runs = ['a', 'b', 'c', 'd'].map((id) => pipeline.run(request, { id }))
    await clock.advance(1000)
    expect(generator.startCount).toBe(2)
    for (const id of ['c', 'd']) {
      expect(await pipeline.get(id)).toMatchObject({ status: 'running', progress: { phase: 'waiting' } })
      expect((await store.load(id))?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
    }
    await runs[1]?.cancel()
    await clock.advance(0)
    expect(generator.startCount).toBe(3)
    expect((await store.load('c'))?.state).toMatchObject({ submission: { state: 'accepted' } })
    expect((await store.load('d'))?.state).toMatchObject({ submission: { state: 'ready' } })
    await runs[0]?.cancel()
    await clock.advance(0)
    expect((await store.load('d'))?.state).toMatchObject({ submission: { state: 'accepted' } })
    await pipeline.close()
    expect(clock.pending).toBe(0)
  })

  it('limits the runs of one owner without holding up those of others', async () => {
    const generator = fakeGenerator({ delayMs: 1000 })
    const { clock, make } = world({ generator, maxConcurrentRuns: { total: 3, perOwner: 1 } })
    const pipeline = make()
    const begin = (id: string, owner: string) => pipeline.run({ prompt: id }, { id, owner })
    const runs = [begin('a1', 'a'), begin('a2', 'a'), begin('b1', 'b'), begin('b2', 'b'), begin('c1', 'c')]
    await clock.advance(10)
    expect(generator.calls.map(({ input }) => input.prompt)).toEqual(['a1', 'b1', 'c1'])
    await clock.advance(5000)
    expect(generator.calls.map(({ input }) => input.prompt)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2'])
    await Promise.all(runs.map(({ result }) => result))
  })

  it('forgets a waiting run that is cancelled', async () => {
    const { clock, generator, make } = world({ maxConcurrentRuns: 1 })
    const pipeline = make()
    const runs = ['a', 'b', 'c'].map((id) => pipeline.run(request, { id }))
    await clock.advance(1000)
    await runs[1]?.cancel()
    await expect(runs[1]?.result).rejects.toMatchObject({ name: 'AbortError' })
    expect(await pipeline.get('b')).toMatchObject({ status: 'failed' })
    await runs[0]?.cancel()
    await clock.advance(0)
    expect(generator.startCount).toBe(2)
    expect(await pipeline.get('c')).toMatchObject({ status: 'running' })
    await pipeline.close()
  })

  it('begins the deadlines of a run that waited after the wait', async () => {
    const { clock, generator, make } = world({
      maxConcurrentRuns: 1,
      deadlines: { generateMs: MINUTE, totalMs: MINUTE },
    })
    const pipeline = make({ generator: fakeGenerator({ delayMs: MINUTE - 1000 }) })
    const runs = ['a', 'b', 'c'].map((id) => pipeline.run(request, { id }))
    await clock.advance(3 * MINUTE)
    for (const { result } of runs) expect(await result).toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(0)
  })

  it('never lets a recovered run with a job wait, and counts it', async () => {
    const { clock, generator, make } = world({})
    const first = make()
    for (const id of ['a', 'b', 'c']) first.run(request, { id })
    await clock.advance(1000)
    await first.close()
    const next = make({ maxConcurrentRuns: 1, pollSchedule: () => 1000 })
    await next.recover()
    const waiting = next.run(request, { id: 'd' })
    const { pollCount } = generator
    await clock.advance(2 * MINUTE)
    expect(generator.pollCount).toBeGreaterThan(pollCount + 100)
    expect(generator.startCount).toBe(3)
    expect(await next.get('d')).toMatchObject({ progress: { phase: 'waiting' } })
    await next.close()
    await expect(waiting.result).rejects.toMatchObject({ code: 'run-state' })
  })

  it('lets a process that recovers a waiting run submit it', async () => {
    const { clock, generator, make } = world({ maxConcurrentRuns: 1 })
    const first = make()
    for (const id of ['a', 'b']) first.run(request, { id })
    await clock.advance(1000)
    await first.close()
    expect(generator.startCount).toBe(1)
    const next = make({ maxConcurrentRuns: 2 })
    await next.recover()
    await clock.advance(1000)
    expect(generator.startCount).toBe(2)
    await next.close()
  })

  it.each([
    [0, 'maxConcurrentRuns'],
    [1.5, 'maxConcurrentRuns'],
    [Number.NaN, 'maxConcurrentRuns'],
    ['2', 'maxConcurrentRuns'],
    [null, 'maxConcurrentRuns'],
    [{ total: 0 }, 'maxConcurrentRuns.total'],
    [{ perOwner: -1 }, 'maxConcurrentRuns.perOwner'],
    [{ perowner: 1 }, 'maxConcurrentRuns.perowner'],
  ])('refuses %j', (value, field) => {
    const make = () => world({ maxConcurrentRuns: value as number }).make()
    expect(make).toThrow(
      expect.objectContaining({ name: 'ConfigurationError', problems: [expect.objectContaining({ field })] }),
    )
  })
})
