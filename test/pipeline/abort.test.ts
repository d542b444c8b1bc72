import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type StageContext } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }
const reason = new Error('the user left')

describe('an abort', () => {
  it.each([
    ['through the signal', (controller: AbortController) => controller.abort(reason)],
    ['through cancel', (_: AbortController, cancel: (reason: unknown) => void) => cancel(reason)],
  ])('%s rejects at once with the reason itself and cancels upstream', async (_, abort) => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const controller = new AbortController()
    const run = new SoraPipeline({ generator, clock }).run(request, { signal: controller.signal })
    await clock.advance(10_000)
    abort(controller, (given) => run.cancel(given))
    await expect(run.result).rejects.toBe(reason)
    const events = await collect(run)
    expect(events.at(-1)).toMatchObject({
      type: 'run-failed',
      isAborted: true,
      error: { code: 'aborted', message: 'the user left' },
      upstream: { state: 'cancelled', generator: 'fake-task-generator', handle: { operation: { id: 'task_1' } } },
    })
    expect(generator.cancelCount).toBe(1)
    expect(events.filter(({ type }) => type === 'attempt-failed' || type === 'stage-failed')).toEqual([])
    await clock.advance(60_000)
    expect(clock.pending).toBe(0)
  })

  it('has an AbortError as its reason by default, and cancel resolves when the last event is there', async () => {
    const run = new SoraPipeline({ generator: fakeGenerator({ hangs: true }) }).run(request)
    await run.cancel()
    await expect(run.result).rejects.toMatchObject({ name: 'AbortError' })
    expect((await collect(run)).at(-1)?.type).toBe('run-failed')
  })

  it.each([
    ['cannot be cancelled', { name: 'plain', cancel: undefined }, 'running'],
    ['reports that it does not support it', { cancel: async () => 'unsupported' as const }, 'running'],
    ['reports that it is too late', { cancel: async () => 'too-late' as const }, 'finished'],
    ['fails to cancel', { cancel: () => Promise.reject(new Error('HTTP 500')) }, 'unknown'],
  ])('reports what is left when the job %s', async (_, overrides, state) => {
    const clock = manualClock()
    const { cancel: _own, ...base } = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const { cancel, ...facts } = overrides
    const generator = { ...base, ...facts, ...(cancel && { cancel }) }
    const run = new SoraPipeline({ generator, clock }).run(request)
    await clock.advance(10_000)
    await clock.runUntil(run.cancel(reason))
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state, handle: { operation: { id: 'task_1' } } } })
  })

  it('does not wait for an upstream that never answers the cancellation', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY, hangs: 'cancel' })
    const run = new SoraPipeline({ generator, clock }).run(request)
    await clock.advance(10_000)
    const cancelled = run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
    await clock.advance(2000)
    await cancelled
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'unknown' } })
  })

  it('cancels a job whose submission was still under way', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ delayMs: 500 })
    const deaf = {
      ...generator,
      start: (input: typeof request, context: never) =>
        generator.start(input, { ...(context as object), signal: new AbortController().signal } as never),
    }
    const run = new SoraPipeline({ generator: deaf, clock }).run(request)
    await clock.advance(100)
    const cancelled = run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
    await clock.advance(500)
    await cancelled
    expect(generator.cancelCount).toBe(1)
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'cancelled' } })
  })

  it('reports a submission that was torn down as unknown', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ hangs: 'start' })
    const run = new SoraPipeline({ generator, clock }).run(request)
    await clock.advance(100)
    const cancelled = run.cancel(reason)
    await clock.advance(2000)
    await cancelled
    expect((await collect(run)).at(-1)).toMatchObject({
      upstream: { state: 'unknown', generator: 'fake-task-generator' },
    })
  })

  it.each([
    [2500, 'cancelled'],
    [29_000, 'cancelled'],
    [31_000, 'unknown'],
  ])('receives the answer of a submission that comes %i ms later: the job is %s', async (delayMs, state) => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ delayMs })
    const run = new SoraPipeline({ generator, clock, store }).run(request, { id: 'run_1' })
    await clock.advance(0)
    const cancelled = run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
    await clock.advance(2000)
    await cancelled
    await clock.advance(40_000)
    const handle = { operation: { id: 'task_1' } }
    const upstream = state === 'unknown' ? { state } : { state, handle }
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'failed', isAborted: true, upstream })
    expect([generator.cancelCount, clock.pending]).toEqual([state === 'unknown' ? 0 : 1, 0])
  })

  it('in a later stage leaves a finished video, and its handle', async () => {
    const clock = manualClock()
    const uploader = fakeUploader({ hangs: true })
    const run = new SoraPipeline({ generator: fakeTaskGenerator(), uploader, clock }).run(request)
    await clock.advance(60_000)
    expect(uploader.calls).toHaveLength(1)
    await run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
    expect((await collect(run)).at(-1)).toMatchObject({
      upstream: { state: 'finished', handle: { operation: { id: 'task_1' } } },
    })
  })

  it('before the start sends nothing', async () => {
    const generator = fakeGenerator()
    const run = new SoraPipeline({ generator }).run(request, { signal: AbortSignal.abort(reason) })
    await expect(run.result).rejects.toBe(reason)
    const events = await collect(run)
    expect(events.map(({ type }) => type)).toEqual(['run-started', 'stage-started', 'run-failed'])
    expect(generator.calls).toEqual([])
  })

  it('settles at once although the strategy does not listen to its signal', async () => {
    const generator = { name: 'deaf', generate: () => new Promise<never>(() => undefined) }
    const run = new SoraPipeline({ generator, clock: manualClock() }).run(request)
    await new Promise((resolve) => setImmediate(resolve))
    run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
  })

  it('after the end changes nothing', async () => {
    const run = new SoraPipeline({ generator: fakeGenerator() }).run(request)
    await run.result
    await run.cancel(reason)
    expect((await collect(run)).at(-1)?.type).toBe('run-completed')
  })

  it('leaves no listener on the signal of the caller after the end', async () => {
    const controller = new AbortController()
    let listeners = 0
    const { signal } = controller
    const { addEventListener: add, removeEventListener: remove } = signal
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners += 1
      add.apply(signal, given)
    }
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners -= 1
      remove.apply(signal, given)
    }
    await new SoraPipeline({ generator: fakeGenerator() }).generate(request, { signal })
    await new Promise((resolve) => setImmediate(resolve))
    expect(listeners).toBe(0)
  })

  it('gives strategies a signal that is aborted with the same reason', async () => {
    let seen: AbortSignal | undefined
    const generator = {
      name: 'mock',
      generate: (_: unknown, { signal }: StageContext) => {
        seen = signal
        return new Promise<never>(() => undefined)
      },
    }
    const run = new SoraPipeline({ generator, clock: manualClock() }).run(request)
    await new Promise((resolve) => setImmediate(resolve))
    run.cancel(reason)
    await expect(run.result).rejects.toBe(reason)
    expect(seen?.reason).toBe(reason)
  })

  it('never causes an unhandled rejection when the result is not read', async () => {
    const unhandled: unknown[] = []
    const listen = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', listen)
    const failing = new SoraPipeline({ generator: fakeGenerator({ outcome: new Error('no credit') }) }).run(request)
    const aborted = new SoraPipeline({ generator: fakeGenerator({ hangs: true }) }).run(request)
    aborted.cancel(reason)
    await collect(failing)
    await collect(aborted)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', listen)
    expect(unhandled).toEqual([])
  })
})
