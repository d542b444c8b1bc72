import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type AttemptTrace,
  fallback,
  memoryStore,
  NetworkError,
  type PipelineEvent,
  type RunTrace,
  SoraPipeline,
  withRetry,
  withTimeout,
} from '../../../src/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'

const REQUEST = { prompt: 'A cat of the canary', model: 'sora-2', durationSeconds: 8, size: '1280x720', seed: 7 }
const FACTS = { model: 'sora-2', durationSeconds: 8, size: '1280x720', seed: 7 }
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

type Phase = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'
interface Seen<Message> {
  readonly phase: Phase
  /** As it was then. */
  readonly message: Message
  /** The object itself. */
  readonly object: Message
}

const undo: (() => void)[] = []
afterEach(() => {
  for (const each of undo.splice(0)) each()
})

function watch<Message extends object>(name: string): Seen<Message>[] {
  const seen: Seen<Message>[] = []
  const note = (phase: Phase) => (message: unknown) => {
    seen.push({ phase, message: structuredClone(message) as Message, object: message as Message })
  }
  const subscribers = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error'),
  }
  const traced = tracingChannel(name)
  traced.subscribe(subscribers)
  undo.push(() => traced.unsubscribe(subscribers))
  return seen
}

const watchRuns = () => watch<RunTrace>('sora-pipeline:run')
const watchAttempts = () => watch<AttemptTrace>('sora-pipeline:attempt')
const endsOf = <Message>(seen: readonly Seen<Message>[]) =>
  seen.filter(({ phase }) => phase === 'asyncEnd').map(({ message }) => message)

describe('the channel of runs', () => {
  it('reports a run in the order of tracePromise, with one object, and its end before the caller has the result', async () => {
    const seen = watchRuns()
    const result = await new SoraPipeline({ generator: fakeGenerator() }).generate(REQUEST, { id: 'run_1' })
    expect(seen.map(({ phase }) => phase)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(new Set(seen.map(({ object }) => object)).size).toBe(1)
    expect(seen[0]?.message).toEqual({ runId: 'run_1', isResumed: false, isEndedHere: false, request: FACTS })
    expect(seen[3]?.message).toEqual({
      runId: 'run_1',
      isResumed: false,
      isEndedHere: true,
      request: FACTS,
      result: JSON.parse(JSON.stringify(result)),
    })
  })

  it('reports the failure of a run, and an abort as aborted', async () => {
    const seen = watchRuns()
    const failing = new SoraPipeline({ generator: fakeGenerator({ outcome: new NetworkError('Could not reach it') }) })
    await failing.generate(REQUEST).catch(() => undefined)
    const run = new SoraPipeline({ generator: fakeGenerator({ hangs: true }) }).run(REQUEST)
    await run.cancel(new Error('enough'))
    expect(seen.filter(({ phase }) => phase === 'error')).toHaveLength(2)
    expect(endsOf(seen)).toMatchObject([
      { isEndedHere: true, error: { code: 'submission-unknown' } },
      { isEndedHere: true, error: { code: 'aborted', message: 'enough' } },
    ])
  })

  it('has a prompt only with recordInputs', async () => {
    const runs = watchRuns()
    const attempts = watchAttempts()
    await new SoraPipeline({ generator: fakeGenerator() }).generate(REQUEST)
    expect(JSON.stringify([runs, attempts])).not.toContain('canary')
    await new SoraPipeline({ generator: fakeGenerator(), recordInputs: true }).generate(REQUEST)
    expect(endsOf(runs)[1]?.request).toEqual({ ...FACTS, prompt: REQUEST.prompt })
    expect(endsOf(attempts)[1]?.request).toEqual({ ...FACTS, prompt: REQUEST.prompt })
  })

  it('keeps a traceparent of the caller, or of a subscriber, for the process that continues the run', async () => {
    const seen = watchRuns()
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 3 })
    const first = new SoraPipeline({ generator, store, clock })
    const setter = { start: (message: unknown) => Object.assign(message as object, { traceparent: PARENT }) }
    first.run(REQUEST, { id: 'given', traceparent: PARENT.replace('01', '02') })
    await clock.advance(0)
    tracingChannel('sora-pipeline:run').subscribe(setter as never)
    first.run(REQUEST, { id: 'set' })
    await clock.advance(100)
    tracingChannel('sora-pipeline:run').unsubscribe(setter as never)
    await first.close()
    const next = new SoraPipeline({ generator, store, clock })
    const runs = ['given', 'set'].map((id) => next.resume(id))
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    const resumed = endsOf(seen).filter(({ isResumed }) => isResumed)
    expect(resumed.map(({ runId, traceparent, isEndedHere }) => ({ runId, traceparent, isEndedHere }))).toEqual([
      { runId: 'given', traceparent: PARENT.replace('01', '02'), isEndedHere: true },
      { runId: 'set', traceparent: PARENT, isEndedHere: true },
    ])
    // The same request with another traceparent joins the run.
    const joined = next.run(REQUEST, { id: 'given', traceparent: PARENT })
    expect(await joined.result).toMatchObject({ runId: 'given' })
    expect(endsOf(seen).at(-1)).toMatchObject({ isResumed: true, isEndedHere: false, request: FACTS })
  })

  it('reports a process that leaves a run as one that did not end it', async () => {
    const seen = watchRuns()
    const attempts = watchAttempts()
    const clock = manualClock()
    const pipeline = new SoraPipeline({ generator: fakeTaskGenerator({ polls: 9 }), clock })
    const run = pipeline.run(REQUEST)
    await clock.advance(100)
    await pipeline.close()
    await expect(run.result).rejects.toMatchObject({ code: 'run-state' })
    expect(endsOf(seen)).toMatchObject([{ isEndedHere: false, error: { code: 'run-state', isRetryable: true } }])
    expect(endsOf(attempts)).toHaveLength(1)
    expect(endsOf(attempts)[0]).not.toHaveProperty('error')
    expect(endsOf(attempts)[0]).not.toHaveProperty('durationMs')
    expect(attempts.map(({ phase }) => phase)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
  })

  it('reports each call of advance', async () => {
    const seen = watchRuns()
    const attempts = watchAttempts()
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 2 })
    const first = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    first.run(REQUEST, { id: 'run_1' })
    await clock.advance(100)
    await first.close()
    const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    let calls = 0
    for (let isOver = false; !isOver; calls += 1) {
      await clock.advance(1000)
      isOver = (await clock.runUntil(pipeline.advance('run_1'))).status === 'completed'
    }
    const ends = endsOf(seen).slice(1)
    expect(ends).toHaveLength(calls)
    expect(ends.map(({ isEndedHere }) => isEndedHere)).toEqual([...Array(calls - 1).fill(false), true])
    expect(ends.at(-1)).toMatchObject({ result: { runId: 'run_1' } })
    expect(endsOf(attempts).at(-1)).toMatchObject({ stage: 'generate', handle: { generator: 'fake-task-generator' } })
    await expect(pipeline.advance('unknown')).rejects.toThrow('does not know it')
    expect(endsOf(seen).at(-1)).toMatchObject({ runId: 'unknown', error: { code: 'run-state' } })
  })
})

