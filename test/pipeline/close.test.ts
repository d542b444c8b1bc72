import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { balance, memoryStore, type RunStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, type ManualClock, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const closed = { name: 'RunStateError', code: 'run-state', message: expect.stringContaining('the pipeline was closed') }

function world(options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
  const make = (more: Partial<SoraPipelineOptions> = {}) =>
    new SoraPipeline({ generator, store, clock, pollSchedule: () => 60_000, ...options, ...more })
  return { clock, store, generator, make }
}

async function closedWithin(clock: ManualClock, closing: Promise<void>, ms: number): Promise<void> {
  let isClosed = false
  closing.then(() => {
    isClosed = true
  })
  await clock.advance(ms)
  expect(isClosed).toBe(true)
}

describe('close', () => {
  it('ends a run that sleeps at once, and leaves it running in the store, without a worker', async () => {
    const { clock, store, generator, make } = world()
    const pipeline = make()
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const beforehand = clock.monotonic()
    await pipeline.close()
    expect(clock.monotonic()).toBe(beforehand)
    const handle = { operation: { id: 'task_1' } }
    await expect(run.result).rejects.toMatchObject({ ...closed, isRetryable: true, handle })
    const last = (await collect(run)).at(-1)
    expect(last).toMatchObject({
      type: 'run-failed',
      isAborted: false,
      error: { code: 'run-state' },
      upstream: { state: 'running', handle: { operation: { id: 'task_1' } } },
    })
    const loaded = await store.load('run_1')
    expect(loaded?.state).toMatchObject({ status: 'running', submission: { state: 'accepted' } })
    expect(loaded?.state.worker).toBeUndefined()
    expect(generator.cancelCount).toBe(0)
    expect(clock.pending).toBe(0)
  })

  it('works as before for drainMs, and leaves the runs only then', async () => {
    const { clock, store, make } = world()
    const pipeline = make()
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    await expect(pipeline.close({ drainMs: Number.POSITIVE_INFINITY })).rejects.toThrow('drainMs is Infinity')
    expect(pipeline.isClosing).toBe(false)
    const closing = pipeline.close({ drainMs: 5000 })
    expect(pipeline.isClosing).toBe(true)
    await clock.advance(4000)
    pipeline.run(request, { id: 'run_2' })
    await clock.advance(900)
    expect((await store.load('run_1'))?.state.worker).toBeDefined()
    expect((await store.load('run_2'))?.state.worker).toBeDefined()
    await closedWithin(clock, closing, 100)
    for (const id of ['run_1', 'run_2']) expect((await store.load(id))?.state.worker).toBeUndefined()
    expect(() => pipeline.run(request)).toThrow('the pipeline is closed')
    expect(clock.pending).toBe(0)
  })

  it('lets the next process take the runs over within a second', async () => {
    const { clock, generator, make } = world()
    const pipeline = make()
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const next = make({ pollSchedule: () => 100 })
    await next.recover() // It watches.
    await pipeline.close()
    expect(await next.due(10)).toEqual([])
    await clock.advance(1000)
    expect(await next.get('run_1')).toMatchObject({ isAttended: true })
    await next.wake('run_1')
    await clock.advance(1000)
    expect(generator.pollCount).toBeGreaterThan(5)
    expect(generator.startCount).toBe(1)
    await next.close()
  })

  it('deletes the heartbeat, so that also runs that could not be saved are free', async () => {
    const { clock, store, make } = world()
    const save = vi.fn<RunStore['save']>(store.save)
    const pipeline = make({ store: { ...store, save } })
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    save.mockRejectedValue(new Error('down'))
    await clock.runUntil(pipeline.close())
    expect((await store.load('run_1'))?.state.worker).toBeTypeOf('string')
    expect((await store.load('run_1'))?.beat).toBeUndefined()
    await clock.advance(60_000)
    expect((await store.load('run_1'))?.beat).toBeUndefined()
  })

  it('accepts no more runs, and still reads', async () => {
    const { clock, make } = world()
    const pipeline = make()
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    await pipeline.close()
    const refused = { name: 'RunStateError', message: expect.stringContaining('the pipeline is closed') }
    expect(() => pipeline.run(request)).toThrow(expect.objectContaining(refused))
    expect(() => pipeline.resume('run_1')).toThrow(expect.objectContaining(refused))
    await expect(pipeline.generate(request)).rejects.toMatchObject(refused)
    await expect(pipeline.advance('run_1')).rejects.toMatchObject(refused)
    await expect(pipeline.recover()).rejects.toMatchObject(refused)
    await expect(pipeline.settle('run_1', 'not-submitted')).rejects.toMatchObject(refused)
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'running', isAttended: false })
    expect(await pipeline.list()).toHaveLength(1)
  })

  it('waits for a submission under way, and saves its answer', async () => {
    const { clock, store, make } = world({
      generator: fakeTaskGenerator({ delayMs: 5000, polls: Number.POSITIVE_INFINITY }),
    })
    const pipeline = make()
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const closing = pipeline.close()
    await closedWithin(clock, closing, 4000)
    await expect(run.result).rejects.toMatchObject(closed)
    const loaded = await store.load('run_1')
    expect(loaded?.state).toMatchObject({ status: 'running', submission: { state: 'accepted' } })
    expect(loaded?.state.worker).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  it('hangs up on a submission that takes longer, and leaves it to a lookup', async () => {
    const submission = { idempotency: 'none', lookup: 'fingerprint', settleMs: 1000 } as const
    const slow = fakeTaskGenerator({ delayMs: 30_000, submission, found: [] })
    const generator = fakeTaskGenerator({ submission, found: [{ id: 'task_9' }], polls: 1 })
    const { clock, store, make } = world({ generator })
    const pipeline = make({ generator: slow })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    await closedWithin(clock, pipeline.close({ graceMs: 3000 }), 3000)
    await expect(run.result).rejects.toMatchObject(closed)
    expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed', upstream: { state: 'unknown' } })
    const loaded = await store.load('run_1')
    expect(loaded?.state).toMatchObject({ status: 'running', submission: { state: 'unknown' } })
    expect([loaded?.state.worker, loaded?.beat, clock.pending]).toEqual([undefined, undefined, 0])
    const [next] = await make().recover()
    await expect(clock.runUntil(next?.result ?? Promise.reject())).resolves.toMatchObject({ servedBy: 'generator' })
    expect([slow.startCount, generator.startCount, generator.findCount]).toEqual([1, 0, 1])
  })

  it('takes back a submission that was announced and not sent', async () => {
    const { clock, store, generator, make } = world()
    const slow: RunStore['save'] = async (id, version, state) => {
      await clock.sleep(5000)
      return store.save(id, version, state)
    }
    const pipeline = make({ store: { ...store, save: slow } })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    await closedWithin(clock, pipeline.close({ graceMs: 0 }), 1000)
    await expect(run.result).rejects.toMatchObject(closed)
    await clock.advance(20_000)
    const loaded = await store.load('run_1')
    expect(loaded?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
    expect(loaded?.state.worker).toBeUndefined()
    expect(generator.startCount).toBe(0)
  })

  it('lets an upload finish, and saves it', async () => {
    const uploader = fakeUploader({ delayMs: 5000 })
    const { clock, store, make } = world({ generator: fakeTaskGenerator(), uploader })
    const pipeline = make({ pollSchedule: () => 1000 })
    const run = pipeline.run(request, { id: 'run_1' })
    while (uploader.calls.length === 0) await clock.advance(100)
    await closedWithin(clock, pipeline.close(), 5000)
    expect(await run.result).toMatchObject({ servedBy: 'uploader' })
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'completed' })
  })

  it('stops an upload that takes longer, and the next process repeats it', async () => {
    const uploader = fakeUploader({ hangs: true })
    const { clock, store, make } = world({ generator: fakeTaskGenerator(), uploader })
    const pipeline = make({ pollSchedule: () => 100 })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(10_000)
    expect(uploader.calls).toHaveLength(1)
    await closedWithin(clock, pipeline.close({ graceMs: 2000 }), 2000)
    await expect(run.result).rejects.toMatchObject(closed)
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'running', step: 'upload' })
    expect(clock.pending).toBe(0)
    const next = make({ uploader: fakeUploader() })
    expect(await clock.runUntil(next.resume('run_1').result)).toMatchObject({ servedBy: 'uploader' })
  })

  it('interrupts a poll that hangs, and a call of advance that waits for a generator', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ hangs: 'poll' })
    const one = new SoraPipeline({ generator, store, clock, pollSchedule: () => 100 })
    const run = one.run(request, { id: 'run_1' })
    await clock.advance(1000)
    await one.close()
    await expect(run.result).rejects.toMatchObject(closed)
    const busy = balance([fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })], { concurrency: 1 })
    const two = new SoraPipeline({ generator: busy, store: memoryStore({ clock }), clock })
    const runs = [two.run(request), two.run(request)]
    await clock.advance(1000)
    await two.close()
    for (const each of runs) await expect(each.result).rejects.toMatchObject(closed)
    expect(clock.pending).toBe(0)
  })

  it('leaves a run that is being created or watched', async () => {
    const { clock, store, generator, make } = world()
    const first = make()
    first.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const second = make()
    const [watching, created] = [second.resume('run_1'), second.run(request, { id: 'run_2' })]
    const closing = second.close()
    await clock.advance(0)
    await closing
    for (const run of [watching, created]) await expect(run.result).rejects.toMatchObject(closed)
    expect(generator.startCount).toBe(1)
    expect((await store.load('run_2'))?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
    expect(await first.get('run_1')).toMatchObject({ isAttended: true })
    await first.close()
    expect(clock.pending).toBe(0)
  })

  it('may be called twice, and closes with await using', async () => {
    const pipeline = world().make()
    expect(await Promise.all([pipeline.close(), pipeline.close()])).toEqual([undefined, undefined])
    const disposed = world().make()
    await disposed[Symbol.asyncDispose]()
    expect(() => disposed.run(request)).toThrow('the pipeline is closed')
  })

  it.each([-1, Number.NaN, '5'])('refuses graceMs %s', async (graceMs) => {
    const pipeline = world().make()
    const refused = { name: 'InvalidRequestError', problems: [{ field: 'graceMs' }] }
    await expect(pipeline.close({ graceMs: graceMs as number })).rejects.toMatchObject(refused)
    const run = pipeline.run(request)
    await run.cancel()
  })

  it('lets a process exit', async () => {
    const path = (name: string) => new URL(name, import.meta.url).pathname
    const script = ['--import', path('../support/run-sources.ts'), path('close-process.ts')]
    const { stdout } = await promisify(execFile)(process.execPath, script, { timeout: 20_000 })
    expect(stdout.trim()).toBe('run-state running')
  }, 30_000)

  it('lets a process exit while its store hangs', async () => {
    const path = (name: string) => new URL(name, import.meta.url).pathname
    const script = ['--import', path('../support/run-sources.ts'), path('close-process.ts'), 'hangs']
    const { stdout } = await promisify(execFile)(process.execPath, script, { timeout: 20_000 })
    // The store and its ten seconds are not waited for.
    expect(Number(stdout)).toBeLessThan(8000)
  }, 30_000)
})

