import { describe, expect, it } from 'vitest'
import { memoryStore, NetworkError, type RunStore, SoraPipeline, type StoredRun } from '../../src/index.js'
import { fakePublisher, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

// Faults that a reader found: processes that meet, listeners that throw, and stores that are down in the wrong moment.

const request = { prompt: 'A cat playing piano' }
const plain = () => Promise.reject(new Error('ECONNREFUSED'))

function setUp() {
  const clock = manualClock()
  const store = memoryStore({ clock })
  return { clock, store }
}

/** A run that is in the store, and that no worker holds. */
async function free(store: RunStore, generator = fakeTaskGenerator(), id = 'run_1'): Promise<void> {
  const create: RunStore['create'] = (name, { worker: _, ...state }) => store.create(name, state as StoredRun)
  const clock = manualClock()
  const save = () => new Promise<never>(() => undefined)
  new SoraPipeline({ generator, clock, store: { ...store, create, save } }).run(request, { id })
  await clock.advance(0)
}

describe('advance', () => {
  it('loses no paid job to a listener that throws', async () => {
    const { clock, store } = setUp()
    const generator = fakeTaskGenerator()
    await free(store, generator)
    const onEvent = () => {
      throw new Error('listener bug')
    }
    const pipeline = new SoraPipeline({ generator, store, clock, onEvent })
    expect(await clock.runUntil(pipeline.advance('run_1'))).toMatchObject({ status: 'running' })
    expect((await store.load('run_1'))?.state.submission).toMatchObject({ state: 'accepted', handle: {} })
  })

  it('by several processes in the same millisecond never takes back the submission of the one that was faster', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { clock, store } = setUp()
      const generator = fakeTaskGenerator()
      const slow: typeof generator.start = async (input, context) => {
        await context.clock.sleep(1000, context)
        return generator.start(input, context)
      }
      await free(store, generator)
      const make = () => new SoraPipeline({ generator: { ...generator, start: slow }, store, clock })
      const calls = Array.from({ length: 3 }, () => make().advance('run_1'))
      await clock.advance(500)
      expect((await store.load('run_1'))?.state.submission).toMatchObject({ state: 'sending' })
      await clock.runUntil(Promise.all(calls))
      await clock.runUntil(make().advance('run_1'))
      expect(generator.startCount).toBe(1)
    }
  })

  it('and a recovery in the same pipeline do not meet in one submission', async () => {
    const { clock, store } = setUp()
    const generator = fakeTaskGenerator({ submission: { idempotency: 'none', lookup: 'fingerprint' }, found: [] })
    const slow: typeof generator.start = async (input, context) => {
      await context.clock.sleep(60_000, context)
      return generator.start(input, context)
    }
    await free(store, generator)
    const pipeline = new SoraPipeline({ generator: { ...generator, start: slow }, store, clock })
    const advanced = pipeline.advance('run_1')
    await clock.advance(1)
    const [run] = await pipeline.recover()
    await clock.runUntil(Promise.all([advanced, run?.result]))
    expect(generator.startCount).toBe(1)
  })

  it.each(['load', 'heartbeat'] as const)(
    'does not fail a run when the store rejects %s with its own error',
    async (method) => {
      const { clock, store } = setUp()
      const generator = fakeTaskGenerator({ polls: 100 })
      const other = manualClock()
      new SoraPipeline({ generator, store, clock: other, pollSchedule: () => 1000 }).run(request, { id: 'run_1' })
      await other.advance(1500)
      let loads = 0
      const load: RunStore['load'] = (id) => {
        loads += 1
        return loads === 2 ? plain() : store.load(id)
      }
      if (method === 'heartbeat') await free(store, generator, 'run_2')
      const broken = method === 'load' ? { ...store, load } : { ...store, heartbeat: plain }
      const pipeline = new SoraPipeline({ generator, store: broken, clock })
      const id = method === 'load' ? 'run_1' : 'run_2'
      await expect(clock.runUntil(pipeline.advance(id))).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
      expect((await store.load(id))?.state).toMatchObject({ status: 'running' })
    },
  )
})

