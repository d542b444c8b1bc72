import { describe, expect, it } from 'vitest'
import { type RunStore, SoraPipeline, SubmissionUnknownError, type TaskGenerator } from '../../../src/index.js'
import { type Inquiry, reconcileJob } from '../../../src/pipeline/generate/reconcile-job.js'
import { WOKEN_AT } from '../../../src/pipeline/journal/stored-wakes.js'
import { openStage } from '../../../src/pipeline/stage-work.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import type { UnknownSubmission } from '../../../src/pipeline/state/submission.js'
import { type FakeTaskGeneratorOptions, fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { collect } from '../../support/collect.js'
import { acceptedJob, BY_FIND, LONGER, NOW, SENDING, sessionOf, stateOf, storeOf, UNKNOWN } from './prepared-runs.js'

const X = { id: 'x' }
const lost = new SubmissionUnknownError('Could not learn the outcome: host')

/** What one lookup of `run_1` comes to beside other runs. */
async function inquire(
  rivals: readonly RunState[],
  found: readonly object[],
  submission: UnknownSubmission = UNKNOWN,
): Promise<{ readonly inquiry: Inquiry; readonly lists: number }> {
  const clock = manualClock()
  const store = await storeOf([stateOf('run_1', { submission: UNKNOWN }), ...rivals], clock)
  await store.heartbeat('live', 10_000)
  let lists = 0
  const counted: RunStore = {
    ...store,
    list: async (query) => {
      lists += 1
      return store.list?.(query) ?? []
    },
  }
  const generator = fakeTaskGenerator({ name: 'first', submission: BY_FIND, found: found as readonly { id: string }[] })
  const session = sessionOf({ generator, store: counted, clock })
  const work = openStage('generate', NOW, generator)
  return { inquiry: await reconcileJob(session, { generator, submission, work, isLast: false }), lists }
}

describe('a lookup beside other runs with the prompt', () => {
  const rivals = {
    'is submitting': stateOf('run_2', { submission: SENDING, worker: 'live' }),
    'lost its answer': stateOf('run_2', { submission: UNKNOWN, worker: 'live' }),
    'is in review': stateOf('run_2', { status: 'needs-review', submission: UNKNOWN, endedAt: NOW }),
    'is another request, and lost its answer': stateOf('run_2', { request: LONGER, submission: UNKNOWN }),
  }

  it.each<[keyof typeof rivals, Inquiry['kind']]>([
    ['is submitting', 'later'],
    ['lost its answer', 'found'],
    ['is in review', 'unclear'],
    ['is another request, and lost its answer', 'unclear'],
  ])('that finds a job which may be that of a run that %s is: %s', async (rival, kind) => {
    const { inquiry } = await inquire([rivals[rival]], [X])
    expect(inquiry).toMatchObject({ kind, ...(kind === 'later' && { wakeAt: NOW + 2000, inquiries: 0 }) })
  })

  it.each(Object.entries(rivals))(
    'that finds only a job of a third run proves its own absent, when one %s',
    async (_, rival) => {
      const third = stateOf('run_3', {
        status: 'completed',
        step: 'finish',
        submission: acceptedJob('x'),
        endedAt: NOW,
      })
      const first = await inquire([rival, third], [X])
      expect(first.inquiry).toEqual({ kind: 'later', wakeAt: NOW + 2000, inquiries: 1 })
      const second = await inquire([rival, third], [X], { ...UNKNOWN, inquiries: 1 })
      expect(second.inquiry).toEqual({ kind: 'absent' })
    },
  )

  it('that finds nothing reads none of them', async () => {
    expect(await inquire([rivals['is in review']], [])).toEqual({
      inquiry: { kind: 'later', wakeAt: NOW + 2000, inquiries: 1 },
      lists: 0,
    })
    expect((await inquire([rivals['is in review']], [X])).lists).toBe(1)
  })
})

function play(options: FakeTaskGeneratorOptions, change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ name: 'first', submission: BY_FIND, starts: [lost], ...options })
  const start = async (more: Partial<TaskGenerator> = {}) => {
    const store = await storeOf([], clock)
    const pipeline = new SoraPipeline({
      generator: { ...generator, ...more },
      store: { ...store, ...change(store) },
      clock,
      pollSchedule: () => 1000,
    })
    return { store, pipeline, run: pipeline.run({ prompt: 'A cat' }, { id: 'run_1' }) }
  }
  return { clock, generator, start }
}

