import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }

/** A store that counts how often each of its methods is called. */
function counted(store: RunStore) {
  const counts: Partial<Record<string, number>> = {}
  const methods = Object.entries(store).map(([method, operation]) => [
    method,
    (...given: unknown[]) => {
      counts[method] = (counts[method] ?? 0) + 1
      return (operation as (...given: unknown[]) => unknown)(...given)
    },
  ])
  return { counts, store: Object.fromEntries(methods) as RunStore }
}

function setUp(options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const { counts, store } = counted(memoryStore({ clock }))
  const make = (more: Partial<SoraPipelineOptions> = {}) =>
    new SoraPipeline({ generator: fakeTaskGenerator(), store, clock, pollSchedule: () => 1000, ...options, ...more })
  return { clock, counts, store, make }
}

describe('what a run costs the store', () => {
  const parts = () => ({ publisher: fakePublisher(), resolver: fakeResolver(), uploader: fakeUploader() })

  it('is the same number of state writes for ten minutes of polls as for ten seconds', async () => {
    const writes = await Promise.all(
      [3, 100, 600].map(async (polls) => {
        const { clock, counts, make } = setUp({ generator: fakeTaskGenerator({ polls }), ...parts() })
        const { servedBy } = await clock.runUntil(make().generate(request))
        expect(servedBy).toBe('uploader')
        expect(counts.reschedule).toBeUndefined()
        return (counts.create ?? 0) + (counts.save ?? 0)
      }),
    )
    // Creation, intent, accepted, video, publication, resolved, uploaded, completed.
    expect(writes).toEqual([8, 8, 8])
  })

  it('is a beat every third of the lease for all runs of a worker, and nothing once they have ended', async () => {
    const { clock, counts, make } = setUp({ generator: fakeTaskGenerator({ polls: 60 }) })
    const pipeline = make()
    const runs = Array.from({ length: 50 }, () => pipeline.run(request))
    await clock.advance(0)
    expect(counts.heartbeat).toBe(1)
    await clock.advance(30_001)
    expect(counts.heartbeat).toBe(10)
    expect(counts.versions).toBe(9)
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    const { heartbeat, versions, report } = counts
    await clock.advance(600_000)
    expect(counts).toMatchObject({ heartbeat, versions, report })
  })

  it('includes a save for a poll that was missed, for its warning', async () => {
    const polls = [new Error('bad gateway'), { state: 'running' }, { state: 'running' }] as const
    const { clock, counts, make } = setUp({ generator: fakeTaskGenerator({ polls: [...polls] }) })
    await clock.runUntil(make().generate(request))
    expect((counts.create ?? 0) + (counts.save ?? 0)).toBe(6)
  })

  it('reports the progress of all runs together, once a second at most', async () => {
    const ratios = Array.from({ length: 100 }, (_, index) => ({ state: 'running' as const, ratio: index / 100 }))
    const { clock, counts, store, make } = setUp({
      generator: fakeTaskGenerator({ polls: ratios }),
      pollSchedule: () => 100,
    })
    const pipeline = make()
    const runs = Array.from({ length: 20 }, (_, index) => pipeline.run(request, { id: `run_${index}` }))
    await clock.advance(5050)
    expect(counts.report).toBe(5)
    for (const { id } of runs) {
      const { progress, state } = (await store.load(id)) ?? {}
      expect(progress).toMatchObject({ stage: 'generate', phase: 'running' })
      expect(progress?.ratio).toBeGreaterThan(0.4)
      expect(state).not.toHaveProperty('progress')
    }
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
  })
})

