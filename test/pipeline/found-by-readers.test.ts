import { describe, expect, it } from 'vitest'
import {
  FencedError,
  fallback,
  memoryStore,
  type OneShotGenerator,
  RunStateError,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type SubmissionSupport,
  SubmissionUnknownError,
  type TaskGenerator,
} from '../../src/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeTaskGenerator,
  fakeUploader,
  type ManualClock,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

// Faults that were found by checking the promises, without reading the code.

const HOUR_MS = 3_600_000
const request = { prompt: 'A cat playing piano' }
const lost = new SubmissionUnknownError('Could not learn the outcome: host')
const byFind = { idempotency: 'none', lookup: 'fingerprint', settleMs: 1000 } as const
const X = { id: 'x' }
const handle = { generator: 'first', operation: X, startedAt: 1_767_225_600_000 }

function world() {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const make = (options: SoraPipelineOptions) =>
    new SoraPipeline({ store, clock, pollSchedule: () => 1000, ...options })
  return { clock, store, make }
}

const stateOf = async (store: RunStore, id: string) => (await store.load(id))?.state

describe('a lookup that returns no operation', () => {
  const ring: unknown[] = []
  ring.push(ring)

  it.each([
    ['nothing', [undefined]],
    ['a hole', new Array(1)],
    ['a promise', [Promise.resolve(X)]],
    ['a function', [() => 1]],
    ['a bigint', [1n]],
    ['a ring', ring],
    ['nothing beside a job', [X, undefined]],
  ])('proves nothing: %s', async (_, found) => {
    const { clock, store, make } = world()
    const generator = fakeTaskGenerator({ name: 'first', starts: [lost], submission: byFind, found: [] })
    generator.find = async () => found as never
    const run = make({ generator }).run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      message: expect.stringMatching(
        /^Could not use the result of find\(\) of first: \[\d\] is .*; give operations as JSON$/,
      ),
    })
    expect(generator.startCount).toBe(1)
    expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'needs-review' })
  })
})

it.each([
  ['a promise', Promise.resolve(X)],
  ['a map', new Map([['id', 'x']])],
  ['an error', new Error('x')],
  ['a set', new Set(['x'])],
  ['no number inside', { at: Number.NaN }],
])('an operation that would be saved as something else goes to a person: %s', async (_, operation) => {
  const { clock, make } = world()
  const polls: unknown[] = []
  const generator = {
    name: 'first',
    start: async () => ({ operation }),
    poll: async (given: unknown) => {
      polls.push(given)
      return { state: 'running' }
    },
  } as unknown as TaskGenerator
  await expect(clock.runUntil(make({ generator }).generate(request))).rejects.toMatchObject({
    code: 'submission-unknown',
    message: expect.stringContaining('operation is an object; give { operation } with the JSON that poll() takes'),
  })
  expect(polls).toEqual([])
})

it('a job that a person adopted during the lookup of its own run does not prove that the run has none', async () => {
  const { clock, store, make } = world()
  const generator = fakeTaskGenerator({ name: 'first', starts: [lost], submission: byFind, found: [X], polls: 0 })
  const pipeline = make({ generator })
  const run = pipeline.run(request, { id: 'run_1' })
  await clock.advance(100)
  const adopted = await pipeline.adopt(handle, { id: 'adopted' })
  await expect(clock.runUntil(adopted.result)).resolves.toMatchObject({ servedBy: 'generator' })
  await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
  expect(generator.startCount).toBe(1)
  expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'needs-review' })
})

