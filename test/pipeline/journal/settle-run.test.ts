import { describe, expect, it } from 'vitest'
import { generatorRoutesOf } from '../../../src/calling/generator-routes.js'
import { fallback, type RunStore, type TaskGenerator } from '../../../src/index.js'
import { type ReviewVerdict, settleRun } from '../../../src/pipeline/journal/settle-run.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, READY, SENDING, stateOf, storeOf, UNKNOWN } from '../generate/prepared-runs.js'
import { down, isDown, isInvalid, isRefusal, recordedStore } from './recorded-store.js'

type Changes = Partial<RunState>

const DAY_MS = 86_400_000
const JOB: ReviewVerdict = { operation: { id: 'found' } }
const AT_FIRST: ReviewVerdict = { ...JOB, generator: 'first' }
const REVIEW: Changes = { status: 'needs-review', submission: UNKNOWN, endedAt: NOW }
const FAILED: Changes = { status: 'failed', submission: UNKNOWN, endedAt: NOW }
const elsewhere = { generator: 'gone' }

const first = fakeTaskGenerator({ name: 'first' })
const second = fakeTaskGenerator({ name: 'second' })
type Among = readonly [TaskGenerator, ...TaskGenerator[]]

const generatorOf = (among: Among) => (among.length === 1 ? first : fallback([...among]))

/** A person who looks, a day later, at `run_1` of a store. */
async function world(
  changes: Changes,
  {
    chain = [first],
    totalMs = 1000,
    change = () => ({}),
  }: {
    readonly chain?: Among
    readonly totalMs?: number
    readonly change?: (store: RunStore) => Partial<RunStore>
  } = {},
) {
  const clock = manualClock()
  const memory = await storeOf([stateOf('run_1', changes)], clock)
  await clock.advance(DAY_MS)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const generator = generatorOf(chain)
  const config = configOf({ generator, store, clock, deadlines: { totalMs } })
  const settle = (verdict: ReviewVerdict = JOB, id = 'run_1') => settleRun(config, id, verdict)
  const stored = async () => (await memory.load('run_1'))?.state
  return { config, memory, callsOf, settle, stored, generator }
}

describe('a verdict', () => {
  const verdictFix = "give 'not-submitted' or { operation }, with operation as the generator has it"
  const jobFix = "give the job as the generator has it, such as { id: 'video_123' }"

  it.each<[unknown, string, string, string]>([
    ['submitted', 'verdict', '"submitted"', verdictFix],
    [undefined, 'verdict', 'nothing', verdictFix],
    [null, 'verdict', 'null', verdictFix],
    [{}, 'verdict.operation', 'nothing', jobFix],
    [{ operation: undefined }, 'verdict.operation', 'nothing', jobFix],
    [{ operation: () => 1 }, 'verdict.operation', 'a function', jobFix],
    [{ operation: 1, generator: 5 }, 'verdict.generator', '5', 'give the name of a generator, or leave it out'],
    [Object.assign(() => 1, { operation: null }), 'verdict', 'a function', verdictFix],
  ])('that is %o is refused, and the store is not called', async (verdict, field, value, fix) => {
    const { config, callsOf } = await world(REVIEW)
    const settling = settleRun(config, 'run_1', verdict as ReviewVerdict)
    await expect(settling).rejects.toMatchObject(isInvalid(field, value, fix))
    expect(callsOf('load')).toEqual([])
  })
})

it('has no deadline any more where the pipeline has none now', async () => {
  const { settle, stored } = await world({ ...REVIEW, deadlineAt: 1 }, { totalMs: Number.POSITIVE_INFINITY })
  await settle()
  expect(await stored()).not.toHaveProperty('deadlineAt')
})

