import { describe, expect, it } from 'vitest'
import {
  fallback,
  memoryStore,
  NetworkError,
  type PipelineEvent,
  RateLimitError,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type StageContext,
  SubmissionUnknownError,
  withRetry,
} from '../../../src/index.js'
import {
  type FakeTaskGeneratorOptions,
  fakeGenerator,
  fakeTaskGenerator,
  manualClock,
} from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'
import { BY_FIND, NOW, REQUEST, stateOf, storeOf } from './prepared-runs.js'

const lost = new SubmissionUnknownError('Could not learn the outcome: host')
const refusal = new RateLimitError('Could not create, too many requests: host')
const byKey = { idempotency: 'key', lookup: 'none' } as const

function play(options: FakeTaskGeneratorOptions, more: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const generator = fakeTaskGenerator({ name: 'first', ...options })
  const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000, ...more })
  return { clock, store, generator, pipeline }
}

const ofType = <T extends PipelineEvent['type']>(events: readonly PipelineEvent[], type: T) =>
  events.filter((event): event is Extract<PipelineEvent, { type: T }> => event.type === type)

describe('a failed run counts as one that paid nothing', () => {
  const second = () => fakeTaskGenerator({ name: 'second', starts: [refusal] })

  it('when every submission was refused', async () => {
    for (const generator of [
      fakeTaskGenerator({ name: 'first', starts: [refusal] }),
      fallback(fakeTaskGenerator({ name: 'first', starts: [refusal] }), second()),
      withRetry(fakeTaskGenerator({ name: 'first', starts: [refusal, refusal, refusal] }), { maxAttempts: 3 }),
    ]) {
      const { clock, pipeline } = play({}, { generator })
      await clock.runUntil(pipeline.run(REQUEST, { id: 'run_1' }).result.catch(() => undefined))
      expect(await pipeline.get('run_1')).toMatchObject({ status: 'failed', isRefused: true })
    }
  })

  it.each<[string, FakeTaskGeneratorOptions]>([
    ['a job was accepted and failed', { polls: [{ state: 'failed', error: refusal }] }],
    [
      'a lost submission was proved absent, and then refused',
      { submission: BY_FIND, found: [], starts: [lost, refusal] },
    ],
  ])('unless %s', async (_, options) => {
    const generator = fallback(fakeTaskGenerator({ name: 'first', ...options }), second())
    const { clock, pipeline } = play({}, { generator })
    await clock.runUntil(pipeline.run(REQUEST, { id: 'run_1' }).result.catch(() => undefined))
    const record = await pipeline.get('run_1')
    expect(record).toMatchObject({ status: 'failed' })
    expect(record?.isRefused).toBeUndefined()
  })
})

describe('an accepted job that another run claims', () => {
  it('is saved with its handle, and the error names the generator', async () => {
    const { clock, store, generator, pipeline } = play({})
    await store.claim('job:first', JSON.stringify({ id: 'task_1' }), 'run_of_another')
    await expect(clock.runUntil(pipeline.run(REQUEST, { id: 'run_1' }).result)).rejects.toMatchObject({
      message: 'Could not take the accepted job, another run claimed it: first',
      handle: { generator: 'first', operation: { id: 'task_1' } },
    })
    expect((await store.load('run_1'))?.state).toMatchObject({
      status: 'needs-review',
      submission: { state: 'accepted', handle: { operation: { id: 'task_1' } } },
      upstream: { state: 'running', handle: { operation: { id: 'task_1' } } },
    })
    expect([generator.startCount, generator.pollCount]).toEqual([1, 0])
  })
})

