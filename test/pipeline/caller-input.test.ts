import { describe, expect, it, vi } from 'vitest'
import { memoryStore, type PipelineEvent, type RunQuery, type RunStore, SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const invalid = (field: string) =>
  expect.objectContaining({ name: 'InvalidRequestError', problems: [expect.objectContaining({ field })] })

/** A signal that counts the listeners it has. */
function spied() {
  const controller = new AbortController()
  const { signal } = controller
  const listeners = new Set<unknown>()
  const { addEventListener: add, removeEventListener: remove } = signal
  signal.addEventListener = (type: string, listener: never, options?: never) => {
    listeners.add(listener)
    add.call(signal, type, listener, options)
  }
  signal.removeEventListener = (type: string, listener: never, options?: never) => {
    listeners.delete(listener)
    remove.call(signal, type, listener, options)
  }
  return { controller, signal, listeners }
}

describe('a signal', () => {
  it.each([
    ['an object', {}],
    ['a text', 'abort'],
    ['a controller', new AbortController()],
    ['null', null],
  ])('that is %s is refused before anything is sent', async (_, signal) => {
    const generator = fakeGenerator()
    const store = memoryStore()
    const pipeline = new SoraPipeline({ generator, store })
    const options = { signal: signal as AbortSignal }
    expect(() => pipeline.run(request, options)).toThrow(invalid('signal'))
    expect(() => pipeline.resume('run_1', options)).toThrow(invalid('signal'))
    await expect(pipeline.generate(request, options)).rejects.toEqual(invalid('signal'))
    expect(generator.calls).toEqual([])
    expect(await pipeline.list()).toEqual([])
  })

  it('is released by runs that have ended, joined and resumed ones as well', async () => {
    const { signal, listeners, controller } = spied()
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    const runs = Array.from({ length: 2000 }, (_, index) => pipeline.run(request, { id: `run_${index % 500}`, signal }))
    expect(listeners.size).toBe(500)
    await Promise.all(runs.map(({ result }) => result))
    await pipeline.generate(request, { signal })
    await pipeline.resume('run_1', { signal }).result
    await expect(pipeline.resume('run_9999', { signal }).result).rejects.toMatchObject({ code: 'run-state' })
    await Promise.resolve()
    expect(listeners.size).toBe(0)
    controller.abort()
  })

  it('aborts a run that it joined', async () => {
    const { signal, listeners, controller } = spied()
    const pipeline = new SoraPipeline({ generator: fakeGenerator({ hangs: true }) })
    const run = pipeline.run(request, { id: 'run_1' })
    expect(pipeline.run(request, { id: 'run_1', signal })).toBe(run)
    controller.abort(new Error('left'))
    await expect(run.result).rejects.toThrow('left')
    await run.cancel()
    expect(listeners.size).toBe(0)
  })
})

describe('onEvent', () => {
  it.each([
    ['rejects', async () => Promise.reject(new Error('no disk'))],
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
    ],
  ])('that %s is one warning of the run, and no unhandled rejection', async (how, onEvent) => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const clock = manualClock()
    const pipeline = new SoraPipeline({ generator: fakeTaskGenerator({ polls: 3 }), clock, onEvent })
    const run = pipeline.run(request)
    await clock.runUntil(run.result)
    const warnings = (await collect(run)).filter(({ type }) => type === 'warning')
    expect(warnings).toMatchObject([
      { code: 'listener-failed', message: `onEvent ${how === 'throws' ? 'threw' : 'rejected'}: no disk` },
    ])
    // Node reports it before the next turn.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('that throws does not cost a call of advance', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 3 })
    const first = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    first.run(request, { id: 'run_1' })
    await clock.advance(100)
    await first.close()
    const onEvent = () => Promise.reject(new Error('no disk'))
    const next = new SoraPipeline({ generator, store, clock, onEvent, pollSchedule: () => 1000 })
    await clock.advance(10_000)
    for (let calls = 0; calls < 10; calls += 1) {
      await clock.runUntil(next.advance('run_1'))
      await clock.advance(1000)
    }
    expect(await next.get('run_1')).toMatchObject({ status: 'completed' })
  })
})

describe('a method without its pipeline', () => {
  it('reports how to call it', async () => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    const { run, resume, generate, advance, get, list, recover, close, wake } = pipeline
    expect(() => run(request)).toThrow(
      new TypeError('Could not call run(): its object is missing; call it as pipeline.run(…)'),
    )
    expect(() => resume('run_1')).toThrow('call it as pipeline.resume(…)')
    for (const call of [generate(request), advance('a'), get('a'), list(), recover(), close(), wake('a')])
      await expect(call).rejects.toThrow('call it as pipeline.')
    expect(await run.call(pipeline, request).result).toMatchObject({ servedBy: 'generator' })
  })
})

