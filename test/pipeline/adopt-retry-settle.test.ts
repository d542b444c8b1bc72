import { describe, expect, it } from 'vitest'
import {
  balance,
  fallback,
  GenerationFailedError,
  memoryStore,
  SoraPipeline,
  type SoraPipelineOptions,
  withRetry,
} from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const image = { bytes: new Uint8Array([1, 2, 3]), mediaType: 'image/png' }

function setUp() {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const make = (options: SoraPipelineOptions) =>
    new SoraPipeline({ store, clock, pollSchedule: () => 1000, ...options })
  return { clock, store, make }
}

const named = (name: string, upstream?: string, polls = 3) => ({ ...fakeTaskGenerator({ name, polls }), upstream })
const handle = { generator: 'a', operation: { id: 'task_1' }, startedAt: 1_767_225_600_000 }

describe('adopt', () => {
  it('makes a run of a paid job that the store does not know, and pays nothing', async () => {
    const { clock, make } = setUp()
    const generator = fakeTaskGenerator({ name: 'a' })
    const pipeline = make({
      generator: fallback(fakeTaskGenerator({ name: 'b' }), generator),
      uploader: fakeUploader(),
    })
    const run = await pipeline.adopt(handle, { id: 'order-17', owner: 'ann' })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'uploader' })
    expect(generator.startCount).toBe(0)
    expect(await pipeline.get('order-17')).toMatchObject({ owner: 'ann', status: 'completed' })
    // The same again is the same run.
    expect((await (await pipeline.adopt(handle, { id: 'order-17', owner: 'ann' })).result).servedBy).toBe('uploader')
  })

  it('is refused for a job of another run, an invalid handle and a missing generator', async () => {
    const { clock, make } = setUp()
    const pipeline = make({ generator: fakeTaskGenerator({ name: 'a' }) })
    await clock.runUntil(pipeline.generate(request))
    await expect(pipeline.adopt(handle)).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('a run has its video'),
    })
    await expect(pipeline.adopt({ ...handle, generator: 'z' })).rejects.toMatchObject({
      code: 'run-state',
      handle: { generator: 'z' },
    })
    for (const [field, wrong] of Object.entries({
      handle: undefined,
      'handle.generator': { ...handle, generator: 7 },
      'handle.operation': { generator: 'a', startedAt: 1 },
      'handle.startedAt': { ...handle, startedAt: 'now' },
    })) {
      await expect(pipeline.adopt(wrong as never)).rejects.toMatchObject({
        code: 'request-invalid',
        problems: [{ field }],
      })
    }
  })

  it.each([
    [null, 'options'],
    [{ prompt: 'a' }, 'prompt'],
    [{ id: '' }, 'id'],
    [{ owner: 5 }, 'owner'],
    [{ request: 'a cat' }, 'request'],
  ])('refuses options that it does not know: %j', async (options, field) => {
    const pipeline = setUp().make({ generator: fakeTaskGenerator({ name: 'a' }) })
    await expect(pipeline.adopt(handle, options as never)).rejects.toMatchObject({
      code: 'request-invalid',
      problems: [{ field }],
    })
  })

  it('tries another generator for a failed job only when it has the request', async () => {
    for (const given of [undefined, request]) {
      const { clock, make } = setUp()
      const error = new GenerationFailedError('Could not generate: no')
      const first = fakeTaskGenerator({ name: 'a', polls: [{ state: 'failed', error }] })
      const second = fakeTaskGenerator({ name: 'b' })
      const run = await make({ generator: fallback(first, second) }).adopt(handle, { request: given })
      if (given) await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
      else await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'generation-failed' })
      expect(second.startCount).toBe(given ? 1 : 0)
    }
  })
})

describe('retry', () => {
  it('starts a new run of one that ended, linked to it', async () => {
    const { clock, make } = setUp()
    const error = new GenerationFailedError('Could not generate: no')
    const generator = fakeTaskGenerator({ polls: [{ state: 'failed', error }] })
    const pipeline = make({ generator })
    await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1', owner: 'ann' }))).rejects.toThrow('no')
    const again = make({ generator: fakeTaskGenerator({ name: 'other' }) })
    const run = await again.retry('run_1', { seed: 7 })
    await clock.runUntil(run.result)
    expect(await again.get(run.id)).toMatchObject({ retryOf: 'run_1', owner: 'ann', request: { ...request, seed: 7 } })
  })

  it('requires the media that were removed with its run', async () => {
    const { clock, make } = setUp()
    const generator = fakeTaskGenerator()
    const pipeline = make({ generator })
    await clock.runUntil(pipeline.generate({ ...request, image }, { id: 'run_1' }))
    await expect(pipeline.retry('run_1')).rejects.toMatchObject({
      code: 'request-invalid',
      problems: [{ field: 'image' }],
    })
    await clock.runUntil((await pipeline.retry('run_1', { image })).result)
    expect(generator.calls[1]?.input.image).toEqual(image)
    await pipeline.erase('run_1')
    await expect(pipeline.retry('run_1')).rejects.toMatchObject({ problems: [{ field: 'prompt' }] })
  })

  it('is refused for a run that has not ended, or that is unknown', async () => {
    const { clock, make } = setUp()
    const pipeline = make({ generator: fakeTaskGenerator() })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    for (const id of ['run_1', 'run_2']) await expect(pipeline.retry(id)).rejects.toMatchObject({ code: 'run-state' })
    await clock.runUntil(run.result)
  })
})

