import { describe, expect, it } from 'vitest'
import {
  balance,
  fallback,
  GenerationFailedError,
  type Generator,
  type JsonValue,
  memoryStore,
  NetworkError,
  SoraPipeline,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  UpstreamHttpError,
  withCircuitBreaker,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import { idempotencyKeyOf } from '../../src/pipeline/generate/submit-job.js'
import {
  type FakeTaskGenerator,
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import { v1Runs, v1State } from './state/v1-fixtures.js'

// Runs that version 0.1.0 left behind, continued by the present pipeline.

type Options = Pick<SoraPipelineOptions, 'generator'> & Partial<SoraPipelineOptions>
type Lease = { readonly owner: string; readonly until: number }

const named = (name: string) => fakeTaskGenerator({ name })
const untouched = () => fakeTaskGenerator({ name: 'untouched' })
const byKey = { idempotency: 'key', lookup: 'none' } as const
const byFind = { idempotency: 'none', lookup: 'fingerprint' } as const
const keyed = () => fakeTaskGenerator({ name: 'keyed', polls: 0, video: { id: 'video_1', source: fakeSource() } })
const cut = () => new NetworkError('Could not reach the upstream: the connection was cut')

/** A run of a kind in a store, and a pipeline for it at an instant; by default right after the lease of 0.1.0 has ended. */
async function leftBehind(kind: string, options: Options, at?: number) {
  const state = v1State(kind)
  const { id, wakeAt } = state
  const clock = manualClock({ now: at ?? ((state.lease as Lease | undefined)?.until ?? wakeAt) + 1 })
  const store = memoryStore({ clock })
  await store.create(id, state)
  // A run of 0.1.0 has been saved a few times.
  await store.save(id, 1, state)
  await store.save(id, 2, state)
  const pipeline = new SoraPipeline({ store, clock, pollSchedule: () => 1000, ...options })
  const stored = async () => (await store.load(id))?.state
  return { id, state, clock, store, pipeline, stored, result: () => clock.runUntil(pipeline.resume(id).result) }
}

describe('a run of 0.1.0 with a job', () => {
  const alone = (wrap: (generator: FakeTaskGenerator) => Generator = (generator) => generator) => {
    const first = named('first')
    return { generator: wrap(first), job: first, others: [] }
  }
  const unnamed = () => {
    const job = fakeTaskGenerator()
    return { generator: job, job, others: [] }
  }
  const chained = (wrap: (first: Generator, second: Generator) => Generator, isSecond: boolean) => {
    const [first, second] = [named('first'), named('second')]
    return { generator: wrap(first, second), job: isSecond ? second : first, others: [isSecond ? first : second] }
  }
  const CHAINS: Readonly<
    Record<string, () => { generator: Generator; job: FakeTaskGenerator; others: readonly FakeTaskGenerator[] }>
  > = {
    accepted: alone,
    'early-accepted': alone,
    'lease-expired': alone,
    'media-bytes': alone,
    'no-deadline': alone,
    owner: alone,
    'settled-accepted': alone,
    'whole-request': alone,
    'accepted-retry': () => alone((generator) => withRetry(generator)),
    'accepted-timeout-breaker': () =>
      alone((generator) => withCircuitBreaker(withTimeout(generator, { timeoutMs: 600_000 }))),
    'accepted-found': unnamed,
    'accepted-key-again': unnamed,
    'accepted-lasting-misses': unnamed,
    'accepted-misses': unnamed,
    'accepted-progress': unnamed,
    'accepted-fallback-second': () => chained(fallback, true),
    'accepted-balance': () => chained((...members) => balance(members), false),
    'accepted-balance-second': () => chained((...members) => balance(members), true),
    'accepted-nested': () => {
      const [first, second, third] = [named('first'), named('second'), named('third')]
      const generator = fallback(withRetry(first, { maxAttempts: 2 }), balance([second, third]))
      return { generator, job: second, others: [first, third] }
    },
  }

  it('covers every kind of state', () => {
    const kinds = v1Runs().filter(({ state }) => isAt(state, 'generate', 'accepted') && state.status === 'running')
    // The lease of one does not end while there are tests.
    expect(kinds.map(({ kind }) => kind).sort()).toEqual([...Object.keys(CHAINS), 'lease-live'].sort())
  })

  it.each(Object.entries(CHAINS))('is completed, and nothing is submitted: %s', async (kind, chainOf) => {
    const { generator, job, others } = chainOf()
    const { id, result, stored, state } = await leftBehind(kind, { generator })
    expect(await result()).toMatchObject({ runId: id, servedBy: 'generator' })
    expect(job).toMatchObject({ startCount: 0, findCount: 0 })
    expect(job.pollCount).toBeGreaterThan(0)
    for (const other of others) expect(other).toMatchObject({ startCount: 0, pollCount: 0 })
    const ended = await stored()
    expect(ended).toMatchObject({ v: 2, status: 'completed', request: state.request })
    for (const field of ['lease', 'formerLease', 'worker', 'progress']) expect(ended).not.toHaveProperty(field)
  })

  it('keeps its count of failed polls', async () => {
    const polls = [new UpstreamHttpError('Could not ask for the job: it is gone', { status: 410 })]
    const { result } = await leftBehind('accepted-lasting-misses', { generator: fakeTaskGenerator({ polls }) })
    const handle = { generator: 'fake-task-generator', operation: { id: 'task_1' } }
    await expect(result()).rejects.toMatchObject({ code: 'upstream-http', status: 410, handle })
  })

  it('is polled for in a chain of one that has changed', async () => {
    const job = named('first')
    const { result } = await leftBehind('accepted', { generator: withRetry(job) })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(job.startCount).toBe(0)
  })

  it('is polled for at its own generator in a chain of several', async () => {
    for (const place of [0, 1]) {
      const [first, second] = [named('first'), named('second')]
      const generator = place === 0 ? fallback(first, second) : fallback(second, first)
      const { result } = await leftBehind('accepted', { generator })
      expect(await result()).toMatchObject({ servedBy: 'generator' })
      expect(first.pollCount).toBeGreaterThan(0)
      expect([first.startCount, second.startCount, second.pollCount]).toEqual([0, 0, 0])
    }
  })

  it('stays running, for a process that has its generator, where none fits', async () => {
    for (const generator of [withRetry(named('other')), fallback(named('other'), named('third'))]) {
      const { result, stored } = await leftBehind('accepted', { generator })
      const handle = { generator: 'first', operation: { id: 'task_1' } }
      await expect(result()).rejects.toMatchObject({ name: 'RunStateError', code: 'run-state', handle })
      expect(await stored()).toMatchObject({ v: 1, status: 'running' })
    }
  })

  it('is aborted also in a chain that has changed', async () => {
    const generator = fallback(named('other'), named('second'))
    const { id, clock, pipeline, stored } = await leftBehind('lease-live', { generator }, 1_767_225_700_000)
    const run = pipeline.resume(id)
    await clock.advance(1000)
    await clock.runUntil(run.cancel())
    const events = await collect(run)
    expect(events.at(-1)).toMatchObject({ type: 'run-failed', isAborted: true, upstream: { state: 'unknown' } })
    expect(await stored()).toMatchObject({ status: 'failed', isAborted: true })
  })

  it('is recovered with all the others of a store', async () => {
    const clock = manualClock({ now: 1_767_225_700_000 })
    const store = memoryStore({ clock })
    for (const kind of ['accepted', 'owner', 'media-bytes']) await store.create(`run_${kind}`, v1State(kind))
    const generator = named('first')
    const runs = await new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }).recover()
    expect(runs).toHaveLength(3)
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    expect(generator.startCount).toBe(0)
  })
})