describe('the channel of attempts', () => {
  it('reports every attempt of every stage', async () => {
    const seen = watchAttempts()
    const pipeline = new SoraPipeline({
      generator: fallback(
        fakeTaskGenerator({ name: 'first', starts: [new NetworkError('Could not connect', { isRefusal: true })] }),
        fakeTaskGenerator({ name: 'second', polls: 2 }),
      ),
      publisher: fakePublisher(),
      resolver: fakeResolver(),
      uploader: fallback(fakeUploader({ name: 'down', outcome: new Error('no disk') }), fakeUploader({ name: 'up' })),
      pollSchedule: () => 1,
    })
    const result = await pipeline.generate(REQUEST, { id: 'run_1' })
    expect(
      endsOf(seen).map(({ stage, strategy, error, result: output }) => ({
        stage,
        strategy,
        outcome: error === undefined ? 'succeeded' : 'failed',
        hasOutput: output !== undefined,
      })),
    ).toEqual(
      result.attempts.map(({ stage, strategy, outcome }) => ({
        stage,
        strategy,
        outcome,
        hasOutput: outcome === 'succeeded',
      })),
    )
    expect(endsOf(seen)).toHaveLength(6)
    expect(endsOf(seen)[1]).toMatchObject({
      runId: 'run_1',
      request: FACTS,
      handle: { generator: 'second' },
      result: { id: expect.any(String) },
      durationMs: expect.any(Number),
    })
  })

  it('has the calls of a strategy in its async context, and those of a job in that of one attempt', async () => {
    watchRuns()
    const attempts = new AsyncLocalStorage<AttemptTrace>()
    const runs = new AsyncLocalStorage<RunTrace>()
    const { start } = tracingChannel<AsyncLocalStorage<AttemptTrace>, AttemptTrace>('sora-pipeline:attempt')
    const { start: runStart } = tracingChannel<AsyncLocalStorage<RunTrace>, RunTrace>('sora-pipeline:run')
    start.bindStore(attempts as never)
    runStart.bindStore(runs as never)
    undo.push(() => start.unbindStore(attempts as never))
    undo.push(() => runStart.unbindStore(runs as never))
    const calls: string[] = []
    const objects = new Set<unknown>()
    const note = async (call: string) => {
      await Promise.resolve()
      const attempt = attempts.getStore()
      objects.add(attempt)
      calls.push(`${call} in ${attempt?.stage} of ${attempt?.strategy}, ${runs.getStore()?.runId}`)
    }
    let polls = 0
    const pipeline = new SoraPipeline({
      generator: {
        name: 'jobs',
        start: async () => {
          await note('start')
          return { operation: { id: 'job_1' } }
        },
        poll: async () => {
          await note('poll')
          polls += 1
          return polls < 3
            ? { state: 'running' as const }
            : { state: 'completed' as const, video: { id: 'gen_1', url: 'https://cdn.example/a.mp4' } }
        },
      },
      uploader: withTimeout(
        withRetry({
          name: 'disk',
          upload: async () => {
            await note('upload')
            return { url: 'https://store.example/a.mp4' }
          },
        }),
        { timeoutMs: 1000 },
      ),
      pollSchedule: () => 1,
    })
    const store = new AsyncLocalStorage<string>()
    await store.run('of the caller', async () => pipeline.generate(REQUEST, { id: 'run_1' }))
    expect(calls).toEqual([
      'start in generate of jobs, run_1',
      'poll in generate of jobs, run_1',
      'poll in generate of jobs, run_1',
      'poll in generate of jobs, run_1',
      'upload in upload of disk, run_1',
    ])
    expect(objects.size).toBe(2)
  })

  it('ends an attempt that its deadline cuts short, once', async () => {
    const seen = watchAttempts()
    const clock = manualClock()
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: { name: 'deaf', upload: () => new Promise(() => undefined) },
      deadlines: { uploadMs: 5000 },
      clock,
    })
    await clock.runUntil(pipeline.generate(REQUEST))
    expect(endsOf(seen).filter(({ stage }) => stage === 'upload')).toMatchObject([
      { strategy: 'deaf', durationMs: 5000, error: { code: 'stage-timeout' } },
    ])
  })

  it('has no secret of a generator, and no source', async () => {
    const seen = watchAttempts()
    const runs = watchRuns()
    const open = () => Promise.reject(new Error('not opened'))
    const pipeline = new SoraPipeline({
      generator: {
        name: 'keyed',
        generate: async () => ({
          id: 'gen_1',
          url: 'https://cdn.example/a.mp4',
          source: { isPublic: false, url: 'https://key.example/a.mp4?key=canary-in-source', open },
        }),
      },
      uploader: {
        name: 'leaky',
        upload: () => Promise.reject(Object.assign(new Error('Bearer canary0123456789abcdef'), { config: 'canary' })),
      },
    })
    await pipeline.generate({ prompt: 'A cat' })
    expect(endsOf(seen)).toHaveLength(2)
    expect(JSON.stringify([seen, runs])).not.toContain('canary')
  })
})

