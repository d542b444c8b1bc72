import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PipelineEvent, PipelineRun } from '../../src/index.js'
import { fakeUploader } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import {
  freshRun,
  hungWorld,
  IMAGE_SHA256,
  type Method,
  PHASES,
  type Phase,
  request,
  STORE_MS,
  TOTAL_MS,
} from './hanging-store.js'

const METHODS: readonly Method[] = [
  'create',
  'load',
  'save',
  'claim',
  'heartbeat',
  'report',
  'versions',
  'putMedia',
  'getMedia',
  'dropMedia',
  'retire',
  'due',
  'list',
  'reschedule',
  'appendEvents',
  'readEvents',
  'followEvents',
]
// What a run cannot begin without; once its job is paid it needs nothing.
const NEEDED: Readonly<Record<Phase, readonly Method[]>> = {
  opening: ['create', 'load', 'save', 'heartbeat', 'putMedia', 'getMedia'],
  submitting: ['save'],
  polling: [],
  later: [],
  ending: [],
}
const CELLS = PHASES.flatMap((phase) => [...METHODS, 'all' as const].map((method) => [method, phase] as const))
const isIn = (method: Method | 'all') => (called: Method) => method === 'all' || called === method
const isNeeded = (method: Method | 'all', phase: Phase) =>
  method === 'all' ? NEEDED[phase].length > 0 : NEEDED[phase].includes(method)

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
beforeAll(() => {
  process.on('unhandledRejection', note)
})
afterAll(() => {
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

async function lastEventOf(run: PipelineRun): Promise<PipelineEvent | undefined> {
  const events = await collect(run)
  const isTerminal = ({ type }: PipelineEvent) => type === 'run-completed' || type === 'run-failed'
  expect(events.filter(isTerminal)).toEqual(events.slice(-1))
  return events.at(-1)
}

// What could not be saved, and the events, are saved once the store is back; that keeps no process alive.
const IN_BACKGROUND = 2

describe('a store that hangs for good', () => {
  it.each(CELLS)('in %s, %s', async (method, phase) => {
    const world = hungWorld(isIn(method), phase)
    const { clock, pipeline, generator, began } = world
    const run = pipeline.run(request, { id: 'run_1' })
    if (isNeeded(method, phase)) {
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
      expect(clock.now() - began).toBe(STORE_MS)
      expect(generator.startCount).toBe(0)
      expect(await lastEventOf(run)).toMatchObject({ type: 'run-failed', isAborted: false })
    } else {
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'uploader' })
      expect(clock.now() - began).toBeLessThanOrEqual(60_000) // 21 seconds, and some operations that hang.
      expect(generator.startCount).toBe(1)
      expect(world.uploader.calls).toHaveLength(1)
      expect(await lastEventOf(run)).toMatchObject({ type: 'run-completed' })
    }
    await clock.advance(STORE_MS)
    expect(clock.pending).toBeLessThanOrEqual(IN_BACKGROUND)
  })

  it.each(PHASES.filter((phase) => phase !== 'opening'))('ends with totalMs, from %s on', async (phase) => {
    const uploader = fakeUploader({ hangs: true })
    const { clock, pipeline, began } = hungWorld(() => true, phase, { uploader, polls: 8 })
    const run = pipeline.run(request)
    const outcome = await clock.runUntil(
      run.result.then(
        ({ servedBy }) => servedBy,
        ({ code }) => code,
      ),
    )
    expect(outcome).toBe(phase === 'submitting' ? 'run-state' : 'generator')
    expect(clock.now() - began).toBeLessThanOrEqual(TOTAL_MS + 1200)
    await lastEventOf(run)
  })

  it.each([0, 30_000, 60_000, 90_000, 109_000, 115_000, 119_500])(
    'and a job that never ends: the run ends with totalMs, from %i ms on',
    async (fromMs) => {
      const { clock, pipeline, began } = hungWorld(() => clock.now() >= began + fromMs, 'polling', {
        polls: Number.POSITIVE_INFINITY,
      })
      const run = pipeline.run(request)
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'stage-timeout', handle: {} })
      expect(clock.now() - began).toBeLessThanOrEqual(TOTAL_MS + 1200)
      expect(await lastEventOf(run)).toMatchObject({ type: 'run-failed', upstream: { state: 'running' } })
    },
  )

  it.each(['create', 'heartbeat', 'putMedia', 'load', 'getMedia', 'save'] as const)(
    'in %s ends a run whose totalMs is shorter than storeTimeoutMs',
    async (method) => {
      const { clock, pipeline, began } = hungWorld(isIn(method), 'opening', { deadlines: { totalMs: 2000 } })
      const run = pipeline.run(request, { id: 'run_1' })
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'run-state' })
      expect(clock.now() - began).toBeLessThanOrEqual(3000)
      await lastEventOf(run)
    },
  )

  const cancels = PHASES.flatMap((phase) => [0, 3000, 9000, 15_000, 25_000].map((afterMs) => [phase, afterMs] as const))
  it.each(cancels)('lets a run be cancelled, from %s on, after %i ms', async (phase, afterMs) => {
    const world = hungWorld(() => true, phase, { polls: 30, cancelHangs: true })
    const { clock, pipeline, generator, hung } = world
    const run = pipeline.run(request, { id: 'run_1' })
    while (hung.length === 0) await clock.advance(500)
    await clock.advance(afterMs)
    const cancelledAt = clock.now()
    const reason = new Error('enough')
    const ended = run.cancel(reason)
    const outcome = await run.result.then(
      () => 'completed',
      (error) => error,
    )
    expect(clock.now()).toBe(cancelledAt) // At once, or it had ended.
    await clock.runUntil(Promise.race([ended, clock.sleep(60_000)]))
    expect(clock.now() - cancelledAt).toBeLessThanOrEqual(STORE_MS + 2200) // The generator has two seconds to cancel.
    const last = await lastEventOf(run)
    const isPaid = phase !== 'opening' && phase !== 'submitting'
    expect(generator.startCount).toBe(isPaid ? 1 : 0)
    // One that was saving its URL has completed all the same.
    if (outcome === reason && last?.type !== 'run-completed') {
      const upstream = { handle: { operation: { id: 'task_1' } } }
      expect(last).toMatchObject({ type: 'run-failed', isAborted: true, ...(isPaid && { upstream }) })
    }
    await clock.advance(STORE_MS)
  })

  it('fails every other operation of a pipeline in time, and reports the store as down', async () => {
    const { clock, pipeline } = hungWorld(() => true, 'opening')
    const calls = {
      recover: pipeline.recover(),
      due: pipeline.due(),
      list: pipeline.list({ order: 'newest-first', limit: 10 }),
      get: pipeline.get('run_1'),
      advance: pipeline.advance('run_1'),
      prune: pipeline.prune({ endedBefore: clock.now() }),
      erase: pipeline.erase('run_1'),
      settle: pipeline.settle('run_1', 'not-submitted'),
      openVideo: pipeline.openVideo('run_1'),
      remove: pipeline.remove('run_1'),
    }
    const settled = Promise.allSettled(Object.values(calls))
    await clock.advance(STORE_MS)
    for (const outcome of await settled) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'run-state', isRetryable: true } })
      expect(String((outcome as PromiseRejectedResult).reason)).toContain('the store is down')
    }
    expect(clock.pending).toBeLessThanOrEqual(IN_BACKGROUND)
  })
})

