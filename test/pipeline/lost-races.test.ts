import { describe, expect, it } from 'vitest'
import {
  balance,
  memoryStore,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type StoredRun,
  SubmissionUnknownError,
  type TaskGenerator,
} from '../../src/index.js'
import type { RunState } from '../../src/pipeline/state/run-state.js'
import { fakeGenerator, fakePublisher, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }

type State = RunState & StoredRun

/**
 * A store to which another process saves a change of its own right before each save that is picked, so that this one loses the
 * race, `times` times.
 */
function contended(picks: (state: State) => boolean, change: (state: State) => object, times: number) {
  const store = memoryStore()
  let lost = 0
  const save: RunStore['save'] = async (id, version, state) => {
    if (lost < times && picks(state as State)) {
      lost += 1
      const present = await store.load(id)
      await store.save(id, present?.version ?? 0, change(present?.state as State) as StoredRun)
    }
    return store.save(id, version, state)
  }
  const stateOf = async (id: string) => (await store.load(id))?.state as State
  return { store: { ...store, save }, stateOf, lost: () => lost }
}

function start(store: RunStore, options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ polls: 3 })
  const pipeline = new SoraPipeline({ generator, clock, store, pollSchedule: () => 1000, ...options })
  return { clock, generator, pipeline, run: pipeline.run(request, { id: 'run_1' }) }
}

const aborted = ({ worker: _, ...state }: State) => ({
  ...state,
  status: 'failed',
  isAborted: true,
  error: { name: 'Error', code: 'aborted', message: 'the user left', isRetryable: false },
})
const same = (state: State) => state
const hasBegun = ({ submission }: State) => submission?.state === 'sending'
const isAccepted = ({ submission }: State) => submission?.state === 'accepted'

