import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fallback,
  type JsonValue,
  memoryStore,
  NetworkError,
  type PipelineResult,
  SoraPipeline,
  type SoraPipelineOptions,
  type StageContext,
  type TaskGenerator,
  type TaskStatus,
  withCircuitBreaker,
  withRetry,
  withTimeout,
} from '../../../src/index.js'
import { fakeTaskGenerator, type ManualClock } from '../../../src/testing/index.js'
import { burstClock } from '../../support/burst-clock.js'
import { collect } from '../../support/collect.js'

const SECOND = 1000
const MINUTE = 60_000
const RUNNING: TaskStatus = { state: 'running' }
const videoOf = (id: string) => ({ id, url: `https://cdn.example/${id}.mp4` })

type List = (ids: readonly string[], context: StageContext) => unknown

/** Jobs that end at an instant, and a list that a test writes. */
function world(list: List, options: { readonly endsAfterMs?: number } & Partial<SoraPipelineOptions> = {}) {
  const { endsAfterMs = 12 * SECOND, ...more } = options
  const clock = burstClock()
  const generator = listingGenerator('lister', clock, endsAfterMs, list)
  const pipeline = new SoraPipeline({
    generator,
    clock,
    store: memoryStore({ clock }),
    pollSchedule: () => 5 * SECOND,
    ...more,
  })
  const start = (count: number) =>
    Array.from({ length: count }, (_, index) => pipeline.run({ prompt: `Cat ${index}` }, { id: `run_${index}` }))
  return { clock, generator, pipeline, start }
}

function listingGenerator(name: string, clock: ManualClock, endsAfterMs: number, list: List) {
  const ends = new Map<string, number>()
  const polls: string[] = []
  const sweeps: (readonly string[])[] = []
  const isOver = (id: string) => clock.monotonic() >= (ends.get(id) ?? 0)
  const generator: TaskGenerator<string> = {
    name,
    async start() {
      const id = `${name}_${ends.size}`
      ends.set(id, clock.monotonic() + endsAfterMs)
      return { operation: id }
    },
    async poll(id) {
      if (!ends.has(id)) throw new Error(`Could not poll a job of another: ${id}`)
      polls.push(id)
      return isOver(id) ? { state: 'completed', video: videoOf(id) } : RUNNING
    },
    async pollMany(ids, context) {
      sweeps.push(ids)
      return (await list(ids, context)) as readonly (TaskStatus | undefined)[]
    },
  }
  return { ...generator, polls, sweeps, isOver }
}

const results = (clock: ManualClock, runs: readonly { readonly result: Promise<PipelineResult> }[]) =>
  clock.runUntil(Promise.all(runs.map(({ result }) => result)))
const allRunning: List = (ids) => ids.map(() => RUNNING)