describe('a generator that another deploy replaced with another kind', () => {
  const oneShot: OneShotGenerator = { name: 'first', generate: () => new Promise(() => undefined) }
  const keyed: SubmissionSupport = { idempotency: 'key', lookup: 'none' }

  it.each([
    ['a task without keys', fakeTaskGenerator({ name: 'first', hangs: 'start' })],
    ['one long call', oneShot],
  ])('is not sent again under a key that %s did not have', async (_, former) => {
    const { clock, store } = world()
    const dead = manualClock()
    new SoraPipeline({ generator: former, store, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(10)
    const generator = fakeTaskGenerator({ name: 'first', submission: keyed })
    const run = new SoraPipeline({ generator, store, clock }).resume('run_1')
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(generator.startCount).toBe(0)
    expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'needs-review' })
  })

  it('is not polled when it has become one long call, and the run waits for the former one', async () => {
    const { clock, store, make } = world()
    const task = fakeTaskGenerator({ name: 'first', polls: 3 })
    const pipeline = make({ generator: task })
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1500)
    await pipeline.close()
    await expect(
      clock.runUntil(make({ generator: fakeGenerator({ name: 'first' }) }).resume('run_1').result),
    ).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('no generator of the chain fits its job'),
    })
    expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'running' })
    const [back] = await make({ generator: task }).recover()
    await expect(clock.runUntil(back?.result ?? Promise.reject())).resolves.toMatchObject({ servedBy: 'generator' })
    expect(task.startCount).toBe(1)
  })

  it('is not polled for the job of another by a verdict that does not name it', async () => {
    const { clock, make } = world()
    const pipeline = make({
      generator: { ...fakeTaskGenerator({ name: 'a', polls: 9 }), upstream: 'https://one.example' },
    })
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(1500)
    await pipeline.close()
    for (const other of [
      fakeTaskGenerator({ name: 'b' }),
      { ...fakeTaskGenerator({ name: 'a' }), upstream: 'https://two.example' },
    ]) {
      await expect(make({ generator: other }).settle('run_1', { operation: { id: 'task_1' } })).rejects.toMatchObject({
        code: 'run-state',
        message: expect.stringContaining(`give { operation, generator }, one of ${other.name}`),
      })
    }
    const named = await make({ generator: fakeTaskGenerator({ name: 'b', polls: 0 }) }).settle('run_1', {
      operation: { id: 'task_1' },
      generator: 'b',
    })
    await expect(clock.runUntil(named.result)).resolves.toMatchObject({ servedBy: 'generator' })
  })
})

describe('a run with the same prompt that is no longer visible', () => {
  it.each(['removed', 'erased', 'in a store without a list'])('may have the job that is found: %s', async (how) => {
    const { clock, store } = world()
    const { list: _, ...unlisted } = store
    const given = how === 'in a store without a list' ? unlisted : store
    const make = (generator: TaskGenerator) =>
      new SoraPipeline({ generator, store: given, clock, pollSchedule: () => 1000 })
    const first = make(fakeTaskGenerator({ name: 'first', starts: [lost], submission: byFind, found: [] }))
    const run = first.run({ ...request, durationSeconds: 12 }, { id: 'run_1' })
    await clock.advance(100)
    await run.cancel()
    if (how === 'removed') await first.remove('run_1')
    if (how === 'erased') await first.erase('run_1')
    const second = fakeTaskGenerator({ name: 'first', starts: [lost], submission: byFind, found: [X] })
    const other = make(second).run({ ...request, durationSeconds: 4 }, { id: 'run_2' })
    await expect(clock.runUntil(other.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(second.startCount).toBe(1)
  })
})

describe('a wall clock', () => {
  const stepped = (clock: ManualClock, byMs: () => number) => ({ ...clock, now: () => clock.now() + byMs() })

  it.each([-HOUR_MS, -24 * HOUR_MS])(
    'that stepped by %i ms while a run slept delays no poll after a close',
    async (stepMs) => {
      const { clock, store } = world()
      const generator = fakeTaskGenerator({ polls: 1 })
      let byMs = 0
      const options = { generator, store, clock: stepped(clock, () => byMs), pollSchedule: () => 20_000 }
      const pipeline = new SoraPipeline(options)
      pipeline.run(request, { id: 'run_1' })
      await clock.advance(5000)
      byMs = stepMs
      await pipeline.close()
      const [next] = await new SoraPipeline(options).recover()
      const before = clock.monotonic()
      await expect(clock.runUntil(next?.result ?? Promise.reject())).resolves.toMatchObject({ servedBy: 'generator' })
      expect(clock.monotonic() - before).toBeLessThanOrEqual(40_000)
    },
  )

  it.each([1, 25])(
    'that was set back by half an hour delays none of %i runs that a cron route advances',
    async (count) => {
      const { clock, store } = world()
      const generator = fakeTaskGenerator({ polls: 1 })
      let byMs = 1_800_000
      const options = { generator, store, clock: stepped(clock, () => byMs), pollSchedule: () => 20_000 }
      const pipeline = new SoraPipeline(options)
      for (let index = 0; index < count; index += 1) pipeline.run(request, { id: `run_${index}` })
      await clock.advance(100)
      await pipeline.close()
      byMs = 0
      const cron = new SoraPipeline(options)
      expect(await cron.due(100)).toHaveLength(count)
      for (let turn = 0; turn < 20; turn += 1) {
        for (const id of await cron.due(100)) await cron.advance(id)
        await clock.advance(5000)
      }
      for (let index = 0; index < count; index += 1) {
        expect(await stateOf(store, `run_${index}`)).toMatchObject({ status: 'completed' })
      }
    },
  )

  it('that was ahead when a handle was made leaves the adopted job its time', async () => {
    const { clock, make } = world()
    const generator = fakeTaskGenerator({ name: 'first', polls: 3 })
    const run = await make({ generator }).adopt({ ...handle, startedAt: clock.now() + 2 * HOUR_MS })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
  })
})

it('a result that cannot be saved unchanged costs no repetition: the rest is kept, with a warning', async () => {
  const { clock, store, make } = world()
  const ring: Record<string, unknown> = { views: 5n, at: new Date(0) }
  ring.self = ring
  const publisher = { ...fakePublisher(), publish: async () => ({ id: 'post_1', raw: ring, count: 7n }) }
  const uploader = fakeUploader()
  const run = make({ generator: fakeTaskGenerator(), publisher: publisher as never, uploader }).run(request, {
    id: 'run_1',
  })
  const result = await clock.runUntil(run.result)
  expect(result).toMatchObject({
    servedBy: 'uploader',
    publication: { id: 'post_1', count: '7', raw: { views: '5' } },
    warnings: [{ code: 'invalid-result', stage: 'publish' }],
  })
  expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'completed' })
})