describe('a job that was accepted', () => {
  it.each([1, 4])('is saved after %i lost races, and continues', async (times) => {
    const { store, stateOf, lost } = contended(isAccepted, same, times)
    const { clock, generator, run } = start(store)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect(lost()).toBe(times)
    expect(generator).toMatchObject({ startCount: 1, pollCount: 4 })
    expect(await stateOf('run_1')).toMatchObject({ submission: { handle: { operation: { id: 'task_1' } } } })
  })

  it('is in the error when other processes never stop to save', async () => {
    const { store, lost } = contended(isAccepted, same, 9)
    const { clock, generator, run } = start(store)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not save an accepted job, other processes keep saving: run_1',
      handle: { generator: 'fake-task-generator', operation: { id: 'task_1' } },
    })
    expect(lost()).toBe(5)
    expect(generator.startCount).toBe(1)
  })

  it.each([
    ['for a moment is kept', 3, 'resolves'],
    ['for good is in the error and the last event', Number.POSITIVE_INFINITY, 'rejects'],
  ] as const)('while the store cannot be read %s', async (_, failures, outcome) => {
    // Another process has taken the run, so that its lease was lost while the submission was under way.
    const review = ({ worker: _, ...state }: State) => ({ ...state, status: 'needs-review' })
    const { store } = contended((state) => isAccepted(state), review, 1)
    let saves = 0
    let fails = 0
    const save: RunStore['save'] = (...given) => {
      saves += 1
      return store.save(...given)
    }
    const load: RunStore['load'] = async (id) => {
      fails += 1
      if (fails <= failures && saves > 1) throw new Error('ECONNREFUSED')
      return store.load(id)
    }
    const task = fakeTaskGenerator()
    const generator: TaskGenerator = {
      ...task,
      start: async (input, context) => {
        await context.clock.sleep(60_000, context)
        return task.start(input, context)
      },
    }
    const { clock, run } = start({ ...store, save, load }, { generator })
    const handle = { generator: 'fake-task-generator', operation: { id: 'task_1' } }
    if (outcome === 'resolves') {
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    } else {
      const message = 'Could not continue the run, the store is down: run_1'
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'run-state', message, handle })
      expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed', upstream: { state: 'running', handle } })
    }
    expect(fails).toBeGreaterThan(3)
    expect(task.startCount).toBe(1)
  })

  it('that another process has given up is reported by no process as a second one', async () => {
    let isTaken = false
    const next = {
      cursor: null,
      generator: 'fake-task-generator',
      upstream: null,
      number: 2,
      state: 'ready',
      sentAt: null,
    }
    const { store } = contended(
      () => isTaken,
      (state) => ({ ...state, submission: next }),
      1,
    )
    const generator = fakeTaskGenerator({ polls: 2 })
    const dead = manualClock()
    new SoraPipeline({ generator, store, pollSchedule: () => 1000, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(500)
    isTaken = true
    const clock = manualClock({ now: dead.now() + 60_000 })
    const { result } = new SoraPipeline({ generator, store, pollSchedule: () => 1000, clock }).resume('run_1')
    await expect(clock.runUntil(result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect(generator.startCount).toBe(2)
  })

  it('is cancelled when the run is aborted while the store cannot be read', async () => {
    const { store } = contended(isAccepted, same, 1)
    let isDown = false
    const save: RunStore['save'] = (id, version, state) => {
      isDown ||= isAccepted(state as unknown as State)
      return store.save(id, version, state)
    }
    const load: RunStore['load'] = async (id) => {
      if (isDown) throw new Error('ECONNREFUSED')
      return store.load(id)
    }
    const { clock, generator, run } = start({ ...store, save, load })
    await clock.advance(1500)
    await run.cancel('enough')
    expect(generator).toMatchObject({ startCount: 1, cancelCount: 1 })
    const handle = { generator: 'fake-task-generator', operation: { id: 'task_1' } }
    expect((await collect(run)).at(-1)).toMatchObject({ isAborted: true, upstream: { state: 'cancelled', handle } })
  })

  it('takes a run back that another process had put in review for it', async () => {
    const review = ({ worker: _, ...state }: State) => ({
      ...state,
      status: 'needs-review',
      error: { name: 'x', code: 'run-state', message: 'x', isRetryable: false },
    })
    const { store, stateOf } = contended(isAccepted, review, 1)
    const { clock, run } = start(store)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect(await stateOf('run_1')).not.toHaveProperty('error')
  })

  it('that another process has found meanwhile does not count as a second one', async () => {
    const found = (state: State) => ({
      ...state,
      submission: {
        ...state.submission,
        state: 'accepted',
        handle: { generator: 'fake-task-generator', operation: { id: 'task_1' }, startedAt: 0 },
        readings: [],
        misses: 0,
        lastingMisses: 0,
      },
    })
    const { store } = contended(isAccepted, found, 1)
    const { clock, generator, run } = start(store)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect(generator.startCount).toBe(1)
    expect((await collect(run)).map(({ type }) => type)).not.toContain('stage-failed')
  })

  it('by a run that is at another submission in another process is reported as a warning', async () => {
    const ahead = (state: State) => ({ ...state, submission: { ...state.submission, number: 2 } })
    const { store } = contended(isAccepted, ahead, 1)
    const { clock, run } = start(store)
    await clock.runUntil(run.result.catch(() => undefined))
    const warnings = (await collect(run)).filter(({ type }) => type === 'warning')
    expect(warnings).toMatchObject([
      {
        stage: 'generate',
        code: 'duplicate-submission',
        message: 'A second job was accepted; check it at fake-task-generator: {"id":"task_1"}',
      },
    ])
  })

  it('by a run that was aborted in another process is cancelled, and kept in the state', async () => {
    const { store, stateOf } = contended(isAccepted, aborted, 1)
    const { clock, generator, run } = start(store)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'aborted', message: 'the user left' })
    expect(generator).toMatchObject({ startCount: 1, cancelCount: 1, pollCount: 0 })
    const handle = { generator: 'fake-task-generator', operation: { id: 'task_1' } }
    const events = await collect(run)
    expect(events.at(-1)).toMatchObject({
      type: 'run-failed',
      isAborted: true,
      upstream: { state: 'cancelled', handle },
    })
    expect(events.map(({ type }) => type)).not.toContain('warning')
    expect(await stateOf('run_1')).toMatchObject({ status: 'failed', isAborted: true, submission: { handle } })
    expect(await stateOf('run_1')).not.toHaveProperty('worker')
  })
})