describe('jobs that are due together', () => {
  it('are polled in one sweep when there are ten, and each is ended by its own poll', async () => {
    const { clock, generator, start } = world((ids) =>
      ids.map((id) => (generator.isOver(id) ? { state: 'completed', video: videoOf('of the list') } : RUNNING)),
    )
    const ended = await results(clock, start(10))
    expect(ended.map(({ video }) => video.id)).toEqual(Array.from({ length: 10 }, (_, index) => `lister_${index}`))
    expect(generator.sweeps.map(({ length }) => length)).toEqual([10, 10, 10])
    expect(generator.polls).toHaveLength(10)
  })

  it('are polled alone when there are nine', async () => {
    const { clock, generator, start } = world(allRunning)
    await results(clock, start(9))
    expect(generator.sweeps).toEqual([])
    expect(generator.polls).toHaveLength(27)
  })

  it('wake on a grid, so that runs that start a few milliseconds apart share their sweeps', async () => {
    const { clock, generator, pipeline } = world(allRunning)
    const from = clock.monotonic()
    const runs = []
    for (let index = 0; index < 30; index += 1) {
      runs.push(pipeline.run({ prompt: `Cat ${index}` }))
      await clock.advance(1)
    }
    await clock.advance(5 * SECOND + 200)
    expect(generator.sweeps.map(({ length }) => length)).toEqual([30])
    expect((from + 5 * SECOND) % 64).not.toBe(0)
    await pipeline.close()
    await Promise.allSettled(runs.map(({ result }) => result))
  })

  it('report the progress of the list, and wait for as long as it requests', async () => {
    const { clock, generator, start } = world((ids) =>
      ids.map((id) =>
        generator.isOver(id) ? undefined : { ...RUNNING, ratio: 0.5, phase: 'listed', pollAfterMs: 20 * SECOND },
      ),
    )
    const runs = start(10)
    await results(clock, runs)
    expect(generator.sweeps).toHaveLength(2)
    const events = await collect(runs[3] as (typeof runs)[number])
    expect(events).toContainEqual(expect.objectContaining({ type: 'stage-progressed', ratio: 0.5, phase: 'listed' }))
    expect(events.filter(({ type }) => type === 'warning')).toEqual([])
  })

  it('of a generator without pollMany wake exactly when their schedule chooses', async () => {
    const clock = burstClock()
    const generator = fakeTaskGenerator({ polls: 3 })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 4999 }).run({ prompt: 'A cat' })
    const from = clock.monotonic()
    await clock.runUntil(run.result)
    expect(clock.monotonic() - from).toBe(4 * 4999)
  })

  it('keep their deadlines: near it each is polled alone and not delayed', async () => {
    const { clock, generator, start } = world(allRunning, { endsAfterMs: MINUTE, deadlines: { generateMs: 59_001 } })
    const runs = start(10)
    const from = clock.monotonic()
    await clock.runUntil(Promise.allSettled(runs.map(({ result }) => result)))
    expect(clock.monotonic() - from).toBe(59_001)
    expect(generator.sweeps).toEqual([])
  })

  it('are never swept by advance', async () => {
    const clock = burstClock()
    const store = memoryStore({ clock })
    const generator = listingGenerator('lister', clock, 12 * SECOND, allRunning)
    const pipeline = new SoraPipeline({ generator, clock, store, pollSchedule: () => 5 * SECOND })
    const ids = Array.from({ length: 10 }, (_, index) => `run_${index}`)
    const runs = ids.map((id) => pipeline.run({ prompt: id }, { id }))
    await clock.advance(0)
    await pipeline.close()
    await Promise.allSettled(runs.map(({ result }) => result))
    const other = new SoraPipeline({ generator, clock, store, pollSchedule: () => 5 * SECOND })
    await clock.advance(6 * SECOND)
    await Promise.all(ids.map((id) => other.advance(id)))
    expect(generator.polls.toSorted()).toEqual(ids.map((_, index) => `lister_${index}`))
    expect(generator.sweeps).toEqual([])
  })
})