describe('a store that hangs for a while', () => {
  const paid = CELLS.filter(([, phase]) => phase !== 'opening' && phase !== 'submitting')
  it.each(paid)('in %s, %s, and answers late, loses and repeats nothing', async (method, phase) => {
    const world = hungWorld(isIn(method), phase, { forMs: 15_000 })
    const { clock, pipeline, generator, uploader, memory, hung, another } = world
    const run = pipeline.run(request, { id: 'run_1' })
    const { url } = await clock.runUntil(run.result)
    expect([generator.startCount, uploader.calls.length]).toEqual([1, 1])
    for (const call of hung) await call.land().catch(() => undefined)
    await clock.advance(STORE_MS * 3)
    const resumed = await clock.runUntil(another().resume('run_1').result)
    expect(resumed.url).toBe(url)
    expect(generator.startCount).toBe(1)
    expect((await memory.load('run_1'))?.state).toMatchObject({
      status: 'completed',
      submission: { state: 'accepted' },
    })
    await lastEventOf(run)
  })

  it.each(paid)('in %s, %s, and answers last first, loses and repeats nothing', async (method, phase) => {
    const world = hungWorld(isIn(method), phase, { forMs: 25_000 })
    const { clock, pipeline, generator, memory, hung, another } = world
    const run = pipeline.run(request, { id: 'run_1' })
    const landing = clock.sleep(18_000).then(async () => {
      for (const call of [...hung].reverse()) await call.land().catch(() => undefined)
    })
    const { url } = await clock.runUntil(run.result)
    await clock.runUntil(landing)
    await clock.advance(STORE_MS * 3)
    expect((await clock.runUntil(another().resume('run_1').result)).url).toBe(url)
    expect(generator.startCount).toBe(1)
    expect((await memory.load('run_1'))?.state).toMatchObject({
      status: 'completed',
      submission: { state: 'accepted' },
    })
  })

  it('in heartbeat, and then in save, does not stop a run whose job is paid', async () => {
    const hangs = (method: Method) => (clock.now() < began + 14_000 ? method === 'heartbeat' : method === 'save')
    const world = hungWorld(hangs, 'polling', { polls: 20 })
    const { clock, pipeline, began } = world
    const run = pipeline.run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(world.generator.pollCount).toBe(21)
    expect(clock.now() - began).toBeLessThan(100_000)
  })

  it.each([
    ['versions', Number.POSITIVE_INFINITY],
    ['heartbeat', 4000],
  ] as const)('in %s does not cost the hold of a run', async (method, forMs) => {
    const { clock, pipeline, generator, another } = hungWorld(isIn(method), 'polling', { forMs, polls: 20 })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const due: string[] = []
    const result = run.result.finally(() => due.push('over'))
    while (due.length === 0) {
      due.push(...(await another().due()))
      await clock.advance(500)
    }
    expect(due).toEqual(['over'])
    await expect(result).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(generator.pollCount).toBe(21)
  })
})

