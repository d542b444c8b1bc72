import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore, SoraPipeline, type SoraPipelineOptions, type StoredRun } from '../../src/index.js'
import type { RunState } from '../../src/pipeline/run-state.js'
import { fakeGenerator, fakePublisher, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }

type State = RunState & StoredRun

/**
 * A store to which another process saves a change of its own right before each save that is picked, so that this one loses the
 * race, `times` times in all.
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

const same = (state: State) => state
const isAccepted = ({ submission }: State) => submission?.state === 'accepted'

describe('a job that was accepted', () => {
  it.each([1, 4])('is saved after %i lost races, and goes on', async (times) => {
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

  it('takes a run back that another process had put in review for it', async () => {
    const review = ({ lease: _, ...state }: State) => ({
      ...state,
      status: 'needs-review',
      error: { name: 'x', code: 'run-state', message: 'x', isRetryable: false },
    })
    const { store, stateOf } = contended(isAccepted, review, 1)
    const { clock, run } = start(store)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect(await stateOf('run_1')).not.toHaveProperty('error')
  })

  it('that another process has found meanwhile is no second one', async () => {
    const found = (state: State) => ({
      ...state,
      submission: {
        ...state.submission,
        state: 'accepted',
        handle: { generator: 'fake-task-generator', operation: { id: 'task_1' }, startedAt: 0 },
      },
    })
    const { store } = contended(isAccepted, found, 1)
    const { clock, generator, run } = start(store)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect(generator.startCount).toBe(1)
  })

  it.each([
    ['was ended', ({ lease: _, ...state }: State) => ({ ...state, status: 'failed', isAborted: true })],
    ['is at another submission', (state: State) => ({ ...state, submission: { ...state.submission, number: 2 } })],
  ])('by a run that %s in another process is told as a warning', async (_, change) => {
    const { store } = contended(isAccepted, change, 1)
    const { clock, run } = start(store)
    await clock.runUntil(run.result.catch(() => undefined))
    const warnings = (await collect(run)).filter(({ type }) => type === 'warning')
    expect(warnings).toMatchObject([
      {
        stage: 'generate',
        code: 'duplicate-submission',
        message: 'A second job was accepted, look for it at fake-task-generator: {"id":"task_1"}',
      },
    ])
  })
})

describe('the video of one long call', () => {
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