describe('the video of one long call', () => {
  it('can still be opened when the run was aborted in another process meanwhile', async () => {
    const { store, stateOf } = contended(isAccepted, aborted, 1)
    const openUrl = async (url: string) => new Blob([url]).stream()
    const { clock, pipeline, run } = start(store, { generator: fakeGenerator({ delayMs: 60_000 }), openUrl })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'aborted' })
    expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'finished' } })
    const { video, candidates } = await stateOf('run_1')
    expect(candidates).toMatchObject([{ url: video?.url, servedBy: 'generator' }])
    expect(await new Response(await (await pipeline.openVideo('run_1')).open()).text()).toBe(video?.url)
  })

  it('that is saved after a lost race leaves the next stages all of their time', async () => {
    const hasVideo = ({ video }: State) => video !== undefined
    const { store } = contended(hasVideo, same, 1)
    const generator = fakeGenerator({ delayMs: 900_000 })
    const { clock, run } = start(store, { generator, publisher: fakePublisher(), uploader: fakeUploader() })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'uploader', isDegraded: false })
    const events = await collect(run)
    expect(events.filter(({ type }) => type === 'stage-started')).toMatchObject([
      { stage: 'generate' },
      { stage: 'publish' },
      { stage: 'upload' },
    ])
  })
})

describe('the end of a run', () => {
  const isFailed = ({ status }: State) => status === 'failed'
  const failing = () => fakeGenerator({ outcome: new Error('no credit') })
  const elsewhere = (state: State) => ({ ...state, worker: 'another' })
  const ended = ({ worker: _, ...state }: State) => ({ ...state, status: 'failed', isAborted: true })

  it.each([1, 4])('is saved after %i lost races', async (times) => {
    const { store, stateOf, lost } = contended(isFailed, same, times)
    const { clock, run } = start(store, { generator: failing() })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'generation-failed' })
    expect(lost()).toBe(times)
    const error = { code: 'generation-failed' }
    expect(await stateOf('run_1')).toMatchObject({ status: 'failed', isAborted: false, error, endedAt: clock.now() })
    expect((await collect(run)).map(({ type }) => type)).not.toContain('warning')
  })

  it('that cannot be saved for other processes is reported as a warning', async () => {
    const { store, stateOf, lost } = contended(isFailed, same, 9)
    const { clock, run } = start(store, { generator: failing() })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'generation-failed' })
    expect(lost()).toBe(6) // The last one in the background.
    expect(await stateOf('run_1')).toMatchObject({ status: 'running' })
    expect((await collect(run)).slice(-2)).toMatchObject([
      { type: 'warning', code: 'store-unavailable', message: 'Could not save the end of the run: run-fenced' },
      { type: 'run-failed' },
    ])
  })

  it('is not saved over the work of a process that has taken the run', async () => {
    const { store, stateOf } = contended(isFailed, elsewhere, 1)
    const { clock, run } = start(store, { generator: failing() })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'generation-failed' })
    expect(await stateOf('run_1')).toMatchObject({ status: 'running', worker: 'another' })
    expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed', isAborted: false })
  })

  it('counts from anywhere when the caller aborts', async () => {
    const { store, stateOf } = contended(isFailed, elsewhere, 1)
    const { clock, run } = start(store)
    await clock.advance(1500)
    await run.cancel('enough')
    expect(await stateOf('run_1')).toMatchObject({ status: 'failed', isAborted: true, error: { code: 'aborted' } })
  })

  it('is that of the abort when another process saved it meanwhile', async () => {
    const { store, stateOf } = contended(isFailed, ended, 1)
    const { clock, run } = start(store, { generator: failing() })
    await clock.runUntil(run.result.catch(() => undefined))
    expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed', isAborted: true })
    expect(await stateOf('run_1')).not.toHaveProperty('error')
  })

  it('without an answer to its submission is a review also after a lost race', async () => {
    const { store, stateOf } = contended(({ status }) => status === 'needs-review', same, 1)
    const generator = fakeTaskGenerator({ starts: [new SubmissionUnknownError('Could not learn the outcome')] })
    const { clock, run } = start(store, { generator })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await stateOf('run_1')).status).toBe('needs-review')
  })
})