describe('the channel of events', () => {
  it('has each event once, while other pipelines follow the run', async () => {
    const events: PipelineEvent[] = []
    const lines: unknown[] = []
    const heard: PipelineEvent[] = []
    const note = (event: unknown) => events.push(event as PipelineEvent)
    channel('sora-pipeline:event').subscribe(note)
    undo.push(() => channel('sora-pipeline:event').unsubscribe(note))
    const runs = watchRuns()
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 5 })
    const pipeline = new SoraPipeline({ generator, store, clock })
    const run = pipeline.run(REQUEST, { id: 'run_1' })
    await clock.advance(100)
    const write = (...line: unknown[]) => lines.push(line)
    const logger = { debug: write, info: write, warn: write, error: write }
    const onEvent = (event: PipelineEvent) => heard.push(event)
    const other = new SoraPipeline({ generator, store, clock, logger, onEvent })
    const followed = other.resume('run_1')
    await clock.runUntil(Promise.all([run.result, followed.result]))
    expect(events).toEqual(await collect(run))
    expect(heard.at(-1)).toMatchObject({ type: 'run-completed' })
    expect(lines).toEqual([])
    expect(
      endsOf(runs)
        .map(({ isEndedHere }) => isEndedHere)
        .sort(),
    ).toEqual([false, true])
  })

  it('has every event of a run, progress included, also while nothing reads it', async () => {
    const events: PipelineEvent[] = []
    const note = (event: unknown) => events.push(event as PipelineEvent)
    const eventChannel = channel('sora-pipeline:event')
    eventChannel.subscribe(note)
    undo.push(() => eventChannel.unsubscribe(note))
    const run = new SoraPipeline({ generator: fakeTaskGenerator({ polls: 100 }), pollSchedule: () => 0 }).run(REQUEST)
    await run.result
    expect(events).toEqual(await collect(run))
    expect(events.length).toBeGreaterThan(100)
  })
})