it('a run that totalMs ends reports totalMs', async () => {
  const { clock, make } = world()
  const generator = fakeTaskGenerator({ polls: 1000 })
  const run = make({ generator, deadlines: { totalMs: 60_000 } }).generate(request)
  await expect(clock.runUntil(run)).rejects.toMatchObject({ code: 'stage-timeout', timeoutMs: 60_000 })
})

it('a create that takes effect and never answers is withdrawn: what its caller was refused is not paid later', async () => {
  const { clock, store } = world()
  const create: RunStore['create'] = async (id, state) => {
    await store.create(id, state)
    return new Promise(() => undefined)
  }
  const generator = fakeTaskGenerator({})
  const pipeline = new SoraPipeline({ generator, store: { ...store, create }, clock })
  await expect(clock.runUntil(pipeline.generate(request, { id: 'run_1' }))).rejects.toMatchObject({ isRetryable: true })
  await clock.advance(60_000)
  expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'failed' })
  await new SoraPipeline({ generator, store, clock }).recover()
  await clock.advance(60_000)
  expect(generator.startCount).toBe(0)
})

describe('a strategy that uses its own pipeline', () => {
  const ofOther = [
    ['that is left in doubt', () => new RunStateError('Could not continue the run: run_inner'), 'needs-review'],
    [
      'of which nothing was sent',
      () => new RunStateError('Could not start the run: run_inner', { isRetryable: true }),
      'failed',
    ],
  ] as const

  it.each(ofOther)('and submits with it: a run %s does not count as its own', async (_, thrown, status) => {
    const { clock, store, make } = world()
    const generator = fakeTaskGenerator({ name: 'first', starts: [thrown()] })
    const run = make({ generator }).run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ cause: { message: thrown().message } })
    expect(await stateOf(store, 'run_1')).toMatchObject({ status })
    expect(generator.startCount).toBe(1)
  })

  it.each(ofOther)('and polls with it: a run %s does not count as its own', async (_, thrown) => {
    const { clock, store, make } = world()
    const generator = { ...fakeTaskGenerator({ name: 'first' }), poll: () => Promise.reject(thrown()) }
    const run = make({ generator }).run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'upstream-response', handle: {} })
    expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'failed', submission: { handle: {} } })
  })

  it.each([
    ['RunStateError', new RunStateError('Could not start the run: run_inner')],
    ['FencedError', new FencedError('run_inner')],
  ])('and publishes with it: its %s is not a lost race', async (_, thrown) => {
    const { clock, make } = world()
    let calls = 0
    const publish = () => {
      calls += 1
      return Promise.reject(thrown)
    }
    const publisher = { name: 'own', publish }
    const run = make({ generator: fakeTaskGenerator({ name: 'first' }), publisher }).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', isDegraded: true })
    expect(calls).toBe(1)
  })
})