describe('a submission of 0.1.0 that was sent to one of several generators', () => {
  const several = (submission: typeof byKey | typeof byFind | undefined) => {
    const made = ['first', 'second'].map((name) =>
      fakeTaskGenerator({ name, submission, ...(submission === byFind && { found: [{ id: 'task_9' }] }) }),
    )
    const [first, second] = made as [FakeTaskGenerator, FakeTaskGenerator]
    return { made, first, second }
  }
  const KINDS: readonly (readonly [string, 'fallback' | 'balance', number])[] = [
    ['intent-fallback-first', 'fallback', 0],
    ['intent-fallback-second', 'fallback', 1],
    ['unknown-fallback-second', 'fallback', 1],
    ['intent-balance', 'balance', 0],
    // The chain was another one.
    ['intent', 'fallback', 0],
    ['intent-key-again', 'fallback', 0],
    ['unknown-find', 'balance', 0],
  ]
  const chainOf = (kind: 'fallback' | 'balance', members: readonly [Generator, Generator]) =>
    kind === 'fallback' ? fallback(...members) : balance(members)

  describe.each(KINDS)('%s', (kind, combinator, index) => {
    it.each([
      ['with keys', byKey],
      ['with a lookup', byFind],
      ['with neither', undefined],
    ])('goes to review, and nothing is sent or looked up, %s', async (_, submission) => {
      const { made, first, second } = several(submission)
      const { result, stored } = await leftBehind(kind, { generator: chainOf(combinator, [first, second]) })
      const error = await result().catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(SubmissionUnknownError)
      expect(error).toMatchObject({
        code: 'submission-unknown',
        message:
          'Could not identify the generator of the submission, version 0.1.0 did not save it: one of first, second',
        isRetryable: false,
        stage: 'generate',
      })
      expect(await stored()).toMatchObject({ status: 'needs-review', submission: { generator: null } })
      for (const generator of made) expect(generator).toMatchObject({ startCount: 0, findCount: 0, pollCount: 0 })
    })

    it('is sent under another key once a person found nothing', async () => {
      const { first, second, made } = several(byKey)
      const generator = chainOf(combinator, [first, second])
      const { id, result, pipeline, state } = await leftBehind(kind, { generator })
      await result().catch(() => undefined)
      await pipeline.settle(id, 'not-submitted')
      expect(await result()).toMatchObject({ servedBy: 'generator' })
      const number = Number(Object(state.submission).number) + 1
      const sent = made.flatMap(({ name, calls }) => calls.map(({ idempotencyKey }) => ({ name, idempotencyKey })))
      const name = made[index]?.name as string
      expect(sent).toEqual([{ name, idempotencyKey: idempotencyKeyOf(id, name, number) }])
    })
  })

  it.each(KINDS.slice(0, 4))('is completed once a person found the job: %s', async (kind, combinator, index) => {
    const { made, first, second } = several(byKey)
    const { id, result, pipeline } = await leftBehind(kind, { generator: chainOf(combinator, [first, second]) })
    await result().catch(() => undefined)
    await pipeline.settle(id, { operation: { id: 'task_9' }, generator: made[index]?.name })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(made.map(({ startCount }) => startCount)).toEqual([0, 0])
    expect(made[index]?.pollCount).toBeGreaterThan(0)
    expect(made[1 - index]?.pollCount).toBe(0)
  })

  it('cannot be settled with a job that could be of several generators', async () => {
    const { first, second } = several(byKey)
    const { id, result, pipeline } = await leftBehind('intent', { generator: fallback(first, second) })
    await result().catch(() => undefined)
    await expect(pipeline.settle(id, { operation: { id: 'task_9' } })).rejects.toMatchObject({
      code: 'run-state',
      message:
        'Could not settle the run with a job, no generator of the chain fits it: run_intent; give { operation, generator }, ' +
        'one of first, second',
    })
  })

  it('goes to review also when only one generator is left', async () => {
    const generator = fakeTaskGenerator({ name: 'first', submission: byKey })
    const { id, result, pipeline } = await leftBehind('intent-fallback-second', { generator })
    await expect(result()).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(generator.startCount).toBe(0)
    await pipeline.settle(id, { operation: { id: 'task_9' } })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(0)
  })

  it('goes to review in a call of advance as well', async () => {
    const { first, second } = several(byKey)
    const { id, pipeline } = await leftBehind('intent-fallback-second', { generator: fallback(first, second) })
    const error = { code: 'submission-unknown' }
    expect(await pipeline.advance(id)).toMatchObject({ status: 'needs-review', error })
    expect([first.startCount, second.startCount]).toEqual([0, 0])
  })
})

