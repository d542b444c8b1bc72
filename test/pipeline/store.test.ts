import { describe, expect, it } from 'vitest'
import { fallback, memoryStore, type RunStore, SoraPipeline, type StoredRun } from '../../src/index.js'
import {
  fakeGenerator,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
  runStoreConformance,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }

describe('memoryStore', () => {
  runStoreConformance({ test: it, create: async () => ({ store: memoryStore() }) })

  it('forgets the oldest ended runs, and neither a running one nor one in review', async () => {
    const store = memoryStore({ maxEnded: 2 })
    const running: StoredRun = { status: 'running', wakeAt: 1 }
    const day = 86_400_000
    const ids = ['review', 'a', 'b', 'c', 'd']
    for (const id of ids) await store.create(id, running)
    await store.claim('jobs', 'job_1', 'a')
    await store.save('review', 1, { ...running, status: 'needs-review', endedAt: 1 })
    for (const id of ['a', 'b', 'c']) await store.save(id, 1, { ...running, status: 'completed', endedAt: day })
    const known = await Promise.all(ids.map(async (id) => (await store.load(id)) !== undefined))
    expect(known).toEqual([true, false, true, true, true])
    // Its claims go a day after it.
    expect(await store.claim('jobs', 'job_1', 'b')).toBe(false)
    await store.save('d', 1, { ...running, status: 'failed', endedAt: 2 * day })
    expect(await store.claim('jobs', 'job_1', 'b')).toBe(true)
  })

  it('refuses an invalid number of runs', () => {
    expect(() => memoryStore({ maxEnded: -1 })).toThrow('maxEnded is -1 (give a whole number from 0)')
  })
})

/** A store that does what it is given before each call. */
function watched(before: (call: keyof RunStore, state?: StoredRun) => void): RunStore {
  const store = memoryStore()
  return {
    ...store,
    create: async (id, state) => {
      before('create', state)
      return store.create(id, state)
    },
    save: async (id, version, state) => {
      before('save', state)
      return store.save(id, version, state)
    },
  }
}