describe('a run that a person can settle', () => {
  it.each<[string, Changes, ReviewVerdict]>([
    ['is in review, with a job', REVIEW, JOB],
    ['is in review, without a job', REVIEW, 'not-submitted'],
    ['lost the answer to its submission and failed', FAILED, JOB],
    ['was aborted in the middle of its submission', { ...FAILED, submission: SENDING, isAborted: true }, JOB],
    ['failed although it has a job', { ...FAILED, submission: acceptedJob('x') }, JOB],
    ['lost an answer of a generator that is gone', { submission: { ...UNKNOWN, ...elsewhere } }, AT_FIRST],
    ['was submitted to a generator that is gone', { submission: { ...SENDING, ...elsewhere } }, AT_FIRST],
    ['has a job at a generator that is gone', { submission: { ...acceptedJob('x'), ...elsewhere } }, AT_FIRST],
    ['is without a job at a generator that is gone', { submission: { ...UNKNOWN, ...elsewhere } }, 'not-submitted'],
  ])('%s', async (_, changes, verdict) => {
    const { settle, stored } = await world(changes)
    await settle(verdict)
    const state = verdict === 'not-submitted' ? 'ready' : 'accepted'
    expect(await stored()).toMatchObject({ status: 'running', submission: { state } })
  })

  it('continues as one that is due, and its deadlines begin again', async () => {
    const handle = { generator: 'first', operation: { id: 'x' }, startedAt: NOW }
    const { settle, stored } = await world({
      ...FAILED,
      isAborted: true,
      worker: 'former',
      deadlineAt: NOW + 1,
      error: { name: 'Error', code: 'aborted', message: 'Aborted', isRetryable: false },
      upstream: { state: 'unknown', generator: 'first', handle },
    })
    await settle()
    const settledAt = NOW + DAY_MS
    const state = await stored()
    expect(state).toMatchObject({
      status: 'running',
      wakeAt: settledAt,
      stepStartedAt: settledAt,
      deadlineAt: settledAt + 1000,
    })
    const gone = ['error', 'endedAt', 'isAborted', 'worker', 'upstream']
    expect(Object.keys(state ?? {}).filter((field) => gone.includes(field))).toEqual([])
  })
})

describe('a run that needs no person', () => {
  it.each<[string, Changes, ReviewVerdict]>([
    ['is running', { submission: UNKNOWN }, JOB],
    ['is running with its job', { submission: acceptedJob('x') }, JOB],
    ['is yet to be sent to a generator that is gone', { submission: { ...READY, ...elsewhere } }, AT_FIRST],
    ['has its video', { ...FAILED, status: 'completed', submission: acceptedJob('x'), video: { id: 'v' } }, JOB],
    [
      'completed at a generator that is gone',
      { status: 'completed', submission: { ...UNKNOWN, ...elsewhere } },
      AT_FIRST,
    ],
    ['failed by a refusal', { ...FAILED, submission: READY }, JOB],
    ['failed by a refusal that left it as sent', { ...FAILED, submission: SENDING }, JOB],
    ['failed after its video', { ...FAILED, submission: acceptedJob('x'), video: { id: 'v' } }, JOB],
  ])('%s', async (_, changes, verdict) => {
    const { settle, memory } = await world(changes)
    const before = await memory.load('run_1')
    const status = changes.status ?? 'running'
    const error = isRefusal(`Could not settle the run, it is not in review but ${status}: run_1`)
    await expect(settle(verdict)).rejects.toMatchObject(error)
    expect(await memory.load('run_1')).toEqual(before)
  })

  it('failed, and would be submitted again', async () => {
    const { settle, memory } = await world(FAILED)
    const before = await memory.load('run_1')
    const fix = 'settle it with the id of the right job, or retry it as another run, which pays another job'
    const message = `Could not settle the run as not submitted, it has failed and has or may have a job: run_1; ${fix}`
    await expect(settle('not-submitted')).rejects.toMatchObject(isRefusal(message))
    expect(await memory.load('run_1')).toEqual(before)
  })

  it.each(['running', 'needs-review'] as const)('is %s, and version 0.1.0 saved no submission', async (status) => {
    const { submission: _, ...unsent } = stateOf('run_1', { status })
    const { settle } = await world(
      {},
      { change: () => ({ load: async () => ({ version: 1, state: unsent as never }) }) },
    )
    for (const verdict of [JOB, 'not-submitted'] as const)
      await expect(settle(verdict)).rejects.toMatchObject({ code: 'run-state' })
  })

  it('is not known to the store', async () => {
    const { settle } = await world(REVIEW)
    const error = isRefusal('Could not settle the run, the store does not know it: run_2')
    await expect(settle(JOB, 'run_2')).rejects.toMatchObject(error)
  })
})