describe('a submission of 0.1.0 that was sent to the only generator', () => {
  const WRAPS: readonly (readonly [string, (generator: Generator) => Generator])[] = [
    ['alone', (generator) => generator],
    ['with a time limit', (generator) => withTimeout(generator, { timeoutMs: 600_000 })],
    ['with a circuit breaker', (generator) => withCircuitBreaker(generator)],
    ['with retries', (generator) => withRetry(generator)],
    ['of a chain with a limit', (generator) => balance([generator], { concurrency: 1 })],
  ]
  const KINDS = ['intent', 'intent-after-absent', 'intent-key-again', 'intent-task', 'media-urls']
  const LATER = ['unknown-find', 'unknown-find-inquiries', 'unknown-key', 'unknown-key-inquiries']
  const all = [...KINDS, ...LATER].flatMap((kind) => WRAPS.map(([how, wrap]) => ({ kind, how, wrap })))

  it.each(all)('is sent again under the same key: $kind, $how', async ({ kind, wrap }) => {
    const generator = fakeTaskGenerator({ submission: byKey })
    const { id, result, state } = await leftBehind(kind, { generator: wrap(generator) })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    const idempotencyKey = idempotencyKeyOf(id, 'fake-task-generator', 1)
    expect(generator.calls).toMatchObject([{ idempotencyKey, input: state.request }])
  })

  it.each(all)('is looked up: $kind, $how', async ({ kind, wrap }) => {
    const generator = fakeTaskGenerator({ submission: byFind, found: [{ id: 'task_9' }] })
    const { result, store } = await leftBehind(kind, { generator: wrap(generator) })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(generator).toMatchObject({ startCount: 0, findCount: 1 })
    expect(await store.claim('job:fake-task-generator', '{"id":"task_9"}', 'run_other')).toBe(false)
  })

  it.each(all)('goes to review without a way to look it up: $kind, $how', async ({ kind, wrap }) => {
    const generator = fakeTaskGenerator()
    const { result, stored } = await leftBehind(kind, { generator: wrap(generator) })
    await expect(result()).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(await stored()).toMatchObject({ status: 'needs-review' })
    expect(generator.startCount).toBe(0)
  })

  it('is sent again after two lookups that found nothing, those of 0.1.0 counted', async () => {
    const finds = async (kind: string) => {
      const generator = fakeTaskGenerator({ submission: byFind, found: [] })
      const { id, result } = await leftBehind(kind, { generator })
      await result()
      const idempotencyKey = idempotencyKeyOf(id, 'fake-task-generator', 1)
      expect(generator.calls).toMatchObject([{ idempotencyKey }])
      return generator.findCount
    }
    expect(await finds('unknown-find')).toBe(2)
    expect(await finds('unknown-find-inquiries')).toBe(1)
  })

  it('is not free for another submission when a second send under its key is refused', async () => {
    const generator = fakeTaskGenerator({ submission: byKey, starts: [cut(), cut()] })
    const { result } = await leftBehind('intent-key-again', { generator })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(new Set(generator.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
  })

  it.each([true, false])('of withRetry keeps its count of failures: %s', async (isRetried) => {
    const { id, state, clock, store } = await leftBehind('intent', { generator: untouched() })
    const former = state.submission as { readonly [field: string]: JsonValue }
    await store.save(id, 3, { ...state, submission: { ...former, cursor: { failures: 1, inner: null }, number: 2 } })
    const generator = fakeTaskGenerator({ submission: byKey })
    // With its retries, or when those were taken away.
    const wrapped = isRetried ? withRetry(generator) : generator
    await clock.runUntil(new SoraPipeline({ generator: wrapped, store, clock }).resume(id).result)
    expect(generator.calls).toMatchObject([{ idempotencyKey: idempotencyKeyOf(id, 'fake-task-generator', 2) }])
  })
})

describe('a submission of 0.1.0 that was not sent', () => {
  const single = () => {
    const generator = fakeTaskGenerator()
    return { generator: generator as Generator, made: [generator], sender: generator.name }
  }
  const pair = (wrap: (first: Generator, second: Generator) => Generator, sender: string) => () => {
    const made = [named('first'), named('second')] as const
    return { generator: wrap(...made), made, sender }
  }
  const CHAINS: Readonly<
    Record<string, () => { generator: Generator; made: readonly FakeTaskGenerator[]; sender: string }>
  > = {
    created: single,
    ready: single,
    'ready-task': single,
    'ready-after-absent': single,
    'settled-not-submitted': single,
    'ready-retry': () => {
      const first = named('first')
      return { generator: withRetry(first), made: [first], sender: 'first' }
    },
    'ready-balance-waiting': () => {
      const first = named('first')
      return { generator: balance([first], { concurrency: 1 }), made: [first], sender: 'first' }
    },
    'ready-fallback-second': pair(fallback, 'second'),
    'ready-balance': pair((...members) => balance(members), 'first'),
    'ready-balance-second': pair((...members) => balance(members), 'second'),
  }

  it('covers every kind of state', () => {
    const kinds = v1Runs().filter(
      ({ state }) => state.status === 'running' && (isAt(state, 'generate', 'ready') || state.submission === undefined),
    )
    expect(kinds.map(({ kind }) => kind).sort()).toEqual(Object.keys(CHAINS).sort())
  })

  it.each(Object.entries(CHAINS))('is sent once: %s', async (kind, chainOf) => {
    const { generator, made, sender } = chainOf()
    const { id, result, state } = await leftBehind(kind, { generator })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    const { number = 1 } = Object(state.submission)
    const sent = made.flatMap(({ name, calls }) => calls.map(({ idempotencyKey }) => ({ name, idempotencyKey })))
    expect(sent).toEqual([{ name: sender, idempotencyKey: idempotencyKeyOf(id, sender, number) }])
  })

  it('is sent once in a chain that has changed as well', async () => {
    const [first, second] = [named('first'), named('second')]
    const { id, result } = await leftBehind('settled-not-submitted', { generator: fallback(first, second) })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(first.calls).toMatchObject([{ idempotencyKey: idempotencyKeyOf(id, 'first', 2) }])
    expect(second.startCount).toBe(0)
  })

  it('is sent once by calls of advance', async () => {
    const generator = fakeTaskGenerator()
    const { id, pipeline, clock } = await leftBehind('created', { generator })
    for (let calls = 0; (await pipeline.advance(id)).status === 'running'; calls += 1) {
      expect(calls).toBeLessThan(20)
      await clock.advance(1000)
    }
    expect(await pipeline.get(id)).toMatchObject({ status: 'completed' })
    expect(generator.startCount).toBe(1)
  })
})

describe('a run of 0.1.0 that fails in a call of advance', () => {
  it('has failed, although no process took it', async () => {
    const polls = [
      { state: 'failed', error: new GenerationFailedError('Could not generate the video: it gave up') },
    ] as const
    const generator = fakeTaskGenerator({ name: 'first', polls })
    const { id, pipeline, stored } = await leftBehind('accepted', { generator })
    expect(await pipeline.advance(id)).toMatchObject({ status: 'failed', error: { code: 'generation-failed' } })
    expect(await stored()).toMatchObject({ v: 2, status: 'failed' })
  })
})

describe('media of a run of 0.1.0', () => {
  it.each(['media-bytes', 'media-urls'])('is submitted as it was given: %s', async (kind) => {
    const state = v1State(kind)
    const { submission: _, ...unsent } = state
    const clock = manualClock({ now: 1_767_225_700_000 })
    const store = memoryStore({ clock })
    await store.create(state.id, unsent)
    const generator = fakeTaskGenerator()
    await clock.runUntil(new SoraPipeline({ generator, store, clock }).resume(state.id).result)
    expect(generator.calls).toMatchObject([{ input: state.request }])
  })

  it('makes the same request join the run, as bytes or as a data URL', async () => {
    const { id, pipeline, clock } = await leftBehind('media-bytes', { generator: named('first') })
    const png = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10])
    const image = { bytes: png, mediaType: 'image/png' }
    const video = 'data:video/mp4;base64,AAAAGGZ0eXBpc29t'
    const run = pipeline.run({ prompt: 'A cat playing piano', image, video }, { id })
    expect(await clock.runUntil(run.result)).toMatchObject({ runId: id })
    const other = pipeline.run({ prompt: 'A cat playing piano', video }, { id })
    await expect(clock.runUntil(other.result)).rejects.toMatchObject({ code: 'run-state' })
  })
})