describe('wake', () => {
  it('polls a run of this process now', async () => {
    const { clock, generator, make } = world()
    const pipeline = make({ pollSchedule: () => 3_600_000 })
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const { pollCount } = generator
    await pipeline.wake('run_1')
    await clock.advance(0)
    expect(generator.pollCount).toBe(pollCount + 1)
    await clock.advance(1000)
    expect(generator.pollCount).toBe(pollCount + 1)
    await pipeline.close()
  })

  it('makes a run that no worker holds due now', async () => {
    const { clock, make } = world()
    const first = make({ pollSchedule: () => 3_600_000 })
    first.run(request, { id: 'run_1' })
    await clock.advance(1000)
    await first.close()
    const next = make()
    expect(await next.due()).toEqual([])
    await next.wake('run_1')
    expect(await next.due()).toEqual(['run_1'])
    expect(await next.get('run_1')).toMatchObject({ wakeAt: clock.now() })
  })

  it('leaves a run to the live worker that holds it, and one alone that has ended', async () => {
    const { clock, store, make } = world()
    const first = make()
    const run = first.run(request, { id: 'run_1' })
    await clock.advance(1000)
    const before = await store.load('run_1')
    await make().wake('run_1')
    expect(await store.load('run_1')).toMatchObject({
      version: before?.version,
      state: { ...before?.state, wakeAt: 0 },
    })
    await run.cancel()
    const ended = await store.load('run_1')
    await make().wake('run_1')
    expect(await store.load('run_1')).toEqual(ended)
    expect(await first.get('run_1')).toMatchObject({ status: 'failed' })
  })

  it('refuses an id that the store does not know', async () => {
    const { make } = world()
    await expect(make().wake('run_9')).rejects.toMatchObject({ name: 'RunStateError' })
    await expect(make().wake('')).rejects.toMatchObject({ name: 'InvalidRequestError' })
  })
})