describe('the generator of a job that was found', () => {
  const chain: Among = [first, second]

  it.each<[string, Changes, ReviewVerdict, Among, TaskGenerator]>([
    ['that of the submission', REVIEW, JOB, chain, first],
    ['the one that the verdict names', REVIEW, { ...JOB, generator: 'second' }, chain, second],
    [
      'the only one, for version 0.1.0',
      { ...REVIEW, submission: { ...UNKNOWN, generator: null } },
      JOB,
      [first],
      first,
    ],
  ])('is %s', async (_, changes, verdict, among, found) => {
    const { settle, stored, generator } = await world(changes, { chain: among })
    await settle(verdict)
    expect((await stored())?.submission).toMatchObject({
      cursor: generatorRoutesOf(generator).locate(found),
      generator: found.name,
      handle: { generator: found.name, operation: { id: 'found' }, startedAt: NOW + DAY_MS },
    })
  })

  it.each<[string, Changes, ReviewVerdict, Among]>([
    ['is not in the chain', REVIEW, { ...JOB, generator: 'gone' }, chain],
    ['is gone', { ...REVIEW, submission: { ...UNKNOWN, ...elsewhere } }, JOB, chain],
    ['is gone from a chain of one', { ...REVIEW, submission: { ...UNKNOWN, ...elsewhere } }, JOB, [first]],
    ['was not saved by version 0.1.0', { ...REVIEW, submission: { ...UNKNOWN, generator: null } }, JOB, chain],
  ])('has to be named when it %s', async (_, changes, verdict, among) => {
    const { settle, callsOf } = await world(changes, { chain: among })
    const names = among.map(({ name }) => name).join(', ')
    const message = `Could not settle the run with a job, no generator of the chain fits it: run_1; give { operation, generator }, one of ${names}`
    await expect(settle(verdict)).rejects.toMatchObject(isRefusal(message))
    expect([callsOf('claim'), callsOf('save')]).toEqual([[], []])
  })
})

describe('a run that is settled', () => {
  it('is left unchanged when another run has claimed the job', async () => {
    const { settle, memory, callsOf } = await world(REVIEW)
    await memory.claim('job:first', '{"id":"found"}', 'run_2')
    const error = isRefusal('Could not settle the run run_1, another run has claimed the job: {"id":"found"}')
    await expect(settle()).rejects.toMatchObject(error)
    expect(callsOf('save')).toEqual([])
  })

  it('without a job claims nothing', async () => {
    const { settle, callsOf } = await world(REVIEW)
    await settle('not-submitted')
    expect(callsOf('claim')).toEqual([])
  })

  it.each([
    ['load', 'Could not read the run, the store is down: run_1'],
    ['claim', 'Could not claim the job, the store is down: run_1'],
    ['save', 'Could not settle the run, the store is down: run_1'],
  ])('needs %s() of the store', async (method, message) => {
    const { settle } = await world(REVIEW, { change: () => ({ [method]: down }) })
    await expect(settle()).rejects.toMatchObject(isDown(message))
  })

  it('is left to another process that saved in between', async () => {
    const other = toStoredRun(stateOf('run_1', { ...REVIEW, wakeAt: NOW + 7 }))
    const { settle, stored } = await world(REVIEW, {
      change: (store) => ({
        claim: async (...given) => {
          await store.save('run_1', 1, other)
          return store.claim(...given)
        },
      }),
    })
    await expect(settle()).rejects.toMatchObject({ code: 'run-fenced' })
    expect(await stored()).toMatchObject({ status: 'needs-review', wakeAt: NOW + 7 })
  })
})