describe('a run of 0.1.0 with a video', () => {
  const once = () => fakeGenerator({ outcome: { id: 'gen_1', url: 'https://videos.example/gen_1.mp4' } })
  const DELIVERED: Readonly<Record<string, readonly ('publish' | 'resolve' | 'upload')[]>> = {
    'publish-entered': ['publish', 'resolve', 'upload'],
    'publish-url': ['publish', 'resolve', 'upload'],
    'publish-key': ['publish', 'resolve', 'upload'],
    'publish-public-source': ['publish', 'resolve', 'upload'],
    'publish-facts': ['publish', 'resolve', 'upload'],
    'early-publish': ['publish', 'resolve', 'upload'],
    'early-publish-key': ['publish', 'resolve', 'upload'],
    resolve: ['resolve', 'upload'],
    'resolve-unpublished': ['resolve', 'upload'],
    'upload-resolved': ['upload'],
    'upload-progress': ['upload'],
    'upload-source-replaced': ['upload'],
    'upload-key': ['upload'],
    'early-upload-resolved': ['upload'],
    unpublish: [],
    finish: [],
    'early-finish': [],
  }

  it('covers every kind of state', () => {
    const kinds = v1Runs().filter(({ state }) => state.status === 'running' && state.step !== 'generate')
    expect(kinds.map(({ kind }) => kind).sort()).toEqual(Object.keys(DELIVERED).sort())
  })

  it.each(Object.entries(DELIVERED))('continues with its step, and generates nothing: %s', async (kind, stages) => {
    const isTask = kind.includes('key') || kind === 'publish-public-source'
    const { handle } = v1State(kind).submission as unknown as { handle: { generator: string } }
    const generator = { ...(isTask ? keyed() : once()), name: handle.generator }
    const [publisher, resolver, uploader] = [fakePublisher(), fakeResolver(), fakeUploader()]
    const { result, stored, state } = await leftBehind(kind, {
      generator,
      publisher,
      resolver,
      uploader,
      unpublishAfterUpload: kind === 'unpublish',
    })
    const { step, wakeAt } = state
    expect(step !== 'generate' && wakeAt).toBeTruthy()
    expect(await result()).toMatchObject({ servedBy: 'uploader', isDegraded: false })
    expect(generator.calls).toEqual([])
    const calls = { publish: publisher.calls, resolve: resolver.calls, upload: uploader.calls }
    const called = Object.entries(calls).filter(([, { length }]) => length === 1)
    expect(called.map(([stage]) => stage)).toEqual(stages)
    expect(publisher.unpublished).toHaveLength(kind === 'unpublish' ? 1 : 0)
    expect(await stored()).toMatchObject({ v: 2, status: 'completed' })
  })
})