describe('the end of a run', () => {
  it('is saved once the store is back, while the process lives, when it could not be saved before', async () => {
    const { clock, store } = setUp()
    let isDown = false
    const save: RunStore['save'] = (...given) => (isDown ? plain() : store.save(...given))
    const generator = fakeTaskGenerator({ polls: 2 })
    const poll: typeof generator.poll = (...given) => {
      isDown = true
      return generator.poll(...given)
    }
    const pipeline = new SoraPipeline({
      generator: { ...generator, poll },
      store: { ...store, save },
      clock,
      pollSchedule: () => 1000,
    })
    // Another run keeps the worker beating.
    const busy = new SoraPipeline({
      generator: fakeTaskGenerator({ name: 'busy', polls: 500 }),
      store,
      clock,
      pollSchedule: () => 1000,
    })
    busy.run(request)
    const { url } = await clock.runUntil(pipeline.generate(request, { id: 'run_1' }))
    expect((await store.load('run_1'))?.state.status).toBe('running')
    isDown = false
    await clock.advance(60_000)
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'completed' })
    expect(await busy.get('run_1')).toMatchObject({ status: 'completed', result: { url } })
  })

  it('leaves the run to others when the store was down', async () => {
    const { clock, store } = setUp()
    let isDown = false
    const save: RunStore['save'] = (...given) => (isDown ? plain() : store.save(...given))
    const submission = { idempotency: 'none', lookup: 'none' } as const
    const generator = { ...fakeTaskGenerator({ submission }), start: plain }
    const pipeline = new SoraPipeline({ generator, store: { ...store, save }, clock })
    const busy = pipeline.run(request)
    isDown = true
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.runUntil(Promise.allSettled([busy.result, run.result]))
    isDown = false
    await clock.advance(60_000)
    expect((await store.load('run_1'))?.state).not.toHaveProperty('worker')
    expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed', error: { code: 'run-state' } })
  })
})

describe('a submission whose answer was lost', () => {
  it('is never called unsent, however the store fails then', async () => {
    const { clock, store } = setUp()
    let isDown = false
    const save: RunStore['save'] = (...given) => (isDown ? plain() : store.save(...given))
    const generator = fakeTaskGenerator({ submission: { idempotency: 'key', lookup: 'none' } })
    const start = () => {
      isDown = true
      return Promise.reject(new NetworkError('Could not submit: the connection was cut'))
    }
    const run = new SoraPipeline({ generator: { ...generator, start }, store: { ...store, save }, clock }).run(request)
    const error = await clock.runUntil(run.result.catch((reason: unknown) => reason))
    expect(error).toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('an earlier submission may have been accepted'),
      isRetryable: false,
    })
  })
})

describe('a process that was paused after its video', () => {
  it('does not publish what another process has published meanwhile', async () => {
    const { clock, store } = setUp()
    let jump = 0
    const paused = { ...clock, now: () => clock.now() + jump, monotonic: () => clock.monotonic() + jump }
    const [first, second] = [fakePublisher(), fakePublisher()]
    const options = { generator: fakeTaskGenerator({ polls: 0 }), store, pollSchedule: () => 0 }
    const save: RunStore['save'] = async (id, version, state) => {
      const saved = await store.save(id, version, state)
      if (state.step !== 'publish' || jump > 0) return saved
      // Paused right after the video was saved, for as long as another process needs.
      const other = new SoraPipeline({ ...options, publisher: second, uploader: fakeUploader(), clock })
      const { worker: _, ...rest } = state
      await store.save(id, saved, rest as StoredRun)
      jump = 60_000
      await other.resume(id).result
      return saved
    }
    const slow = new SoraPipeline({
      ...options,
      publisher: first,
      uploader: fakeUploader(),
      store: { ...store, save },
      clock: paused,
    })
    await expect(clock.runUntil(slow.generate(request, { id: 'run_1' }))).resolves.toMatchObject({
      servedBy: 'uploader',
    })
    expect([first.calls.length, second.calls.length]).toEqual([0, 1])
  })
})