describe('a process that watches a run of another', () => {
  it('passes on the progress that the other reports', async () => {
    const ratios = [0.1, 0.2, 0.3, 0.4, 0.5].map((ratio) => ({ state: 'running' as const, ratio }))
    const { clock, make } = setUp({ generator: fakeTaskGenerator({ polls: ratios }), pollSchedule: () => 2000 })
    const run = make().run(request, { id: 'run_1' })
    await clock.advance(100)
    const watcher = make().resume('run_1')
    await clock.runUntil(Promise.all([run.result, watcher.result]))
    const events = await collect(watcher)
    const seen = events.flatMap((event) => (event.type === 'stage-progressed' ? [event.ratio] : []))
    expect(seen).toEqual([undefined, 0.1, 0.2, 0.3, 0.4, 0.5])
    expect(events.at(-1)).toMatchObject({ type: 'run-completed' })
  })

  it('takes it over when the other is silent, and numbers its events from the next million', async () => {
    const { clock, store, make } = setUp({ generator: fakeTaskGenerator({ polls: 40 }) })
    const dead = manualClock()
    make({ clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(1500)
    const second = manualClock()
    const run = make({ clock: second }).resume('run_1')
    await clock.advance(10_000)
    await second.advance(15_000)
    const third = make().resume('run_1')
    await clock.advance(1000) // The second one is silent as well, from here on.
    await clock.runUntil(third.result)
    const events = await collect(third)
    const sequences = events.map(({ sequence }) => sequence)
    for (const from of [0, 1_000_000, 2_000_000]) {
      const own = sequences.filter((sequence) => sequence >= from && sequence < from + 1_000_000)
      expect(own).toEqual(own.map((_, index) => from + index))
      expect(own.length).toBeGreaterThan(2)
    }
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'completed', epoch: 2 })
    const numbers: number[] = []
    const reader = run[Symbol.asyncIterator]()
    for (let count = 0; count < 3; count += 1) numbers.push((await reader.next()).value.sequence)
    expect(numbers).toEqual([0, 1, 2])
  })

  it('lets a paused worker finish its own submission, but not start one', async () => {
    const { clock, store, make } = setUp()
    const slow = manualClock()
    const generator = fakeTaskGenerator()
    const start: typeof generator.start = async (input, context) => {
      const started = await generator.start(input, context)
      await context.clock.sleep(60_000, context)
      return started
    }
    const first = make({ generator: { ...generator, start }, clock: slow })
    const run = first.run(request, { id: 'run_1' })
    await slow.advance(5)
    expect(generator.startCount).toBe(1)
    await clock.advance(20_000)
    const other = make({ generator: fakeTaskGenerator({ submission: { idempotency: 'none', lookup: 'none' } }) })
    await expect(clock.runUntil(other.resume('run_1').result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await store.load('run_1'))?.state.status).toBe('needs-review')
    await expect(slow.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect((await store.load('run_1'))?.state.status).toBe('completed')
  })
})

describe('recover', () => {
  it('takes every unfinished run, in pages, and spreads their first polls', async () => {
    const { clock, counts, store, make } = setUp({ generator: fakeTaskGenerator({ polls: 1 }) })
    const dead = manualClock()
    const first = make({ clock: dead, generator: fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY }) })
    for (let index = 0; index < 1200; index += 1) first.run(request, { id: `run_${index}` })
    await dead.advance(0)
    await store.create('ended', { status: 'completed', wakeAt: 0 })
    await clock.advance(10_000)
    counts.due = 0
    const polledAt: number[] = []
    const generator = fakeTaskGenerator()
    const poll: typeof generator.poll = (...given) => {
      polledAt.push(clock.now())
      return generator.poll(...given)
    }
    const pipeline = make({ generator: { ...generator, poll } })
    const runs = await pipeline.recover()
    expect(new Set(runs.map(({ id }) => id)).size).toBe(1200)
    expect(counts.due).toBeGreaterThanOrEqual(2)
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    const firstPolls = polledAt.slice(0, 1200)
    const busiest = Math.max(
      ...[...Map.groupBy(firstPolls, (at) => Math.floor(at / 100)).values()].map((all) => all.length),
    )
    expect(busiest).toBeLessThan(300)
  }, 60_000)

  it('keeps to its limit, and leaves out what lives here', async () => {
    const { clock, make } = setUp({ generator: fakeGenerator({ delayMs: 5000 }) })
    const pipeline = make()
    const runs = ['a', 'b', 'c'].map((id) => pipeline.run(request, { id }))
    await clock.advance(0)
    expect(await pipeline.recover()).toEqual([])
    expect(await make().recover({ limit: 2 })).toHaveLength(2)
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
  })
})