describe('a run that is settled', () => {
  it('while a call of resume reads how it had ended is a different run from that one', async () => {
    const { clock, store, make } = world()
    const generator = fakeTaskGenerator({
      name: 'first',
      starts: [lost],
      submission: { idempotency: 'none', lookup: 'none' },
    })
    const pipeline = make({ generator })
    await expect(clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)).rejects.toMatchObject({
      code: 'submission-unknown',
    })
    const { load } = store
    let hold: (() => void) | undefined
    const held = new Promise<void>((resolve) => {
      hold = resolve
    })
    let loads = 0
    store.load = async (id) => {
      loads += 1
      const loaded = await load(id)
      if (loads === 1) await held
      return loaded
    }
    const reading = pipeline.resume('run_1')
    await clock.advance(1)
    const settled = await pipeline.settle('run_1', { operation: X })
    hold?.()
    await expect(clock.runUntil(settled.result)).resolves.toMatchObject({ servedBy: 'generator' })
    await expect(reading.result).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(generator.startCount).toBe(1)
  })
})

describe('what a pipeline refuses', () => {
  it.each([5, '', null])('an upstream with an invalid name: %j', (upstream) => {
    const { make } = world()
    const generator = { ...fakeTaskGenerator({ name: 'first' }), upstream: upstream as never }
    expect(() => make({ generator })).toThrow(/generator\.upstream/)
  })

  it('an invalid handle, verdict or id', async () => {
    const { make } = world()
    const pipeline = make({ generator: fakeTaskGenerator({ name: 'first' }) })
    const ring: Record<string, unknown> = { id: 'x' }
    ring.self = ring
    const none = Object.create(null)
    const calls = [
      () => pipeline.adopt({ ...handle, operation: ring as never }),
      () => pipeline.settle('run_1', { operation: ring as never }),
      () => pipeline.get(none),
      () => pipeline.openVideo(none),
      () => pipeline.get(Symbol('x') as never),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'request-invalid' })
  })

  it('a run once it is closed, which another process may start', async () => {
    const { make } = world()
    const pipeline = make({ generator: fakeTaskGenerator({ name: 'first' }) })
    await pipeline.close()
    expect(() => pipeline.run(request)).toThrow(expect.objectContaining({ code: 'run-state', isRetryable: true }))
  })
})

describe('an object that a generator keeps, and changes later', () => {
  it('is not the operation of the run', async () => {
    const { clock, store, make } = world()
    const shared = { id: '' }
    let started = 0
    const polled: string[] = []
    const generator: TaskGenerator<{ id: string }> = {
      name: 'first',
      start: async () => {
        started += 1
        shared.id = `job_${started}`
        return { operation: shared }
      },
      poll: async (operation) => {
        polled.push(operation.id)
        const { id } = operation
        operation.id = 'job_of_nobody'
        return { state: 'completed', video: { id, url: `https://cdn.example/${id}.mp4` } }
      },
    }
    const pipeline = make({ generator })
    const first = pipeline.run({ prompt: 'The first' }, { id: 'run_1' })
    await clock.advance(100)
    const second = pipeline.run({ prompt: 'The second' }, { id: 'run_2' })
    const results = await clock.runUntil(Promise.all([first.result, second.result]))
    expect(results.map(({ video }) => video.id)).toEqual(['job_1', 'job_2'])
    expect(polled.toSorted()).toEqual(['job_1', 'job_2'])
    expect(await stateOf(store, 'run_1')).toMatchObject({ submission: { handle: { operation: { id: 'job_1' } } } })
  })

  it('is not the request of the next generator', async () => {
    const { clock, make } = world()
    const greedy: OneShotGenerator = {
      name: 'greedy',
      generate: async (given) => {
        const mine = given as { prompt: string; metadata?: Record<string, string>; providerOptions?: { a?: number } }
        mine.prompt = 'changed'
        if (mine.metadata) mine.metadata.k = 'changed'
        if (mine.providerOptions) delete mine.providerOptions.a
        throw new Error('refused')
      },
    }
    const second = fakeGenerator({ name: 'second' })
    const asked = { ...request, metadata: { k: 'v' }, providerOptions: { a: 1 } }
    await clock.runUntil(make({ generator: fallback(greedy, second) }).generate(asked))
    expect(second.calls).toMatchObject([{ input: asked }])
    expect(asked).toEqual({ ...request, metadata: { k: 'v' }, providerOptions: { a: 1 } })
  })
})

