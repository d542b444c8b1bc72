import { describe, expect, it } from 'vitest'
import { FencedError, type RunStore } from '../../../src/index.js'
import { wakeStored } from '../../../src/pipeline/journal/wake-run.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, SENDING, stateOf, storeOf, UNKNOWN } from '../generate/prepared-runs.js'
import { down, isDown, isRefusal, recordedStore } from './recorded-store.js'

type Changes = Partial<RunState>

const LATER = NOW + 60_000
const JOB: Changes = { submission: acceptedJob('x'), wakeAt: LATER }

/** A store with `run_1`; the worker `live` beats, the beat of `late` has expired, and `gone` has none. */
async function world(changes: Changes, change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const clock = manualClock()
  const memory = await storeOf([stateOf('run_1', changes)], clock)
  await memory.heartbeat('live', 10_000)
  await memory.heartbeat('late', 1)
  await clock.advance(1)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const config = configOf({ generator: fakeTaskGenerator({ name: 'first' }), store, clock })
  return { clock, memory, callsOf, wake: (id = 'run_1') => wakeStored(config, id) }
}

const fenced = async (): Promise<never> => {
  throw new FencedError('Could not save the run, version 1 is not the newest: run_1')
}

describe('a run that is woken', () => {
  it.each<[string, Changes]>([
    ['that no worker holds', JOB],
    ['whose worker has no beat', { ...JOB, worker: 'gone' }],
    ['whose worker let its beat expire', { ...JOB, worker: 'late' }],
    ['that a process of version 0.1.0 held until now', { ...JOB, formerLease: { owner: 'old', until: NOW + 1 } }],
  ])('%s is due at once, with what is known of its job', async (_, changes) => {
    const { wake, memory, clock } = await world(changes)
    await wake()
    const loaded = await memory.load('run_1')
    expect(loaded).toMatchObject({ version: 1, state: { wakeAt: NOW + 1 }, readings: [{ atMs: 0 }] })
    expect(await memory.due(clock.now(), 1, { isFree: true })).toEqual(['run_1'])
  })

  it.each<[string, Changes]>([
    ['that a live worker holds and that was woken already', { ...JOB, worker: 'live', wakeAt: 0 }],
    ['that a process of version 0.1.0 still holds', { ...JOB, formerLease: { owner: 'old', until: NOW + 2 } }],
    ['that has failed with its job', { ...JOB, status: 'failed' }],
    ['that is in review', { ...JOB, status: 'needs-review' }],
    ['that already has its video', { ...JOB, step: 'publish' }],
    ['that is submitting', { ...JOB, submission: SENDING }],
    ['whose answer was lost', { ...JOB, submission: UNKNOWN }],
    ['that is due now', { ...JOB, wakeAt: NOW + 1 }],
    ['that was due earlier', { ...JOB, wakeAt: NOW }],
  ])('%s is left unchanged', async (_, changes) => {
    const { wake, memory, callsOf } = await world(changes)
    const before = await memory.load('run_1')
    await wake()
    expect(callsOf('reschedule')).toEqual([])
    expect(await memory.load('run_1')).toEqual(before)
  })

  it.each<[string, Changes]>([
    ['waits for its next poll', { ...JOB, worker: 'live' }],
    ['was polled since its state was saved', { ...JOB, worker: 'live', wakeAt: NOW }],
  ])('that a live worker holds is marked for that worker: it %s', async (_, changes) => {
    const { wake, memory } = await world(changes)
    await wake()
    const loaded = await memory.load('run_1')
    expect(loaded).toMatchObject({ version: 1, state: { wakeAt: 0 }, readings: [{ atMs: 0 }] })
    expect(await memory.due(0, 1)).toEqual(['run_1'])
    expect(await memory.due(NOW + 1, 1, { isFree: true })).toEqual([])
  })

  it('for which version 0.1.0 saved no submission is left unchanged', async () => {
    const { wake, callsOf } = await world({}, (memory) => ({
      load: async (id) => {
        const loaded = await memory.load(id)
        const { submission: _, ...state } = Object(loaded?.state)
        return loaded && { ...loaded, state: { ...state, wakeAt: LATER } }
      },
    }))
    await wake()
    expect(callsOf('reschedule')).toEqual([])
  })
})

describe('a run that cannot be woken', () => {
  it('is one that the store does not know, or that was removed', async () => {
    const { wake } = await world({ ...JOB, removedAt: 0 })
    for (const id of ['run_1', 'run_2']) {
      const error = isRefusal(`Could not wake the run, the store does not know it: ${id}`)
      await expect(wake(id)).rejects.toMatchObject(error)
    }
  })

  it('is one of a store that is down', async () => {
    const unread = await world(JOB, () => ({ load: down }))
    await expect(unread.wake()).rejects.toMatchObject(isDown('Could not read the run, the store is down: run_1'))
    let failures = 1
    const unsaved = await world(JOB, () => ({
      reschedule: async () => {
        failures -= 1
        if (failures >= 0) await down()
      },
    }))
    await expect(unsaved.wake()).rejects.toMatchObject(isDown('Could not wake the run, the store is down: run_1'))
    expect(unsaved.callsOf('reschedule')).toHaveLength(1)
  })
})

describe('a run that another process saves meanwhile', () => {
  it('is woken as that process saved it', async () => {
    const other = stateOf('run_1', { ...JOB, submission: { ...acceptedJob('x'), readings: [{ atMs: 7 }] } })
    let isSaved = false
    const { wake, memory } = await world(JOB, (store) => ({
      reschedule: async (...given) => {
        if (!isSaved) await store.save('run_1', 1, other as never)
        isSaved = true
        return store.reschedule(...given)
      },
    }))
    await wake()
    expect(await memory.load('run_1')).toMatchObject({
      version: 2,
      state: { wakeAt: NOW + 1 },
      readings: [{ atMs: 7 }],
    })
  })

  it('is marked for that process where it holds the run now', async () => {
    let isSaved = false
    const { wake, memory, callsOf } = await world(JOB, (store) => ({
      reschedule: async (...given) => {
        if (!isSaved) await store.save('run_1', 1, stateOf('run_1', { ...JOB, worker: 'live' }) as never)
        isSaved = true
        return store.reschedule(...given)
      },
    }))
    await wake()
    expect(callsOf('reschedule')).toHaveLength(2)
    expect(await memory.load('run_1')).toMatchObject({ version: 2, state: { wakeAt: 0 } })
  })

  it('is tried five times', async () => {
    let left = 4
    const lucky = await world(JOB, (store) => ({
      reschedule: (...given) => {
        left -= 1
        return left < 0 ? store.reschedule(...given) : fenced()
      },
    }))
    await lucky.wake()
    expect(lucky.callsOf('reschedule')).toHaveLength(5)

    left = 10
    const unlucky = await world(JOB, () => ({
      reschedule: async () => {
        left -= 1
        if (left >= 0) await fenced()
      },
    }))
    await expect(unlucky.wake()).rejects.toMatchObject({ code: 'run-fenced' })
    expect(unlucky.callsOf('reschedule')).toHaveLength(5)
  })
})
