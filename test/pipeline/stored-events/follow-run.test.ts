import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { followRun, memoryStore, type PipelineEvent, SoraPipeline, type SoraPipelineError } from '../../../src/index.js'
import {
  type FakeTaskGeneratorOptions,
  fakeGenerator,
  fakeTaskGenerator,
  manualClock,
} from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const typesOf = (events: readonly PipelineEvent[]) => events.map(({ type }) => type)

function setUp(options: FakeTaskGeneratorOptions = {}) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const process = () => {
    const generator = fakeTaskGenerator({ polls: 5, ...options })
    const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    return { generator, pipeline }
  }
  const follow = (id: string, signal?: AbortSignal) => followRun(store, id, { clock, signal })
  return { clock, store, process, follow }
}

describe('a run that is followed', () => {
  it('shows every event of its worker with its number, from the first, and the result', async () => {
    const { clock, process, follow } = setUp()
    const run = process().pipeline.run(request, { id: 'run_1' })
    const own = collect(run)
    await clock.advance(2500)
    const followed = follow('run_1')
    const views = [collect(followed), collect(followed)]
    const result = await clock.runUntil(run.result)
    await clock.advance(0)
    const events = await own
    expect(typesOf(events).at(-1)).toBe('run-completed')
    expect(await Promise.all(views)).toEqual([events, events])
    const { source: _, ...video } = result.video
    expect(await followed.result).toEqual({ ...result, video })
    expect(await collect(follow('run_1'))).toEqual(events)
  })

  it('shows live events at once, without a wait', async () => {
    const { clock, process, follow } = setUp()
    const run = process().pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    const events = follow('run_1')[Symbol.asyncIterator]()
    const seen: string[] = []
    const reading = (async () => {
      for (let step = await events.next(); !step.done; step = await events.next()) seen.push(step.value.type)
    })()
    await clock.advance(1500)
    expect(seen.slice(0, 3)).toEqual(['run-started', 'stage-started', 'stage-progressed'])
    await clock.runUntil(run.result)
    await clock.advance(0)
    await reading
    expect(seen.at(-1)).toBe('run-completed')
  })

  it('rejects with the error of the run, which its last event has', async () => {
    const { clock, store, follow } = setUp()
    const generator = fakeGenerator({ outcome: new Error('broken') })
    const run = new SoraPipeline({ generator, store, clock }).run(request, { id: 'run_1' })
    const error = await clock.runUntil(run.result.catch((thrown: SoraPipelineError) => thrown.toJSON()))
    const followed = follow('run_1')
    expect((await collect(followed)).at(-1)).toMatchObject({ type: 'run-failed', isAborted: false, error })
    await expect(followed.result).rejects.toMatchObject(error)
  })

  it('is not known to the store', async () => {
    const { follow } = setUp()
    const followed = follow('run_unknown')
    expect(await collect(followed)).toMatchObject([{ type: 'run-failed', error: { code: 'run-state' } }])
    await expect(followed.result).rejects.toThrow('Could not follow the run, the store does not know it: run_unknown')
  })

  it('is cancelled by its worker, which notices with a beat', async () => {
    const { clock, process, follow, store } = setUp({ polls: Number.POSITIVE_INFINITY })
    const { pipeline, generator } = process()
    const run = pipeline.run(request, { id: 'run_1' })
    const own = collect(run)
    await clock.advance(2500)
    const followed = follow('run_1')
    const view = collect(followed)
    const reason = new Error('No longer needed')
    const cancelled = followed.cancel(reason)
    await expect(followed.result).rejects.toBe(reason)
    await clock.runUntil(cancelled)
    await expect(run.result).rejects.toMatchObject({ name: 'AbortError', message: 'No longer needed' })
    const last = { type: 'run-failed', isAborted: true, upstream: { state: 'cancelled' } }
    expect((await view).at(-1)).toMatchObject(last)
    expect(await view).toEqual(await own)
    expect(generator.cancelCount).toBe(1)
    const state = (await store.load('run_1'))?.state
    expect(state).toMatchObject({ status: 'failed', isAborted: true })
    expect(state).not.toHaveProperty('cancelRequest')
  })

  it('is cancelled by the next step where no worker holds it', async () => {
    const { clock, process, follow, store } = setUp({ polls: Number.POSITIVE_INFINITY })
    const { pipeline } = process()
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(2500)
    await clock.runUntil(pipeline.close())
    await expect(run.result).rejects.toMatchObject({ code: 'run-state' })
    const followed = follow('run_1')
    const view = collect(followed)
    const cancelled = followed.cancel()
    await clock.advance(0)
    const next = process()
    expect(await next.pipeline.due()).toEqual(['run_1'])
    expect(await clock.runUntil(next.pipeline.advance('run_1'))).toMatchObject({ status: 'failed' })
    await clock.runUntil(cancelled)
    const events = await view
    expect(events.at(-1)).toMatchObject({ type: 'run-failed', isAborted: true, upstream: { state: 'cancelled' } })
    expect(typesOf(events).filter((type) => type === 'run-failed')).toHaveLength(1)
    expect(next.generator.cancelCount).toBe(1)
    expect((await store.load('run_1'))?.state).toMatchObject({ isAborted: true })
  })

  it('is read every five seconds when nothing rings, or the subscription fails', async () => {
    for (const followEvents of [
      async () => ({ close: async () => undefined }),
      async () => Promise.reject(new Error('no')),
    ]) {
      const { clock, process, store } = setUp({ polls: 8 })
      const run = process().pipeline.run(request, { id: 'run_1' })
      await clock.advance(500)
      const silent = { ...store, followEvents }
      const view = collect(followRun(silent, 'run_1', { clock }))
      await clock.runUntil(run.result)
      await clock.advance(5000)
      expect(await view).toEqual(await collect(run))
    }
  })

  it('has no more events for an iteration that begins after the signal', async () => {
    const { process, follow } = setUp()
    process().pipeline.run(request, { id: 'run_1' })
    const controller = new AbortController()
    const followed = follow('run_1', controller.signal)
    controller.abort(new Error('left'))
    expect(await collect(followed)).toEqual([])
    await expect(followed.result).rejects.toThrow('left')
  })

  it('leaves no listener at a signal that lasts longer than the run', async () => {
    const { clock, process, follow } = setUp()
    const { signal } = new AbortController()
    const run = process().pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    const followed = follow('run_1', signal)
    const reading = collect(followed)
    await clock.advance(10)
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    await clock.runUntil(run.result)
    await clock.advance(5000)
    await reading
    await followed.result
    follow('run_1', signal)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('stops being followed by a signal, and continues', async () => {
    const { clock, process, follow } = setUp()
    const run = process().pipeline.run(request, { id: 'run_1' })
    await clock.advance(1500)
    const controller = new AbortController()
    const followed = follow('run_1', controller.signal)
    const view = collect(followed)
    await clock.advance(10)
    controller.abort('enough')
    expect(typesOf(await view)[0]).toBe('run-started')
    await expect(followed.result).rejects.toBe('enough')
    expect(await clock.runUntil(run.result)).toMatchObject({ runId: 'run_1' })
  })
})

describe('a run of another process that is resumed', () => {
  it('shows the events of that process, and after a takeover its own, numbered from the next million', async () => {
    const { clock, process } = setUp({ polls: 40 })
    const a = process()
    const first = a.pipeline.run(request, { id: 'run_1' })
    await clock.advance(3500)
    const b = process()
    const second = b.pipeline.resume('run_1')
    const view = collect(second)
    await clock.advance(5000)
    await clock.runUntil(a.pipeline.close())
    await expect(first.result).rejects.toMatchObject({ code: 'run-state' })
    await clock.runUntil(second.result)
    const events = await view
    const resumed = events.findIndex(({ type }) => type === 'run-resumed')
    expect(events[resumed]?.sequence).toBe(1_000_000)
    expect(typesOf(events).filter((type) => type.startsWith('run-'))).toEqual([
      'run-started',
      'run-resumed',
      'run-completed',
    ])
    expect(events.slice(0, resumed).at(-1)?.sequence).toBeGreaterThan(5)
    const sequences = events.map(({ sequence }) => sequence)
    expect(sequences).toEqual([...sequences].sort((x, y) => x - y))
    expect(await collect(process().pipeline.resume('run_1'))).toEqual(events)
  })
})

describe('a run that is advanced step by step', () => {
  it('has the events of all steps in its log', async () => {
    const { clock, process, store, follow } = setUp({ polls: 4 })
    const starter = process()
    const { generator } = starter
    const run = starter.pipeline.run(request, { id: 'run_1' })
    await clock.advance(500)
    await clock.runUntil(starter.pipeline.close())
    await expect(run.result).rejects.toMatchObject({ code: 'run-state' })
    const view = collect(follow('run_1'))
    for (let status = 'running'; status === 'running'; ) {
      await clock.advance(1000)
      const other = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
      status = (await clock.runUntil(other.advance('run_1'))).status
    }
    await clock.advance(0)
    const events = await view
    expect(typesOf(events).filter((type) => type === 'stage-progressed').length).toBeGreaterThan(3)
    expect(typesOf(events).at(-1)).toBe('run-completed')
    expect(await store.readEvents?.('run_1', -1, 1000)).toEqual(events)
  })
})