/** An operation of a store that fails the first time; the search for wakes, which is no lookup, does not. */
function failsOnce<A extends unknown[], R>(operation: ((...given: A) => Promise<R>) | undefined) {
  let calls = 0
  return async (...given: A): Promise<R> => {
    if (given[0] !== WOKEN_AT) calls += 1
    if (calls === 1 || operation === undefined) throw new Error('down')
    return operation(...given)
  }
}

describe('a lookup while the store is down', () => {
  it.each([
    ['due', 'Could not search for unfinished runs, the store is down'],
    ['list', 'down'],
  ] as const)('is repeated when %s fails, and takes the job then', async (method, reason) => {
    const { clock, generator, start } = play({ found: [X] }, (store) => ({
      [method]: failsOnce(store[method] as (...given: unknown[]) => Promise<never>),
    }))
    const { run, store } = await start()
    const { warnings } = await clock.runUntil(run.result)
    const message = `Could not read other runs with the same prompt: ${reason}`
    expect(warnings).toEqual([{ code: 'lookup-failed', message, stage: 'generate' }])
    expect(generator).toMatchObject({ startCount: 1, findCount: 2 })
    expect((await store.load('run_1'))?.state.submission).toMatchObject({ handle: { operation: X } })
  })

  it('is repeated when the job cannot be claimed, and takes the job then', async () => {
    const { clock, generator, start } = play({ found: [X] }, ({ claim }) => ({ claim: failsOnce(claim) }))
    const { run, store } = await start()
    const { warnings } = await clock.runUntil(run.result)
    expect(warnings).toEqual([
      { code: 'store-unavailable', message: 'Could not claim the job: down', stage: 'generate' },
    ])
    expect(generator).toMatchObject({ startCount: 1, findCount: 2 })
    expect(await store.claim('job:first', JSON.stringify(X), 'run_2')).toBe(false)
  })
})

describe('a lookup', () => {
  it('that proves nothing ends the run with an error that names the generator', async () => {
    const { clock, generator, start } = play({})
    const { run } = await start({ find: async () => 'unclear' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      message: 'Could not learn the outcome of the submission, the lookup cannot say whether the job exists: first',
    })
    expect(generator.startCount).toBe(1)
  })

  it('is not a failure when the run is aborted meanwhile', async () => {
    const { clock, start } = play({})
    const { run } = await start({ find: () => new Promise(() => undefined) })
    await clock.advance(6000)
    await run.cancel('enough')
    await expect(run.result).rejects.toBe('enough')
    expect((await collect(run)).filter(({ type }) => type === 'warning')).toEqual([])
  })

  it('ends in review where the generator lost its find() between two deploys', async () => {
    const clock = manualClock()
    const store = await storeOf([stateOf('run_1', { submission: UNKNOWN })], clock)
    const generator = fakeTaskGenerator({ name: 'first', submission: BY_FIND })
    const run = new SoraPipeline({ generator, store, clock }).resume('run_1')
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      message: 'Could not learn the outcome of the submission, the generator has no lookup: first',
    })
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'needs-review', warnings: [] })
    expect(generator.startCount).toBe(0)
  })
})

describe('a submission to an upstream that honours keys', () => {
  it('is sent again at once, and then after growing waits of at most a minute', async () => {
    const starts = Array.from({ length: 8 }, () => lost)
    const { clock, generator, start } = play({ submission: { idempotency: 'key', lookup: 'none' }, starts })
    const { run } = await start()
    await clock.runUntil(run.result)
    const waits = generator.calls.slice(1).map(({ at }, index) => at - (generator.calls[index]?.at ?? 0))
    expect(waits).toEqual([0, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })
})

describe('a submission whose answers are always lost', () => {
  it('is sent five times at most, where lookups always show that it was not accepted', async () => {
    const clock = manualClock()
    const submission = { ...BY_FIND, settleMs: 1000 }
    const generator = fakeTaskGenerator({ submission, found: [], starts: Array.from({ length: 50 }, () => lost) })
    const run = new SoraPipeline({ generator, store: await storeOf([], clock), clock }).run({ prompt: 'A cat' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(generator.calls).toHaveLength(5)
  })
})
