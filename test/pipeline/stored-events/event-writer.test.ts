import { describe, expect, it } from 'vitest'
import { memoryStore, type PipelineEvent, type RunStore, SoraPipeline, type StageContext } from '../../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'

const request = { prompt: 'A cat playing piano' }

function setUp(change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const clock = manualClock()
  const inner = memoryStore({ clock })
  const store: RunStore = { ...inner, ...change(inner) }
  const options = { store, clock, pollSchedule: () => 1000 }
  const stored = async () => (await inner.readEvents?.('run_1', -1, 1000)) as unknown as readonly PipelineEvent[]
  return { clock, store, options, stored }
}

/** A generator that reports progress in one long call. */
const reporting = (count: number, everyMs: number) => ({
  name: 'reporting',
  generate: async (_: unknown, { report, clock }: StageContext) => {
    for (let index = 1; index <= count; index += 1) {
      report({ ratio: index / count })
      await clock.sleep(everyMs)
    }
    return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
  },
})

describe('the events of a run in its store', () => {
  it('are all but progress, of which there is at most one event a second', async () => {
    const { clock, options, stored } = setUp()
    const run = new SoraPipeline({ ...options, generator: reporting(100, 100) }).run(request, { id: 'run_1' })
    await clock.runUntil(run.result)
    await clock.advance(0)
    const [own, kept] = [await collect(run), await stored()]
    const isProgress = ({ type }: PipelineEvent) => type === 'stage-progressed'
    expect(kept.filter((event) => !isProgress(event))).toEqual(own.filter((event) => !isProgress(event)))
    const progress = kept.filter(isProgress)
    expect(progress.length).toBeGreaterThanOrEqual(9)
    expect(progress.length).toBeLessThanOrEqual(11)
    expect(own).toEqual(expect.arrayContaining([...kept]))
  })

  it('include the latest progress a second after the one before, also without another event', async () => {
    const { clock, options, stored } = setUp()
    const generator = {
      name: 'three at once',
      generate: async (_: unknown, { report, clock: time }: StageContext) => {
        for (const ratio of [0.1, 0.2, 0.3]) report({ ratio })
        await time.sleep(60_000)
        return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
      },
    }
    new SoraPipeline({ ...options, generator }).run(request, { id: 'run_1' })
    await clock.advance(999)
    expect((await stored()).at(-1)).toMatchObject({ ratio: 0.1 })
    await clock.advance(2)
    expect((await stored()).at(-1)).toMatchObject({ ratio: 0.3 })
  })

  it.each(['fails', 'hangs'])(
    'are saved later when the store %s, which neither delays nor fails the run',
    async (how) => {
      let isDown = true
      const { clock, options, stored } = setUp(({ appendEvents }) => ({
        appendEvents: async (id, events) => {
          if (isDown && how === 'fails') throw new Error('no space')
          if (isDown) return new Promise(() => undefined)
          return appendEvents?.(id, events)
        },
      }))
      const generator = fakeTaskGenerator({ polls: 20 })
      const run = new SoraPipeline({ ...options, generator }).run(request, { id: 'run_1' })
      await clock.advance(15_000)
      expect(await stored()).toEqual([])
      isDown = false
      const { durationMs, warnings } = await clock.runUntil(run.result)
      expect(durationMs).toBeLessThan(21_500)
      expect(warnings).toEqual([])
      await clock.advance(60_000)
      const own = await collect(run)
      expect(await stored()).toEqual(own)
      expect(own.filter((event) => event.type === 'warning')).toMatchObject([{ code: 'events-not-stored' }])
    },
  )

  it('are added once when the answer of the store was lost', async () => {
    let lost = 0
    const { clock, options, stored } = setUp(({ appendEvents }) => ({
      appendEvents: async (id, events) => {
        const newest = await appendEvents?.(id, events)
        lost += 1
        if (lost % 2 === 1) throw new Error('connection reset')
        return newest
      },
    }))
    const run = new SoraPipeline({ ...options, generator: fakeTaskGenerator({ polls: 5 }) }).run(request, {
      id: 'run_1',
    })
    await clock.runUntil(run.result)
    await clock.advance(60_000)
    expect(await stored()).toEqual(await collect(run))
  })

  it('have none of a worker that lost the run to another', async () => {
    const { options, stored } = setUp()
    const dead = manualClock()
    const generator = fakeTaskGenerator({ polls: 40 })
    const first = new SoraPipeline({ ...options, clock: dead, generator }).run(request, { id: 'run_1' })
    await dead.advance(2500)
    const second = new SoraPipeline({ ...options, generator }).resume('run_1')
    await options.clock.runUntil(second.result)
    const all = await stored()
    await dead.runUntil(first.result)
    await dead.advance(0)
    expect(await stored()).toEqual(all)
    expect(all).toEqual(await collect(second))
    expect(all.filter(({ type }) => type.startsWith('run-')).map(({ type, sequence }) => [type, sequence])).toEqual([
      ['run-started', 0],
      ['run-resumed', 1_000_000],
      ['run-completed', expect.any(Number)],
    ])
  })

  it('end with the last event of a run that continued after a review', async () => {
    const { clock, options, stored } = setUp()
    const lost = new Error('connection reset')
    const generator = fakeTaskGenerator({
      submission: { idempotency: 'none', lookup: 'none' },
      starts: [Object.assign(lost, { code: 'ECONNRESET' })],
    })
    const pipeline = new SoraPipeline({ ...options, generator })
    const run = pipeline.run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    const settled = await pipeline.settle('run_1', 'not-submitted')
    await clock.runUntil(settled.result)
    await clock.advance(0)
    const ends = (events: readonly PipelineEvent[]) =>
      events.filter(({ type }) => /^run-(failed|completed)$/.test(type))
    expect(ends(await stored()).map(({ type }) => type)).toEqual(['run-failed', 'run-completed'])
    expect(ends(await collect(settled)).map(({ type }) => type)).toEqual(['run-completed'])
    expect(ends(await collect(pipeline.resume('run_1'))).map(({ type }) => type)).toEqual(['run-completed'])
  })
})

it.each(['appendEvents', 'readEvents', 'followEvents'] as const)('a store with %s alone is refused', (method) => {
  const { appendEvents: _, readEvents: __, followEvents: ___, ...plain } = memoryStore()
  const store = { ...plain, [method]: async () => undefined } as RunStore
  const generator = fakeTaskGenerator()
  expect(() => new SoraPipeline({ generator, store })).toThrow(
    'give a store with all of appendEvents, readEvents, followEvents, or none of them',
  )
  expect(() => new SoraPipeline({ generator, store: plain })).not.toThrow()
})
