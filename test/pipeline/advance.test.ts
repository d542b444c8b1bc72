import { describe, expect, it } from 'vitest'
import {
  fallback,
  memoryStore,
  type PipelineEvent,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type StoredRun,
} from '../../src/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  type ManualClock,
  manualClock,
} from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }

/** A store that counts its writes. */
function counted(store: RunStore) {
  const counts = { create: 0, save: 0, reschedule: 0, heartbeat: 0 }
  const counting = <M extends keyof typeof counts>(method: M) => {
    const operation = store[method] as (...given: unknown[]) => Promise<unknown>
    return (...given: unknown[]) => {
      counts[method] += 1
      return operation(...given)
    }
  }
  const methods = Object.keys(counts) as (keyof typeof counts)[]
  const watched = Object.fromEntries(methods.map((method) => [method, counting(method)]))
  return { counts, store: { ...store, ...watched } as RunStore }
}

/** A run that is in the store, and that no worker holds. */
async function leftRun(options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const memory = memoryStore({ clock })
  const all = { generator: fakeTaskGenerator({ polls: 3 }), pollSchedule: () => 1000, ...options }
  const create: RunStore['create'] = (id, { worker: _, ...state }) =>
    memory.create(id, state as typeof state & StoredRun)
  const save = () => new Promise<never>(() => undefined)
  const dead = manualClock()
  new SoraPipeline({ ...all, store: { ...memory, create, save }, clock: dead }).run(request, { id: 'run_1' })
  await dead.advance(0)
  const { counts, store } = counted(memory)
  const events: PipelineEvent[] = []
  const make = (more: Partial<SoraPipelineOptions> = {}) =>
    new SoraPipeline({ ...all, store, clock, onEvent: (event) => events.push(event), ...more })
  return { clock, counts, store, events, make }
}

/** What a cron route does: every process is new. */
async function untilItEnds(clock: ManualClock, make: () => SoraPipeline): Promise<{ calls: number }> {
  for (let calls = 1; calls < 100; calls += 1) {
    const [id] = await make().due(10)
    if (id === undefined) {
      await clock.advance(1000)
      continue
    }
    const record = await clock.runUntil(make().advance(id))
    if (record.status !== 'running') return { calls }
  }
  throw new Error('Could not bring the run to its end: too many calls')
}

describe('advance', () => {
  it('takes a run to its end in calls of processes that know nothing of each other', async () => {
    const parts = { publisher: fakePublisher(), resolver: fakeResolver(), uploader: fakeUploader() }
    const generator = fakeTaskGenerator({ polls: 3 })
    const { clock, counts, make } = await leftRun({ generator, ...parts })
    await untilItEnds(clock, make)
    expect(await make().get('run_1')).toMatchObject({ status: 'completed', result: { servedBy: 'uploader' } })
    expect(generator).toMatchObject({ startCount: 1, pollCount: 4 })
    for (const part of Object.values(parts)) expect(part.calls).toHaveLength(1)
    // A poll that only moved progress is rescheduled, never saved.
    expect(counts.reschedule).toBe(3)
  })

  it('has one outside effect in a call, and reports when the next is due', async () => {
    const generator = fakeTaskGenerator({ polls: [{ state: 'running', ratio: 0.25 }] })
    const uploader = fakeUploader()
    const { clock, make, store } = await leftRun({ generator, uploader })
    const submitted = await make().advance('run_1')
    expect(submitted).toMatchObject({ status: 'running', wakeAt: clock.now() + 1000, isAttended: false })
    expect([generator.startCount, generator.pollCount]).toEqual([1, 0])
    expect(await make().advance('run_1')).toEqual(submitted) // It is not due.
    expect(generator.pollCount).toBe(0)
    await clock.advance(1000)
    expect(await make().advance('run_1')).toMatchObject({
      wakeAt: clock.now() + 1000,
      progress: { stage: 'generate', ratio: 0.25 },
    })
    expect((await store.load('run_1'))?.state).not.toHaveProperty('worker')
    await clock.advance(1000)
    await make().advance('run_1')
    expect([generator.pollCount, uploader.calls.length]).toEqual([2, 0])
    expect(await make().advance('run_1')).toMatchObject({ stage: 'upload' })
    expect(uploader.calls).toHaveLength(1)
    expect(await make().advance('run_1')).toMatchObject({ status: 'completed' })
  })

  it('leaves a run alone that a live worker holds, and takes it once that worker is dead', async () => {
    const { clock, make, store } = await leftRun()
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const other = manualClock()
    const live = make({ generator, clock: other })
    live.resume('run_1')
    await other.advance(10)
    expect(generator.startCount).toBe(1)
    const { version } = (await store.load('run_1')) ?? {}
    expect(await make({ generator }).due(10)).toEqual([])
    expect(await make({ generator }).advance('run_1')).toMatchObject({ status: 'running', isAttended: true })
    expect(await live.advance('run_1')).toMatchObject({ status: 'running', isAttended: true })
    expect((await store.load('run_1'))?.version).toBe(version)
    await clock.advance(10_000) // The clock of the store; the other process stands still.
    expect(await make({ generator }).due(10)).toEqual(['run_1'])
    await clock.runUntil(make({ generator }).advance('run_1'))
    expect(generator).toMatchObject({ startCount: 1, pollCount: 1 })
  })

  it('that is called twice at once has one effect', async () => {
    const generator = fakeTaskGenerator()
    const { clock, make } = await leftRun({ generator })
    const pipeline = make()
    await clock.runUntil(Promise.all([pipeline.advance('run_1'), pipeline.advance('run_1')]))
    const [first, second] = [make(), make()]
    await clock.advance(1000)
    await clock.runUntil(Promise.all([first.advance('run_1'), second.advance('run_1')]))
    expect(generator.startCount).toBe(1)
  })

  it('by two processes at once submits once', async () => {
    const generator = fakeTaskGenerator()
    const { clock, make } = await leftRun({ generator })
    await clock.runUntil(Promise.all([make().advance('run_1'), make().advance('run_1'), make().advance('run_1')]))
    expect(generator.startCount).toBe(1)
  })

  it('ends a run that fails, and reports it in the store and its events', async () => {
    const generator = fallback(
      fakeGenerator({ name: 'a', outcome: new Error('no credit') }),
      fakeGenerator({ name: 'b', outcome: new Error('no credit either') }),
    )
    const { clock, events, make } = await leftRun({ generator })
    await untilItEnds(clock, make)
    expect(await make().get('run_1')).toMatchObject({
      status: 'failed',
      error: {
        code: 'all-strategies-failed',
        strategy: 'b',
        errors: [{ strategy: 'a' }, { code: 'unexpected', message: 'no credit either' }],
      },
    })
    expect(events.at(-1)).toMatchObject({ type: 'run-failed', isAborted: false })
  })

  it('rejects for an unknown run, and for an id that cannot be one', async () => {
    const { make } = await leftRun()
    await expect(make().advance('run_2')).rejects.toMatchObject({ code: 'run-state' })
    await expect(make().advance('')).rejects.toMatchObject({ code: 'request-invalid' })
  })

  it('does nothing to a run that has ended', async () => {
    const { clock, make, store } = await leftRun()
    await untilItEnds(clock, make)
    const before = await store.load('run_1')
    expect(await make().advance('run_1')).toMatchObject({ status: 'completed' })
    expect(await store.load('run_1')).toEqual(before)
  })
})