describe('settle', () => {
  it('takes a run that failed although it has a job', async () => {
    const { clock, make } = setUp()
    const deadlines = { generateMs: 5000 }
    const generator = fakeTaskGenerator({ name: 'a', polls: 20 })
    const pipeline = make({ generator, deadlines })
    const error = await clock.runUntil(pipeline.generate(request, { id: 'run_1' }).catch((reason: unknown) => reason))
    expect(error).toMatchObject({ code: 'stage-timeout', handle: { operation: { id: 'task_1' } } })
    await expect(pipeline.settle('run_1', 'not-submitted')).rejects.toMatchObject({ code: 'run-state' })
    const patient = make({ generator })
    await expect(
      clock.runUntil((await patient.settle('run_1', { operation: { id: 'task_1' } })).result),
    ).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })

  it('takes a run that was aborted before it was known whether it has a job', async () => {
    const { clock, make } = setUp()
    const generator = fakeTaskGenerator({ name: 'a', hangs: 'start' })
    const pipeline = make({ generator })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    const cancelled = run.cancel()
    await clock.advance(2000)
    await cancelled
    await expect(run.result).rejects.toMatchObject({ name: 'AbortError' })
    await expect(pipeline.settle('run_1', 'not-submitted')).rejects.toMatchObject({ code: 'run-state' })
    const settled = await pipeline.settle('run_1', { operation: { id: 'task_1' } })
    await expect(clock.runUntil(settled.result)).resolves.toMatchObject({ servedBy: 'generator' })
  })

  it('refuses a run whose submissions were all refused: it has no job', async () => {
    const { clock, make } = setUp()
    const generator = fakeTaskGenerator({ name: 'a', starts: [new Error('no'), new Error('no')] })
    const pipeline = make({ generator })
    await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toThrow()
    await expect(pipeline.settle('run_1', { operation: { id: 'task_1' } })).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not settle the run, it is not in review but failed: run_1',
    })
  })

  it('refuses an invalid verdict, and changes nothing', async () => {
    const { make, store } = setUp()
    const pipeline = make({ generator: fakeTaskGenerator() })
    const wrongs = [
      ['not_submitted', 'verdict'],
      [undefined, 'verdict'],
      [{ operation: undefined }, 'verdict.operation'],
      [{ operation: {}, generator: 7 }, 'verdict.generator'],
      [{ operation: {}, generators: 'a' }, 'verdict.generators'],
    ]
    for (const [wrong, field] of wrongs) {
      await expect(pipeline.settle('run_1', wrong as never)).rejects.toMatchObject({ problems: [{ field }] })
    }
    expect(await store.load('run_1')).toBeUndefined()
  })
})

describe('a job whose chain of generators changes at a restart', () => {
  const URL_A = 'https://a.example/v1'
  const chains = {
    a: () => named('a', URL_A),
    'fallback(a, b)': () => fallback(named('a', URL_A), named('b')),
    'fallback(b, a)': () => fallback(named('b'), named('a', URL_A)),
    'withRetry(a)': () => withRetry(named('a', URL_A)),
    'balance([b, a])': () => balance([named('b'), named('a', URL_A)]),
    'fallback(withRetry(b), balance([c, a]))': () =>
      fallback(withRetry(named('b')), balance([named('c'), named('a', URL_A)])),
  }

  it.each(Object.keys(chains) as (keyof typeof chains)[])('is polled at its own generator in %s', async (name) => {
    for (const before of Object.values(chains)) {
      const { clock, store, make } = setUp()
      const dead = manualClock()
      const submitted = before()
      new SoraPipeline({ store, generator: submitted, clock: dead, pollSchedule: () => 1000 }).run(request, {
        id: 'run_1',
      })
      await dead.advance(10)
      const job = (await store.load('run_1'))?.state.submission as { handle?: { generator: string } }
      const chain = chains[name]()
      const run = make({ generator: chain }).resume('run_1')
      const result = await clock.runUntil(run.result.catch((error: unknown) => error))
      const isThere = `${name}`.includes(job.handle?.generator ?? '?')
      if (isThere) expect(result).toMatchObject({ servedBy: 'generator' })
      else expect(result).toMatchObject({ code: 'run-state', handle: { generator: job.handle?.generator } })
      if (!isThere) expect((await store.load('run_1'))?.state.status).toBe('running')
    }
  })

  it('is not polled at another upstream of the same name', async () => {
    const { clock, store, make } = setUp()
    const dead = manualClock()
    new SoraPipeline({ store, generator: named('a', URL_A), clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(10)
    const moved = named('a', 'https://other.example/v1')
    await expect(clock.runUntil(make({ generator: moved }).resume('run_1').result)).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('run_1 is at a of https://a.example/v1, the chain has a'),
    })
    expect([moved.startCount, moved.pollCount]).toEqual([0, 0])
    // A person may say that it is the same server.
    const settled = await make({ generator: moved }).settle('run_1', { operation: { id: 'task_1' }, generator: 'a' })
    await expect(clock.runUntil(settled.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(moved.startCount).toBe(0)
  })

  it('needs unique names in the whole chain', () => {
    const generator = fallback(named('a'), withRetry(fallback(named('b'), balance([named('c'), named('a')]))))
    expect(() => new SoraPipeline({ generator })).toThrow('generator is "a" twice')
  })
})