describe('a sweep', () => {
  const lies: readonly [string, List][] = [
    ['rejects', () => Promise.reject(new NetworkError('Could not list the jobs, HTTP 404: host'))],
    ['throws at once', () => thrown(new TypeError('a bug'))],
    ['resolves to nothing', () => undefined],
    ['resolves to a text', () => '<html></html>'],
    ['resolves to too few', (ids) => ids.slice(1).map(() => RUNNING)],
    ['resolves to too many', (ids) => [...ids, 'more'].map(() => RUNNING)],
    ['lists no job', (ids) => ids.map(() => undefined)],
    ['lists fewer than half', (ids) => ids.map((_, index) => (index < 4 ? RUNNING : undefined))],
  ]

  it.each(lies)('that %s costs no job a miss, and pauses sweeps for a minute', async (_, list) => {
    const { clock, generator, start } = world(list, { endsAfterMs: 68 * SECOND })
    const runs = start(10)
    await clock.advance(5 * SECOND + 200)
    expect(generator.sweeps).toHaveLength(1)
    const isPartial = generator.polls.length === 6
    expect(generator.polls).toHaveLength(isPartial ? 6 : 10)
    await clock.advance(59 * SECOND)
    expect(generator.sweeps).toHaveLength(1)
    await clock.advance(6 * SECOND)
    expect(generator.sweeps).toHaveLength(2)
    const ended = await results(clock, runs)
    expect(ended.flatMap(({ warnings }) => warnings)).toEqual([])
  })

  it.each<[string, unknown]>([
    ['completed', { state: 'completed', video: videoOf('of another') }],
    ['failed', { state: 'failed', error: new NetworkError('Could not generate: a lie') }],
    ['in a state that does not exist', { state: 'cancelled' }],
    ['as a text', 'running'],
    ['as null', null],
    [
      'as an object that throws',
      {
        get state() {
          throw new TypeError('a bug')
        },
      },
    ],
  ])('that reports every job %s ends none: each is polled', async (_, lie) => {
    const { clock, generator, start } = world((ids) => ids.map(() => lie))
    const ended = await results(clock, start(10))
    expect(ended.map(({ video }) => video.id)).toEqual(Array.from({ length: 10 }, (_, index) => `lister_${index}`))
    expect(generator.polls).toHaveLength(30)
    expect(ended.flatMap(({ warnings }) => warnings)).toEqual([])
  })

  it('that reports every job as running for ever delays its end by a minute at most', async () => {
    const { clock, generator, start } = world(allRunning, { endsAfterMs: 6 * SECOND })
    const from = clock.monotonic()
    await results(clock, start(10))
    expect(clock.monotonic() - from).toBeLessThanOrEqual(66 * SECOND)
    expect(generator.polls).toHaveLength(10)
  })

  it('that requests a wait of an hour delays its end by a minute at most', async () => {
    const hint = { state: 'running', pollAfterMs: 60 * MINUTE } as const
    const { clock, generator, start } = world((ids) => ids.map(() => hint), { endsAfterMs: 6 * SECOND })
    const from = clock.monotonic()
    await results(clock, start(10))
    expect(clock.monotonic() - from).toBeLessThanOrEqual(67 * SECOND)
    expect(generator.polls).toHaveLength(10)
  })

  it('that hangs ends after 30 seconds, and its jobs are polled then', async () => {
    const { clock, generator, start } = world((_, { signal }) => never(signal))
    const from = clock.monotonic()
    const ended = await results(clock, start(10))
    expect(clock.monotonic() - from).toBeLessThanOrEqual(35 * SECOND + 200)
    expect(generator.sweeps).toHaveLength(1)
    expect(ended.flatMap(({ warnings }) => warnings)).toEqual([])
  })

  it('goes on for the others when one run is cancelled, and is aborted when the last one is', async () => {
    const signals: AbortSignal[] = []
    const { clock, start } = world((_, { signal }) => {
      signals.push(signal)
      return never(signal)
    })
    const runs = start(10)
    await clock.advance(5 * SECOND + 200)
    const [first, ...others] = runs
    await first?.cancel(new Error('enough'))
    await expect(first?.result).rejects.toThrow('enough')
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
    await Promise.all(others.map((run) => run.cancel(new Error('enough as well'))))
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    await Promise.allSettled(runs.map(({ result }) => result))
    expect(clock.pending).toBe(0)
  })

  it('is aborted when the pipeline closes, and nothing waits any more', async () => {
    const signals: AbortSignal[] = []
    const { clock, start, pipeline } = world((_, { signal }) => {
      signals.push(signal)
      return never(signal)
    })
    const runs = start(10)
    await clock.advance(5 * SECOND + 200)
    await pipeline.close()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    const settled = await Promise.allSettled(runs.map(({ result }) => result))
    expect(new Set(settled.map(({ status }) => status))).toEqual(new Set(['rejected']))
    expect(clock.pending).toBe(0)
  })

  it('gets copies of the operations, and a status that arrives late is ignored', async () => {
    const { clock, generator, start } = world((ids) => {
      ;(ids as string[]).reverse()
      return ids.map(() => RUNNING)
    })
    await results(clock, start(10))
    expect(new Set(generator.polls).size).toBe(10)
  })

  it('runs beside at most three others: the jobs past them are polled alone', async () => {
    const { clock, generator, pipeline } = world((_, { signal }) => never(signal))
    const runs = []
    for (let group = 0; group < 6; group += 1) {
      for (let index = 0; index < 10; index += 1) runs.push(pipeline.run({ prompt: `Cat ${group} ${index}` }))
      await clock.advance(SECOND)
    }
    await clock.advance(5 * SECOND)
    expect(generator.sweeps).toHaveLength(4)
    expect(generator.polls.length).toBeGreaterThanOrEqual(20)
    await pipeline.close()
    await Promise.allSettled(runs.map(({ result }) => result))
  })

  it('gives each run the status of its own job, whatever part of the list is missing or a lie', async () => {
    const entry = fc.constantFrom<'running' | 'missing' | 'completed' | 'garbage'>(
      ...(['running', 'running', 'missing', 'completed', 'garbage'] as const),
    )
    const property = fc.asyncProperty(
      fc.array(fc.array(entry, { minLength: 14, maxLength: 14 }), { minLength: 1, maxLength: 4 }),
      async (lists) => {
        let turn = 0
        const { clock, start } = world((ids) => {
          const shape = lists[turn % lists.length] ?? []
          turn += 1
          return ids.map((id, index) => {
            const kind = shape[index]
            if (kind === 'missing') return undefined
            if (kind === 'garbage') return { state: 7 }
            if (kind === 'completed') return { state: 'completed', video: videoOf('a lie') }
            return { state: 'running', phase: id }
          })
        })
        const runs = start(14)
        const ended = await results(clock, runs)
        for (const [index, { video, warnings }] of ended.entries()) {
          expect(video.id).toBe(`lister_${index}`)
          expect(warnings).toEqual([])
          const events = await collect(runs[index] as (typeof runs)[number])
          const phases = events.flatMap((event) => ('phase' in event && event.phase ? [event.phase] : []))
          for (const phase of phases) expect(['queued', 'running', `lister_${index}`]).toContain(phase)
        }
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })
})

describe('a chain of generators', () => {
  it('sweeps each of them with its own jobs', async () => {
    const clock = burstClock()
    const first = listingGenerator('first', clock, 12 * SECOND, (ids) => ids.map((id) => own(id, first)))
    const second = listingGenerator('second', clock, 12 * SECOND, (ids) => ids.map((id) => own(id, second)))
    let starts = 0
    const everyOther: TaskGenerator<string> & Pick<typeof first, 'polls' | 'sweeps'> = {
      ...first,
      start: (request, context) => {
        starts += 1
        if (starts % 2 === 0) throw new Error('Could not start: busy')
        return first.start(request, context)
      },
    }
    const generator = fallback(
      withTimeout(withCircuitBreaker(everyOther, { failures: 100 }), { timeoutMs: 10 * MINUTE }),
      withRetry(second),
    )
    const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 5 * SECOND })
    const runs = Array.from({ length: 24 }, (_, index) => pipeline.run({ prompt: `Cat ${index}` }))
    const ended = await results(clock, runs)
    expect(ended.flatMap(({ warnings }) => warnings)).toEqual([])
    for (const { sweeps, polls } of [first, second]) {
      expect(sweeps.map(({ length }) => length)).toEqual([12, 12, 12])
      expect(polls).toHaveLength(12)
    }
  })

  it('polls alone when it is called directly', () => {
    const lister = fakeTaskGenerator({ pollMany: true })
    expect('pollMany' in fallback(lister, fakeTaskGenerator({ name: 'other' }))).toBe(false)
    expect('pollMany' in withRetry(lister)).toBe(false)
  })
})

function own(id: string, lister: ReturnType<typeof listingGenerator>): TaskStatus | undefined {
  if (!id.startsWith(`${lister.name}_`)) throw new Error(`Could not list a job of another: ${id}`)
  return lister.isOver(id) ? undefined : RUNNING
}

function thrown(error: Error): never {
  throw error
}

function never(signal: AbortSignal): Promise<JsonValue> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}