describe('a job whose fields are written in another order', () => {
  it('is the same job to a second run', async () => {
    const { clock, make } = world()
    const operations = [
      { id: 'j', region: 'eu' },
      { region: 'eu', id: 'j' },
    ]
    const generator = {
      ...fakeTaskGenerator({ name: 'first', polls: 2 }),
      start: async () => ({ operation: operations.shift() as { id: string } }),
    }
    const pipeline = make({ generator })
    const first = pipeline.run(request)
    await clock.advance(10)
    await expect(clock.runUntil(pipeline.run({ prompt: 'Another' }).result)).rejects.toMatchObject({
      code: 'submission-unknown',
    })
    await expect(clock.runUntil(first.result)).resolves.toMatchObject({ servedBy: 'generator' })
    const reordered = { generator: 'first', operation: { region: 'eu', id: 'j' }, startedAt: clock.now() }
    await expect(pipeline.adopt(reordered)).rejects.toThrow('a run has its video')
  })
})

describe('a lookup that never settles', () => {
  it('keeps its run no longer than 5 seconds past its deadline, for each of two lookups', async () => {
    const { clock, make } = world()
    const generator = {
      ...fakeTaskGenerator({ name: 'first', starts: [lost], submission: byFind }),
      find: () => new Promise<never>(() => undefined),
    }
    const from = clock.monotonic()
    const run = make({ generator, deadlines: { generateMs: 8000, totalMs: 8000 } }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(clock.monotonic() - from).toBeLessThanOrEqual(13_000)
  })
})

describe('a run that is cancelled while its intent is saved', () => {
  it('has nothing left at the upstream', async () => {
    const { clock, store, make } = world()
    const generator = fakeTaskGenerator({ name: 'first' })
    const { save } = store
    let isFirst = true
    store.save = async (...given) => {
      if (isFirst) await clock.sleep(500)
      isFirst = false
      return save(...given)
    }
    const run = make({ generator }).run(request, { id: 'run_1' })
    await clock.advance(100)
    const cancelled = run.cancel()
    await clock.advance(10_000)
    await cancelled
    const last = (await collect(run)).at(-1)
    expect(last).toMatchObject({ type: 'run-failed', isAborted: true })
    expect(last).not.toHaveProperty('upstream')
    expect(await stateOf(store, 'run_1')).toMatchObject({ status: 'failed', submission: { state: 'ready' } })
    expect(generator.startCount).toBe(0)
  })
})

describe('an operation that carries its own submission fields', () => {
  it('is kept unchanged', async () => {
    const { clock, store, make } = world()
    class Job {
      readonly #id = 'x'
      toJSON() {
        return { id: this.#id }
      }
    }
    const generator = {
      ...fakeTaskGenerator({ name: 'first' }),
      start: async () => ({ operation: new Job() as never }),
    }
    await clock.runUntil(
      make({ generator })
        .run(request, { id: 'run_1' })
        .result.catch(() => undefined),
    )
    expect(await stateOf(store, 'run_1')).toMatchObject({ submission: { handle: { operation: X } } })
  })
})