describe('what reaches the store late', () => {
  const media = async ({ memory }: ReturnType<typeof hungWorld>) => memory.getMedia?.(IMAGE_SHA256)

  it.each([
    ['create', 0],
    ['create', 3],
    ['putMedia', 0],
    ['putMedia', 3],
  ] as const)(
    'by %s is withdrawn: it is never paid for, also when the store fails %i times then',
    async (method, fails) => {
      const world = hungWorld(isIn(method), 'opening', { forMs: STORE_MS })
      const { clock, memory, store, hung, generator, pipeline, another } = world
      await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toMatchObject({
        message: 'Could not save the run, nothing was sent: run_1',
      })
      expect(clock.pending).toBeLessThanOrEqual(IN_BACKGROUND)
      await clock.advance(60_000)
      const { load } = store
      let failures = fails
      store.load = (id) => (failures-- > 0 ? Promise.reject(new Error('ECONNREFUSED')) : load(id))
      expect(hung).toHaveLength(1)
      await hung[0]?.land()
      await clock.advance(30_000)
      for (const run of await another().recover()) await clock.runUntil(run.result.catch(() => undefined))
      expect(generator.startCount).toBe(0)
      const state = (await memory.load('run_1'))?.state
      if (method === 'putMedia') expect(state).toBeUndefined()
      else expect(state).toMatchObject({ status: 'failed', error: { code: 'run-state' } })
      expect(await media(world)).toBeUndefined()
      expect(clock.pending).toBeLessThanOrEqual(IN_BACKGROUND)
    },
  )

  it('by create does not affect a second try under the same id', async () => {
    const { clock, memory, hung, generator, pipeline } = hungWorld(isIn('create'), 'opening', { forMs: STORE_MS })
    await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toMatchObject({
      code: 'run-state',
    })
    const second = pipeline.run(request, { id: 'run_1' })
    await clock.advance(0)
    expect(await hung[0]?.land()).toBe(false)
    await expect(clock.runUntil(second.result)).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(generator.startCount).toBe(1)
    expect((await memory.load('run_1'))?.state.status).toBe('completed')
  })

  it.each([
    ['in time, but its answer never comes', 0],
    ['later', 30_000],
  ])('by the save of an intent is taken back, when it lands %s', async (_, landsMs) => {
    const { clock, memory, hung, generator, pipeline, another } = hungWorld(isIn('save'), 'submitting', {
      forMs: STORE_MS,
    })
    await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toMatchObject({
      message:
        'Could not save the run, nothing was sent yet, and it continues under its id once it is recovered or resumed: run_1',
    })
    await clock.advance(landsMs)
    const landed = memory.save('run_1', 1, hung[0]?.given[2] as never).then(
      () => 0,
      () => 30_000,
    )
    // What lands later is too late.
    expect(await landed).toBe(landsMs)
    await clock.advance(6000)
    expect((await memory.load('run_1'))?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
    await expect(clock.runUntil(another().resume('run_1').result)).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(generator.startCount).toBe(1)
  })
})

describe('an intent whose save is given up', () => {
  it('is not taken back over what the same process did since', async () => {
    const world = hungWorld(isIn('save'), 'submitting', { forMs: STORE_MS, polls: 20 })
    const { clock, memory, hung, generator, pipeline } = world
    await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toMatchObject({
      code: 'run-state',
    })
    const run = pipeline.resume('run_1')
    await clock.advance(4000)
    expect(generator.startCount).toBe(1)
    const before = await memory.load('run_1')
    hung[0]?.reject(new Error('ECONNRESET'))
    await clock.advance(0)
    expect(await memory.load('run_1')).toEqual(before)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(generator.startCount).toBe(1)
  })
})

describe('advance on a store that hangs', () => {
  /** Advances until the run has ended; calls that the store keeps from it are made again. */
  async function advanceToEnd({ clock, memory, pipeline }: ReturnType<typeof hungWorld>) {
    await memory.create('run_1', freshRun(clock.now()))
    let failures = 0
    for (let calls = 0; calls < 60; calls += 1) {
      const record = await clock.runUntil(pipeline.advance('run_1').catch((error) => error))
      if (record instanceof Error) {
        expect(record).toMatchObject({ code: 'run-state', isRetryable: true })
        failures += 1
      } else if (record.status !== 'running') return { record, failures }
      await clock.advance(2000)
    }
    throw new Error('it never ends')
  }

  it.each([...METHODS, 'all' as const])('for a while in %s costs time and nothing else', async (method) => {
    const world = hungWorld(isIn(method), 'polling', { forMs: 25_000 })
    const { record } = await advanceToEnd(world)
    expect(record).toMatchObject({ status: 'completed', result: { servedBy: 'uploader' } })
    expect([world.generator.startCount, world.uploader.calls.length]).toEqual([1, 1])
    // Polls keep to the schedule, also when they cannot be saved.
    expect(world.generator.pollCount).toBeLessThanOrEqual(20)
  })

  it('that refuses to save when the run is due does not fail a job that was paid', async () => {
    const world = hungWorld(() => false, 'opening')
    const { reschedule } = world.store
    let failures = 3
    const flaky: typeof reschedule = (...given) =>
      failures-- > 0 ? Promise.reject(new Error('ECONNREFUSED')) : reschedule(...given)
    const pipeline = world.anotherWith({ ...world.memory, reschedule: flaky })
    const { record, failures: seen } = await advanceToEnd({ ...world, pipeline })
    expect(seen).toBe(3)
    expect(record).toMatchObject({ status: 'completed' })
    expect(world.generator.startCount).toBe(1)
  })
})