describe('a video of 0.1.0 that is behind the key of a generator', () => {
  it('is not requested from another one when the chain has changed', async () => {
    const [first, second] = [named('first'), named('second')]
    const { result } = await leftBehind('upload-key', { generator: fallback(first, second), uploader: fakeUploader() })
    await expect(result()).rejects.toMatchObject({ code: 'no-usable-url', handle: { generator: 'keyed' } })
    expect([first.pollCount, second.pollCount]).toEqual([0, 0])
  })
})

describe('a lease of 0.1.0', () => {
  it.each(v1Runs().filter(({ state, kind }) => state.lease !== undefined && kind !== 'lease-live'))(
    'has the run left alone until it ends by the wall clock: $kind',
    async ({ kind, state }) => {
      const { until } = state.lease as unknown as Lease
      const { handle } = (state.submission ?? {}) as { handle?: { generator: string } }
      const generator = { ...untouched(), name: handle?.generator ?? 'untouched', submission: byKey }
      const { id, store, clock, pipeline } = await leftBehind(
        kind,
        { generator: fallbackOf(generator, state) },
        until - 5000,
      )
      const { result } = pipeline.resume(id)
      result.catch(() => undefined)
      await clock.advance(2500)
      expect(await pipeline.get(id)).toMatchObject({ status: 'running', isAttended: true })
      await pipeline.advance(id)
      await clock.advanceTo(until - 1)
      expect(await store.load(id)).toMatchObject({ version: 3, state: { v: 1 } })
      await clock.advanceTo(until + 5000)
      expect((await store.load(id))?.state).toMatchObject({ v: 2 })
    },
  )

  it('keeps the run from others for as long as it lasts', async () => {
    const generator = named('first')
    const { id, store, clock, pipeline } = await leftBehind('lease-live', { generator }, 1_767_225_700_000)
    const run = pipeline.resume(id)
    await clock.advance(3_000_000)
    expect(await store.load(id)).toMatchObject({ version: 3, state: { v: 1 } })
    expect(generator).toMatchObject({ startCount: 0, pollCount: 0 })
    expect(await pipeline.get(id)).toMatchObject({ status: 'running', isAttended: true })
    await run.cancel()
  })

  it('is renewed by a process of 0.1.0 that lives', async () => {
    const generator = named('first')
    const { id, state, store, clock, pipeline } = await leftBehind('accepted', { generator }, 1_767_225_601_000)
    const { result } = pipeline.resume(id)
    let version = 3
    for (let turn = 1; turn <= 5; turn += 1) {
      await clock.advance(10_000)
      const { owner } = state.lease as unknown as Lease
      version = await store.save(id, version, { ...state, lease: { owner, until: clock.now() + 30_000 } })
    }
    expect(generator.pollCount).toBe(0)
    expect(await store.load(id)).toMatchObject({ version: 8, state: { v: 1 } })
    await expect(clock.runUntil(result)).resolves.toMatchObject({ servedBy: 'generator' })
  })
})