describe('a run and its store', () => {
  it('saves the intent before the send, and the operation after it', async () => {
    const clock = manualClock()
    const steps: string[] = []
    const store = watched((call, state) => {
      const submission = state?.submission as { state?: string } | undefined
      steps.push(`${call} ${submission?.state ?? state?.step}`)
    })
    const generator = fakeTaskGenerator({ polls: 0 })
    const start: typeof generator.start = (...args) => {
      steps.push('send')
      return generator.start(...args)
    }
    const run = new SoraPipeline({ generator: { ...generator, start }, store, clock }).run(request)
    await clock.runUntil(run.result)
    expect(steps.slice(0, 5)).toEqual(['create ready', 'save sending', 'send', 'save accepted', 'save accepted'])
  })

  it('never submits without a saved intent', async () => {
    const generator = fakeTaskGenerator()
    for (const broken of ['create', 'save'] as const) {
      const store = watched((call) => {
        if (call === broken) throw new Error('disk full')
      })
      const run = new SoraPipeline({ generator, store, clock: manualClock() }).run(request)
      await expect(run.result).rejects.toMatchObject({
        code: 'run-state',
        message: expect.stringContaining('nothing was sent'),
      })
      expect((await collect(run)).at(-1)?.type).toBe('run-failed')
    }
    expect(generator.startCount).toBe(0)
  })

  it('keeps a paid job when the store goes down after the submission', async () => {
    const clock = manualClock()
    const store = watched((_, state) => {
      if ((state?.submission as { state?: string } | undefined)?.state === 'accepted')
        throw new Error('connection lost')
    })
    const run = new SoraPipeline({ generator: fakeTaskGenerator(), uploader: fakeUploader(), store, clock }).run(
      request,
    )
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({
      servedBy: 'uploader',
      warnings: [{ code: 'store-unavailable' }],
    })
  })

  it('leaves a run alone that another process took over, and gives what that one came to', async () => {
    const clock = manualClock()
    const store = memoryStore()
    const generator = fakeTaskGenerator({ polls: 5 })
    const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(500)
    const loaded = await store.load('run_1')
    await store.heartbeat('another', 20_000)
    const taken = { ...(loaded?.state as StoredRun), worker: 'another' }
    await store.save('run_1', loaded?.version ?? 0, taken)
    await clock.advance(10_000)
    expect(generator.pollCount).toBe(3) // Until the next beat, with which the versions are compared.
    const video = { id: 'gen_9', url: 'https://cdn.example/nine.mp4' }
    await store.save('run_1', (loaded?.version ?? 0) + 1, { ...taken, status: 'completed', step: 'finish', video })
    const saved = clock.now()
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ url: video.url })
    expect(clock.now() - saved).toBeLessThanOrEqual(1000)
    expect(generator.pollCount).toBe(3)
  })

  it('takes a run over when the other process gave no sign of life for the time of its lease', async () => {
    const store = memoryStore()
    const dead = manualClock()
    const generator = fakeTaskGenerator({ polls: 3 })
    new SoraPipeline({ generator, store, clock: dead, pollSchedule: () => 1000 }).run(request, { id: 'run_1' })
    await dead.advance(500)
    const clock = manualClock({ now: dead.now() })
    const run = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }).resume('run_1')
    await clock.advance(9999)
    expect(generator.pollCount).toBe(0)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator).toMatchObject({ startCount: 1, pollCount: 4 })
  })

  it('continues when what another process saved leaves it the run', async () => {
    const clock = manualClock()
    const store = memoryStore()
    const generator = fakeTaskGenerator({ polls: 5 })
    const run = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }).run(request, { id: 'run_1' })
    await clock.advance(500)
    const { version, state } = (await store.load('run_1')) ?? { version: 0, state: {} as StoredRun }
    await store.save('run_1', version, state)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })

  it('is aborted for every process that watches it', async () => {
    const clock = manualClock()
    const store = memoryStore()
    const options = { generator: fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY }), store, clock }
    const first = new SoraPipeline(options).run(request, { id: 'run_1' })
    await clock.advance(5000)
    const second = new SoraPipeline(options).resume('run_1')
    await clock.advance(5000)
    await second.cancel(new Error('the user left'))
    await clock.advance(20_000)
    await expect(first.result).rejects.toMatchObject({ code: 'aborted', message: 'the user left' })
    expect(options.generator.cancelCount).toBe(1)
  })

  it('joins a live run under its id, and never starts a second', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator()
    const pipeline = new SoraPipeline({ generator, clock })
    const first = pipeline.run(request, { id: 'order-17' })
    const second = pipeline.run({ ...request }, { id: 'order-17' })
    expect(second).toBe(first)
    expect(pipeline.resume('order-17')).toBe(first)
    await clock.runUntil(first.result)
    expect(generator.startCount).toBe(1)
  })

  it('that is joined with a signal is aborted by it', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const pipeline = new SoraPipeline({ generator, clock })
    const run = pipeline.run(request, { id: 'order-17' })
    pipeline.run(request, { id: 'order-17', signal: controller.signal })
    await clock.advance(5000)
    controller.abort('enough')
    await expect(run.result).rejects.toBe('enough')
    await clock.advance(0)
    expect(generator.cancelCount).toBe(1)
  })

  it('is left out of a recovery while it lives here', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: 5 })
    const store = memoryStore()
    const run = new SoraPipeline({ generator, store, clock })
    const live = run.run(request, { id: 'run_1' })
    await clock.advance(500)
    expect(await run.recover()).toEqual([])
    expect((await new SoraPipeline({ generator, store, clock }).recover()).map(({ id }) => id)).toEqual(['run_1'])
    await clock.runUntil(live.result)
  })

  it('that was left in the middle of a stage has the rest of its deadline in the next process', async () => {
    const store = memoryStore()
    const dead = manualClock()
    const options = { generator: fakeGenerator(), uploader: fakeUploader({ hangs: true }), store }
    const deadlines = { uploadMs: 100_000 }
    new SoraPipeline({ ...options, deadlines, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(10)
    const clock = manualClock({ now: dead.now() + 40_000 })
    const run = new SoraPipeline({ ...options, deadlines, clock }).resume('run_1')
    const began = clock.now()
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', isDegraded: true })
    expect(clock.now() - began).toBe(100_000 - 40_010)
    const waitedMs = 10_000 // For a sign of life of the dead process.
    const events = await collect(run)
    expect(events.find(({ type }) => type === 'stage-failed')).toMatchObject({
      durationMs: 100_000,
      error: { code: 'stage-timeout', message: `Could not upload in time: ${59_990 - waitedMs} ms` },
    })
  })

  it('gives the result of an ended run again, and refuses another request under its id', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator()
    const pipeline = new SoraPipeline({ generator, uploader: fakeUploader(), clock })
    const first = pipeline.run(request, { id: 'order-17' })
    const result = await clock.runUntil(first.result)
    const again = pipeline.run(request, { id: 'order-17' })
    expect(await again.result).toEqual(result)
    expect((await collect(again)).map(({ type }) => type)).toEqual(['run-resumed', 'run-completed'])
    await expect(pipeline.run({ prompt: 'A dog' }, { id: 'order-17' }).result).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not join the run, its id belongs to a different request: order-17',
    })
    expect(generator.startCount).toBe(1)
    await expect(pipeline.resume('order-18').result).rejects.toMatchObject({ code: 'run-state' })
  })

  it('stays small over thousands of polls, whether progress moves or not', async () => {
    for (const ratio of [undefined, 0.001]) {
      const clock = manualClock()
      const store = memoryStore()
      const polls = Array.from({ length: 3000 }, (_, index) => ({
        state: 'running' as const,
        ...(ratio && { ratio: (index % 1000) * ratio }),
      }))
      const deadlines = { generateMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY }
      const run = new SoraPipeline({
        generator: fakeTaskGenerator({ polls }),
        store,
        clock,
        deadlines,
        pollSchedule: () => 1000,
      }).run(request, { id: 'run_1' })
      await clock.advance(2_900_000)
      expect(JSON.stringify(await store.load('run_1')).length).toBeLessThan(20_000)
      await clock.runUntil(run.result)
    }
  }, 20_000)

  it('gives the error of a failed run again', async () => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator({ outcome: new Error('no credit') }) })
    const failed = await pipeline.run(request, { id: 'order-17' }).result.catch((error: unknown) => error)
    const again = pipeline.resume('order-17')
    await expect(again.result).rejects.toMatchObject({ name: 'GenerationFailedError', code: 'generation-failed' })
    expect(JSON.stringify((await collect(again)).at(-1))).toContain(JSON.stringify(failed))
  })

  it('continues a run that another process left while it polled', async () => {
    const clock = manualClock()
    const store = memoryStore()
    const generator = fakeTaskGenerator({ polls: 3 })
    const options = {
      generator: fallback(fakeGenerator({ name: 'never', outcome: new Error('no credit') }), generator),
      store,
      clock,
    }
    new SoraPipeline({ ...options, uploader: fakeUploader() }).run(request, { id: 'run_1' })
    await clock.advance(4000)
    expect(generator.pollCount).toBe(1)
    const later = manualClock({ now: clock.now() + 36_000 })
    const resumed = new SoraPipeline({ ...options, clock: later, uploader: fakeUploader() }).resume('run_1')
    await expect(later.runUntil(resumed.result)).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(generator.startCount).toBe(1)
    const events = await collect(resumed)
    expect(events[0]).toMatchObject({ type: 'run-started', sequence: 0 })
    expect(events.find(({ type }) => type === 'run-resumed')).toMatchObject({ sequence: 1_000_000 })
  })

  it('polls the generator again for a source that could not be saved', async () => {
    const clock = manualClock()
    const store = memoryStore()
    const source = { isPublic: false, open: async () => new Blob(['bytes']).stream() }
    const generator = fakeTaskGenerator({ polls: 0, video: { id: 'video_1', source } })
    const hanging = fakeUploader({ hangs: true })
    const dead = manualClock({ now: clock.now() - 60_000 })
    new SoraPipeline({ generator, uploader: hanging, store, clock: dead, pollSchedule: () => 0 }).run(request, {
      id: 'run_1',
    })
    await dead.advance(10)
    expect(hanging.calls).toHaveLength(1)
    const uploader = fakeUploader()
    const resumed = new SoraPipeline({ generator, uploader, store, clock }).resume('run_1')
    const result = await clock.runUntil(resumed.result)
    expect(await new Response(await uploader.calls[0]?.input.open()).text()).toBe('bytes')
    expect(generator.startCount).toBe(1)
    const replayed = await new SoraPipeline({ generator, store, clock }).resume('run_1').result
    expect(replayed.url).toBe(result.url)
    expect(await new Response(await replayed.video.source?.open()).text()).toBe('bytes')
  })

  it.each([
    ['of a later version', { v: 3 }, 'its state is of a later version of the library: run_1 (v3)'],
    ['that is broken', { v: 2, id: 7 }, 'its state is broken at id'],
    ['of version 0.1.0 that is broken', { v: 1, id: 7 }, 'its state is broken at id'],
  ])('leaves a state %s unchanged', async (_, state, message) => {
    const store = memoryStore()
    await store.create('run_1', { ...state, status: 'running', wakeAt: 0 })
    const generator = fakeGenerator()
    const { result } = new SoraPipeline({ generator, store }).resume('run_1')
    await expect(result).rejects.toMatchObject({ code: 'run-state', message: expect.stringContaining(message) })
    expect((await store.load('run_1'))?.version).toBe(1)
    expect(generator.calls).toEqual([])
  })

  it('keeps a video of bytes as a data URL where the store keeps no media, and leaves out what was not given', async () => {
    const { putMedia: _, ...store } = memoryStore()
    const video = { bytes: new Uint8Array([1, 2, 3]), mediaType: 'video/mp4' }
    await new SoraPipeline({ generator: fakeGenerator(), store }).generate({ ...request, video }, { id: 'run_1' })
    expect((await store.load('run_1'))?.state.request).toEqual({ ...request, video: 'data:video/mp4;base64,AQID' })
  })

  it('keeps an image of bytes as a data URL where the store keeps no media, and sends the bytes as they were given', async () => {
    const { putMedia: _, ...store } = memoryStore()
    const generator = fakeGenerator()
    const image = { bytes: new Uint8Array([1, 2, 3]), mediaType: 'image/png' }
    await new SoraPipeline({ generator, store }).generate({ ...request, image }, { id: 'run_1' })
    expect(generator.calls[0]?.input.image).toEqual(image)
    expect((await store.load('run_1'))?.state.request).toMatchObject({ image: 'data:image/png;base64,AQID' })
  })
})