describe('the removal of a run', () => {
  const isRemoval = ({ removedAt }: State) => removedAt !== undefined

  it.each([1, 4])('is saved after %i lost races', async (times) => {
    const { store, lost } = contended(isRemoval, same, times)
    const { clock, pipeline, run } = start(store)
    await clock.runUntil(run.result)
    await pipeline.remove('run_1')
    expect(lost()).toBe(times)
    expect(await pipeline.get('run_1')).toBeUndefined()
  })

  it('gives up when other processes never stop to save', async () => {
    const { store, lost } = contended(isRemoval, same, 9)
    const { clock, pipeline, run } = start(store)
    await clock.runUntil(run.result)
    await expect(pipeline.remove('run_1')).rejects.toMatchObject({ code: 'run-fenced' })
    expect(lost()).toBe(5)
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'completed' })
  })

  it('is refused when another process has resumed it meanwhile', async () => {
    const store = memoryStore()
    const { clock, run } = start(store)
    await clock.runUntil(run.result)
    let loads = 0
    const load: RunStore['load'] = async (id) => {
      loads += 1
      const { version, state } = (await store.load(id)) as { version: number; state: StoredRun }
      return { version, state: { ...state, status: loads === 1 ? 'completed' : 'running' } }
    }
    const other = new SoraPipeline({ generator: fakeGenerator(), store: { ...store, load }, clock })
    await expect(other.remove('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not remove the run, it is still running: run_1',
    })
    expect((await store.load('run_1'))?.state).not.toHaveProperty('removedAt')
  })
})

describe('a process that lost a race', () => {
  it('takes its time when it loses one after the other, as with a store that counts wrong', async () => {
    const { store, lost } = contended(({ step }) => step === 'publish', same, Number.POSITIVE_INFINITY)
    const { clock, run } = start(store, { publisher: fakePublisher() })
    await clock.advance(600_000)
    expect(lost()).toBeGreaterThan(100)
    expect(lost()).toBeLessThan(2000)
    await run.cancel('enough')
    await expect(run.result).rejects.toBe('enough')
  })

  it('reports that the store no longer knows the run', async () => {
    const { store } = contended(hasBegun, same, 1)
    let isForgotten = false
    const save: RunStore['save'] = (...given) =>
      store.save(...given).catch((error: unknown) => {
        isForgotten = true
        throw error
      })
    const load: RunStore['load'] = async (id) => (isForgotten ? undefined : store.load(id))
    const { clock, run } = start({ ...store, save, load })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not continue the run, the store lost it: run_1',
    })
  })

  it('gives back its permission to have a job, for its other runs', async () => {
    const elsewhere = (state: State) => ({ ...state, worker: 'another' })
    const { store, lost } = contended(
      ({ id, submission }) => id === 'run_1' && submission?.state === 'sending',
      elsewhere,
      1,
    )
    const generator = balance([fakeTaskGenerator({ polls: 3 })], { concurrency: 1 })
    const { clock, pipeline, run } = start(store, { generator })
    await store.heartbeat('another', 60_000)
    await clock.advance(500)
    expect(lost()).toBe(1)
    await expect(clock.runUntil(pipeline.generate(request))).resolves.toMatchObject({ servedBy: 'generator' })
    await run.cancel('enough')
    await expect(run.result).rejects.toBe('enough')
  })
})