describe('a run of 0.1.0 that has ended', () => {
  const completed = v1Runs().filter(({ state }) => state.status === 'completed')
  const failed = v1Runs().filter(({ state }) => state.status === 'failed')

  it.each(completed)('gives its result again: $kind', async ({ kind, state }) => {
    const generator = untouched()
    const { id, result, store } = await leftBehind(kind, { generator, uploader: fakeUploader() })
    const given = await result()
    const { uploaded, resolved, video, isDegraded, attempts, warnings, startedAt, endedAt } = Object(state)
    const url = uploaded?.url ?? resolved?.url ?? video.url
    const durationMs = Number(endedAt) - Number(startedAt)
    expect(given).toMatchObject({ runId: id, url, isDegraded, attempts, warnings, durationMs })
    expect(generator).toMatchObject({ startCount: 0, pollCount: 0 })
    expect(await store.load(id)).toMatchObject({ version: 3, state: { v: 1 } })
  })

  it.each(failed)('gives its error again: $kind', async ({ kind, state }) => {
    const generator = untouched()
    const { id, result, store } = await leftBehind(kind, { generator })
    const { code, message } = Object(state.error)
    await expect(result()).rejects.toMatchObject({ code, message })
    expect(generator).toMatchObject({ startCount: 0, pollCount: 0 })
    expect(await store.load(id)).toMatchObject({ version: 3, state: { v: 1 } })
  })

  it('opens a video behind a key again', async () => {
    const { id, result, pipeline, clock } = await leftBehind('failed-key-only', { generator: keyed() })
    const error = await result().catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'no-usable-url', source: { open: expect.any(Function) } })
    const source = await clock.runUntil(pipeline.openVideo(id))
    expect(await new Response(await clock.runUntil(source.open())).text()).not.toBe('')
  })

  it('is listed, removed and erased', async () => {
    const { id, pipeline, stored } = await leftBehind('completed-uploader', { generator: untouched() })
    expect(await pipeline.list({ order: 'newest-first', limit: 9 })).toMatchObject([{ id, status: 'completed' }])
    await pipeline.erase(id)
    expect(await stored()).toMatchObject({ v: 2, request: { prompt: '' }, status: 'completed' })
    await pipeline.remove(id)
    expect(await pipeline.get(id)).toBeUndefined()
    const removed = await leftBehind('removed', { generator: untouched() })
    expect(await removed.pipeline.get(removed.id)).toBeUndefined()
  })
})

