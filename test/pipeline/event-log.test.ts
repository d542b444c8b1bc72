import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PipelineEvent, SoraPipeline, type StageContext } from '../../src/index.js'
import { EventLog } from '../../src/pipeline/event-log.js'
import { manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const progress = (elapsedMs: number) =>
  ({ type: 'stage-progressed', stage: 'upload', strategy: 'mock', elapsedMs }) as const
const started = { type: 'stage-started', stage: 'upload', strategy: 'mock' } as const
const failed = {
  type: 'run-failed',
  isAborted: false,
  error: { name: 'Error', code: 'unexpected', message: 'x', isRetryable: false },
} as const
const makeLog = (now = () => 0) => new EventLog(() => ({ runId: 'run_1', at: now() }))

const reporting = (count: number, each: (index: number) => Promise<void> | void = () => undefined) => ({
  name: 'mock',
  generate: async (_: unknown, context: StageContext) => {
    for (let index = 1; index <= count; index += 1) {
      context.report({ ratio: index / count, message: `frame ${index} of ${count}` })
      await each(index)
    }
    return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
  },
})

describe('a run with 10,000 progress events', () => {
  it('keeps bounded memory for a reader that never reads, and still gives it the latest progress and the end', async () => {
    const run = new SoraPipeline({ generator: reporting(10_000), clock: manualClock() }).run({ prompt: 'x' })
    const idle = run[Symbol.asyncIterator]()
    await idle.next()
    await run.result
    const events = await collect(run)
    const seen = events.filter(({ type }) => type === 'stage-progressed')
    expect(seen.length).toBeLessThan(100)
    expect(seen.at(-1)).toMatchObject({ ratio: 1, message: 'frame 10000 of 10000' })
    expect(events.at(-1)?.type).toBe('run-completed')
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index))
  })

  it('gives ten readers the same events, also those that keep up', async () => {
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
    const run = new SoraPipeline({ generator: reporting(10_000, turn), clock: manualClock() }).run({ prompt: 'x' })
    const views = await Promise.all(Array.from({ length: 10 }, () => collect(run)))
    for (const view of views) expect(view).toEqual(views[0])
    const seen = views[0]?.filter(({ type }) => type === 'stage-progressed') ?? []
    expect(seen.length).toBeGreaterThan(500)
    expect(seen.length).toBeLessThan(2000)
    expect(seen.at(-1)).toMatchObject({ ratio: 1 })
  })

  it('keeps them all for a reader that keeps up with a stage that lasts', async () => {
    const clock = manualClock()
    const run = new SoraPipeline({ generator: reporting(300, () => clock.sleep(1000)), clock }).run({ prompt: 'x' })
    const reading = collect(run)
    await clock.runUntil(run.result)
    expect((await reading).filter(({ type }) => type === 'stage-progressed')).toHaveLength(300)
  })
})

describe('EventLog', () => {
  it('keeps one progress event a second, then fewer, once a reader had a thousand', async () => {
    let now = 0
    const log = makeLog(() => now)
    const reading = collect({ [Symbol.asyncIterator]: () => log.read() })
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
    for (let index = 0; index < 30_000; index += 1) {
      now = index * 100
      log.progress(progress(index))
      if (index % 5 === 0) await turn()
    }
    log.append(failed)
    const times = (await reading).map(({ at }) => at)
    const perSecond = times.findIndex((at, index) => at - (times[index - 1] ?? 0) >= 1000)
    expect(perSecond).toBeGreaterThanOrEqual(999)
    expect(times.length).toBeGreaterThan(2000)
    expect(times.length).toBeLessThan(3000)
    expect(times.slice(2100, -2).every((at, index) => at - (times[2099 + index] ?? 0) >= 2000)).toBe(true)
    expect(times.at(-2)).toBe(times.at(-1)) // The latest, which was held back, comes before the end.
  })

  it('ends a read that waits when the reader leaves', async () => {
    const log = makeLog()
    const reader = log.read()
    const waiting = reader.next()
    await reader.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    log.append(started)
    expect(await reader.next()).toEqual({ done: true, value: undefined })
  })

  it('gives the latest progress at once to a late reader, and the next ones as they happen', async () => {
    const log = makeLog()
    for (let at = 1; at <= 100; at += 1) log.progress(progress(at))
    const reader = log.read()
    const seen: unknown[] = []
    const read = async () => {
      const { value } = await reader.next()
      seen.push(value && 'elapsedMs' in value ? value.elapsedMs : undefined)
    }
    for (let count = 0; count < 65; count += 1) await read()
    expect(seen).toEqual([...Array.from({ length: 64 }, (_, index) => index + 1), 100])
    const waiting = read()
    log.progress(progress(101))
    await waiting
    expect(seen.at(-1)).toBe(101)
  })

  it('takes nothing after the terminal event', async () => {
    const log = makeLog()
    log.append(failed)
    log.append(started)
    log.progress(progress(1))
    expect(await collect({ [Symbol.asyncIterator]: () => log.read() })).toMatchObject([
      { type: 'run-failed', sequence: 0 },
    ])
  })

  it('gives every reader the same gapless view with the latest progress, however they interleave', async () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant('progress' as const) }),
      fc.record({ kind: fc.constant('append' as const) }),
      fc.record({ kind: fc.constant('read' as const), reader: fc.nat(2) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(5000) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 200 }), async (actions) => {
        let now = 0
        let count = 0
        const log = makeLog(() => now)
        const readers = [log.read(), log.read(), log.read()]
        const views: Promise<IteratorResult<PipelineEvent>>[][] = [[], [], []]
        for (const step of actions) {
          if (step.kind === 'progress') log.progress(progress(++count))
          else if (step.kind === 'append') log.append(started)
          else if (step.kind === 'wait') now += step.ms
          else views[step.reader]?.push(readers[step.reader]?.next() as Promise<IteratorResult<PipelineEvent>>)
          await Promise.resolve()
        }
        log.progress(progress(++count))
        log.append(failed)
        const all = await collect({ [Symbol.asyncIterator]: () => log.read() })
        expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index))
        expect(all.at(-2)).toMatchObject({ elapsedMs: count })
        for (const view of views) {
          const values = (await Promise.all(view)).flatMap(({ done, value }) => (done ? [] : [value as PipelineEvent]))
          expect(values).toEqual(all.slice(0, values.length))
        }
      }),
      { numRuns: 100 },
    )
  })
})