describe('list', () => {
  it('gives the newest 100 runs without a query', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const list = vi.fn<NonNullable<RunStore['list']>>(store.list as never)
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store: { ...store, list }, clock })
    for (const id of ['a', 'b']) {
      await clock.runUntil(pipeline.generate(request, { id }))
      await clock.advance(1)
    }
    expect((await pipeline.list()).map(({ id }) => id)).toEqual(['b', 'a'])
    expect(list).toHaveBeenLastCalledWith({ order: 'newest-first', limit: 100 })
    expect((await pipeline.list({ order: 'oldest-first', limit: 1 })).map(({ id }) => id)).toEqual(['a'])
  })

  it.each([
    ['order', { order: 'desc' }],
    ['limit', { limit: 0 }],
    ['limit', { limit: 1001 }],
    ['limit', { limit: 1.5 }],
    ['limit', { limit: '10' }],
    ['after', { after: 5 }],
    ['owner', { owner: {} }],
    ['ordr', { ordr: 'newest-first' }],
    ['query', null],
  ])('refuses a wrong %s', async (field, query) => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    await expect(pipeline.list(query as unknown as RunQuery)).rejects.toEqual(invalid(field))
  })
})

describe('run options', () => {
  it('with a name that is not known are refused', async () => {
    const generator = fakeGenerator()
    const pipeline = new SoraPipeline({ generator })
    expect(() => pipeline.run(request, { ownr: 'a' } as never)).toThrow(invalid('ownr'))
    expect(() => pipeline.run(request, { toString: 1 } as never)).toThrow(invalid('toString'))
    expect(() => pipeline.run(request, null as never)).toThrow(invalid('options'))
    expect(() => pipeline.resume('run_1', { owner: 'a' } as never)).toThrow(invalid('owner'))
    await expect(pipeline.generate(request, { sginal: undefined } as never)).rejects.toEqual(invalid('sginal'))
    expect(generator.calls).toEqual([])
  })
})

describe('an id that is missing', () => {
  it.each<[string, (pipeline: SoraPipeline, id: never) => unknown]>([
    ['resume', (pipeline, id) => pipeline.resume(id)],
    ['advance', (pipeline, id) => pipeline.advance(id)],
    ['wake', (pipeline, id) => pipeline.wake(id)],
    ['get', (pipeline, id) => pipeline.get(id)],
    ['inspect', (pipeline, id) => pipeline.inspect(id)],
    ['openVideo', (pipeline, id) => pipeline.openVideo(id)],
    ['settle', (pipeline, id) => pipeline.settle(id, 'not-submitted')],
    ['retry', (pipeline, id) => pipeline.retry(id)],
    ['remove', (pipeline, id) => pipeline.remove(id)],
    ['erase', (pipeline, id) => pipeline.erase(id)],
  ])('is an error of %s', async (_, call) => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store: memoryStore() })
    await expect((async () => call(pipeline, undefined as never))()).rejects.toEqual(invalid('id'))
  })
})

describe('wakeAt', () => {
  it('is saved as whole milliseconds although a schedule gives fractions', async () => {
    const clock = manualClock()
    const memory = memoryStore({ clock })
    const saved: number[] = []
    const store: RunStore = {
      ...memory,
      save: (id, version, state) => {
        saved.push(state.wakeAt)
        return memory.save(id, version, state)
      },
      reschedule: (id, version, wakeAt, readings) => {
        saved.push(wakeAt)
        return memory.reschedule(id, version, wakeAt, readings)
      },
    }
    const generator = fakeTaskGenerator({ polls: 3 })
    const events: PipelineEvent[] = []
    const pipeline = new SoraPipeline({
      generator,
      store,
      clock,
      pollSchedule: () => 1000 / 3,
      onEvent: (event) => events.push(event),
    })
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(100)
    expect(Number.isInteger((await pipeline.get('run_1'))?.wakeAt)).toBe(true)
    await pipeline.close()
    await clock.advance(10_000)
    await clock.runUntil(pipeline.get('run_1'))
    const next = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 / 3 })
    for (let calls = 0; calls < 8; calls += 1) {
      await clock.runUntil(next.advance('run_1'))
      await clock.advance(1000)
    }
    expect(await next.get('run_1')).toMatchObject({ status: 'completed' })
    expect(saved.length).toBeGreaterThan(5)
    expect(saved.filter((at) => !Number.isInteger(at))).toEqual([])
  })
})