describe('the events of a generation', () => {
  it('have its stage and its times, on a clock that began long ago', async () => {
    const clock = manualClock()
    await clock.advance(5000)
    const generator = fallback(
      fakeTaskGenerator({ name: 'first', starts: [refusal], delayMs: 300 }),
      fakeTaskGenerator({ name: 'second', polls: 2 }),
    )
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(REQUEST)
    await clock.runUntil(run.result)
    const events = await collect(run)
    expect(ofType(events, 'attempt-failed')).toMatchObject([{ stage: 'generate', strategy: 'first', durationMs: 300 }])
    expect(ofType(events, 'fallback-taken')).toMatchObject([{ stage: 'generate', strategy: 'first', next: 'second' }])
    expect(ofType(events, 'stage-completed')).toMatchObject([
      { stage: 'generate', strategy: 'second', durationMs: 3300 },
    ])
  })

  it('begin with its start where version 0.1.0 saved that it had not begun', async () => {
    const clock = manualClock()
    const { submission: _, stepStartedAt: __, ...unsent } = stateOf('run_1')
    const generator = fakeTaskGenerator({ name: 'first' })
    const store = await storeOf([unsent], clock)
    const run = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }).resume('run_1')
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(ofType(await collect(run), 'stage-started')).toMatchObject([{ stage: 'generate', strategy: 'first' }])
    expect(generator.startCount).toBe(1)
  })

  it('leave out what a generator reports or warns of after its call has ended', async () => {
    let context: StageContext | undefined
    const { clock, generator } = play({ polls: 3 })
    const start: typeof generator.start = (request, given) => {
      context = given
      return generator.start(request, given)
    }
    const pipeline = new SoraPipeline({ generator: { ...generator, start }, clock, pollSchedule: () => 1000 })
    const run = pipeline.run(REQUEST)
    await clock.advance(500)
    context?.report({ phase: 'late' })
    context?.warn?.({ code: 'late', message: 'Too late' })
    const { warnings } = await clock.runUntil(run.result)
    expect(warnings).toEqual([])
    expect(ofType(await collect(run), 'stage-progressed').map(({ phase }) => phase)).not.toContain('late')
  })
})

describe('the error of a submission that may have been accepted', () => {
  it('carries the reason, also for a generator of one call, and keeps the cause', async () => {
    const cut = new NetworkError('Could not submit, the connection was reset: host')
    const once = fakeGenerator({ name: 'first', outcome: cut })
    for (const [generator, options] of [
      [once, {}],
      [undefined, { starts: [cut] }],
    ] as const) {
      const { clock, pipeline } = play(options, generator && { generator })
      await expect(clock.runUntil(pipeline.run(REQUEST, { id: 'run_1' }).result)).rejects.toMatchObject({
        code: 'submission-unknown',
        message: 'Could not learn whether the submission was accepted, no answer came; it is not repeated: first',
        cause: cut,
      })
      expect(await pipeline.get('run_1')).toMatchObject({ status: 'needs-review' })
    }
    expect(once.calls).toHaveLength(1)
  })

  it('adds nothing about a second send that was refused', async () => {
    const { clock, pipeline } = play({ submission: byKey, starts: [lost, refusal] })
    const run = pipeline.run(REQUEST)
    await clock.runUntil(run.result)
    expect(ofType(await collect(run), 'attempt-failed').map(({ error }) => error.message)).toEqual([
      'Could not learn the outcome: host',
      'Could not learn whether the submission was accepted, it is not repeated: first',
    ])
  })
})

describe('a submission whose wait ends at the deadline', () => {
  it.each([
    ['at it', 60_000, 0],
    ['a millisecond before it', 59_999, 1],
  ])('is sent only before it: %s', async (_, afterMs, starts) => {
    const clock = manualClock()
    const store = await storeOf([stateOf('run_1', { wakeAt: NOW + afterMs })], clock)
    const generator = fakeTaskGenerator({ name: 'first', hangs: 'start' })
    const pipeline = new SoraPipeline({ generator, store, clock, deadlines: { generateMs: 60_000 } })
    const code = starts === 0 ? 'stage-timeout' : 'submission-unknown'
    await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject({ code })
    expect(generator.startCount).toBe(starts)
    expect((await store.load('run_1'))?.state).toMatchObject({ status: starts === 0 ? 'failed' : 'needs-review' })
  })
})

describe('a store that is down before a submission', () => {
  it('ends the run with an error that may be retried when the media cannot be read, and nothing is sent', async () => {
    const image = { bytes: new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), mediaType: 'image/png' }
    const clock = manualClock()
    const store = memoryStore({ clock })
    const dead = new SoraPipeline({ generator: fakeTaskGenerator({ hangs: 'start' }), store, clock })
    dead.run({ ...REQUEST, image }, { id: 'run_1' })
    await clock.advance(10)
    const loaded = await store.load('run_1')
    expect(loaded?.state.submission).toMatchObject({ state: 'sending' })
    const { generator } = play({})
    const getMedia: RunStore['getMedia'] = () => Promise.reject(new Error('down'))
    const saved = { ...loaded?.state, submission: stateOf('run_1').submission, worker: undefined }
    await store.save('run_1', loaded?.version ?? 0, saved as never)
    const next = new SoraPipeline({ generator, store: { ...store, getMedia }, clock })
    await expect(clock.runUntil(next.resume('run_1').result)).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: true,
      message: 'Could not read the media, the store is down: run_1',
    })
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
    expect(generator.startCount).toBe(0)
  })
})