describe('a run of 0.1.0 in review', () => {
  const CHAINS: Readonly<Record<string, () => { generator: Generator; sender: FakeTaskGenerator }>> = {
    'needs-review': () => {
      const sender = fakeTaskGenerator()
      return { generator: sender, sender }
    },
    'needs-review-unclear': () => {
      const sender = fakeTaskGenerator()
      return { generator: sender, sender }
    },
    'needs-review-fallback-second': () => {
      const sender = named('second')
      return { generator: fallback(named('first'), sender), sender }
    },
  }

  it.each(Object.entries(CHAINS))('stays there until a person settles it: %s', async (kind, chainOf) => {
    const { generator, sender } = chainOf()
    const { id, result, store, pipeline, state } = await leftBehind(kind, { generator })
    await expect(result()).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(await pipeline.recover()).toEqual([])
    expect(await store.load(id)).toMatchObject({ version: 3, state: { v: 1 } })
    await pipeline.settle(id, 'not-submitted')
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    const { number } = Object(state.submission)
    expect(sender.calls).toMatchObject([{ idempotencyKey: idempotencyKeyOf(id, sender.name, number + 1) }])
  })

  it.each(Object.entries(CHAINS))('continues with the job that a person found: %s', async (kind, chainOf) => {
    const { generator, sender } = chainOf()
    const { id, result, pipeline } = await leftBehind(kind, { generator })
    await pipeline.settle(id, { operation: { id: 'task_9' }, generator: sender.name })
    expect(await result()).toMatchObject({ servedBy: 'generator' })
    expect(sender.startCount).toBe(0)
    expect(sender.pollCount).toBeGreaterThan(0)
  })
})

/** A chain whose form is that of the place of a submission, so that the run can be taken. */
function fallbackOf(generator: FakeTaskGenerator, { submission }: ReturnType<typeof v1State>): Generator {
  const { cursor } = Object(submission)
  const second = named('another')
  if (cursor?.index !== undefined)
    return fallback(generator, cursor.inner === null ? second : balance([second, named('third')]))
  if (cursor?.tried !== undefined) return balance([generator, second])
  return cursor?.failures === undefined ? generator : withRetry(generator)
}

function isAt(state: ReturnType<typeof v1State>, step: string, submission: string): boolean {
  return state.step === step && Object(state.submission).state === submission
}
