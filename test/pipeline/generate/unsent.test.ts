import { describe, expect, it } from 'vitest'
import { type RunStore, SoraPipeline } from '../../../src/index.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, stateOf, storeOf } from './prepared-runs.js'

/**
 * A process that cannot beat while its intent is being saved, so that it does not send; the store is down when the intent is to be
 * taken back.
 */
async function setUp() {
  const clock = manualClock()
  const memory = await storeOf([stateOf('run_1')], clock)
  const outage = { isOver: false, refusals: 0 }
  let saves = 0
  const isDown = () => {
    if (saves === 0 || outage.isOver) return false
    outage.refusals += 1
    return true
  }
  const store: RunStore = {
    ...memory,
    heartbeat: async (worker, ttlMs) => {
      if (isDown()) throw new Error('down')
      return memory.heartbeat(worker, ttlMs)
    },
    save: async (id, version, state) => {
      const isIntent = Object(state.submission).state === 'sending'
      if (!isIntent && isDown()) throw new Error('down')
      if (isIntent) {
        saves += 1
        await clock.sleep(15_000)
      }
      return memory.save(id, version, state)
    },
  }
  const generator = fakeTaskGenerator({ name: 'first' })
  const make = (of: RunStore) =>
    new SoraPipeline({ generator, store: of, clock, pollSchedule: () => 1000, storeTimeoutMs: 20_000 })
  return { clock, memory, generator, outage, make, pipeline: make(store) }
}

describe('an intent that was saved and not sent', () => {
  it.each([
    ['a run', (pipeline: SoraPipeline) => pipeline.resume('run_1').result],
    ['one step', (pipeline: SoraPipeline) => pipeline.advance('run_1')],
  ])('by %s is taken back once the store is there again, and any process may send it then', async (_, work) => {
    const { clock, memory, generator, outage, make, pipeline } = await setUp()
    await expect(clock.runUntil(work(pipeline) as Promise<unknown>)).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: true,
      message:
        'Could not save the run, nothing was sent yet, and it continues under its id once it is recovered or resumed: run_1',
    })
    expect((await memory.load('run_1'))?.state.submission).toMatchObject({ state: 'sending' })
    expect(outage.refusals).toBeGreaterThan(0)
    outage.isOver = true
    await clock.advance(60_000)
    const loaded = await memory.load('run_1')
    expect(loaded?.state).toMatchObject({ status: 'running', submission: { state: 'ready', sentAt: null } })
    expect(loaded?.state.worker).toBeUndefined()
    expect(generator.startCount).toBe(0)
    await expect(clock.runUntil(make(memory).resume('run_1').result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })

  it('is not taken back over the job that another process has accepted meanwhile', async () => {
    const clock = manualClock()
    const memory = await storeOf([stateOf('run_1')], clock)
    const job = { ...stateOf('run_1', { submission: acceptedJob('x'), wakeAt: NOW + 60_000 }), worker: 'other' }
    let saves = 0
    const store: RunStore = {
      ...memory,
      heartbeat: async (worker, ttlMs) => {
        if (saves > 0) throw new Error('down')
        return memory.heartbeat(worker, ttlMs)
      },
      save: async (id, version, state) => {
        if (Object(state.submission).state !== 'sending') return memory.save(id, version, state)
        saves += 1
        await clock.sleep(15_000)
        const saved = await memory.save(id, version, state)
        await memory.heartbeat('other', 600_000)
        await memory.save(id, saved, toStoredRun(job))
        return saved
      },
    }
    const generator = fakeTaskGenerator({ name: 'first' })
    const pipeline = new SoraPipeline({ generator, store, clock, storeTimeoutMs: 20_000 })
    const run = pipeline.resume('run_1')
    await clock.advance(120_000)
    const loaded = await memory.load('run_1')
    expect(loaded?.state).toMatchObject({ worker: 'other', submission: acceptedJob('x') })
    expect([generator.startCount, generator.pollCount]).toEqual([0, 0])
    await Promise.all([expect(run.result).rejects.toMatchObject({ code: 'run-state' }), pipeline.close()])
  })
})
