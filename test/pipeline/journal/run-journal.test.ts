import { describe, expect, it } from 'vitest'
import type { RunStore } from '../../../src/index.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator } from '../../../src/testing/index.js'
import { steppingClock } from '../../support/stepping-clock.js'
import { acceptedJob, NOW, READY, SENDING, sessionOf, stateOf, storeOf, UNKNOWN } from '../generate/prepared-runs.js'
import { down, isDown, isRefusal, recordedStore } from './recorded-store.js'

type Changes = Partial<RunState>

/** The journal of `run_1` in a process that opened it. */
async function world(changes: Changes, change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const clock = steppingClock()
  const state = stateOf('run_1', changes)
  const memory = await storeOf([state], clock)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const session = sessionOf({ generator: fakeTaskGenerator({ name: 'first' }), store, clock }, state)
  const stored = async () => (await memory.load('run_1'))?.state
  return { clock, memory, session, journal: session.journal, callsOf, stored }
}

describe('a run that was read', () => {
  it('is held once it was saved with this worker', async () => {
    const { journal } = await world({ submission: UNKNOWN })
    expect(journal.isHeld).toBe(false)
    await journal.hold()
    expect(journal.isHeld).toBe(true)
  })

  it('is not held by a beat that hangs', async () => {
    const { journal, clock } = await world({}, () => ({ heartbeat: () => new Promise(() => {}) }))
    const message = 'Could not heartbeat in the store, no answer within: 10000 ms'
    await expect(clock.runUntil(journal.hold())).rejects.toMatchObject(isDown(message))
    expect(journal.isHeld).toBe(false)
  })
})

describe('when a run is due', () => {
  it.each<[string, RunState['submission'], readonly unknown[]]>([
    ['with the readings of its job', acceptedJob('x'), [{ atMs: 0 }]],
    ['without readings where it has no job', UNKNOWN, []],
    ['without readings before its submission', READY, []],
  ])('is saved without its state, %s', async (_, submission, readings) => {
    const { journal, memory, callsOf } = await world({ submission } as Changes)
    journal.note({ wakeAt: NOW + 5000 })
    await journal.reschedule()
    expect(callsOf('reschedule')).toEqual([['run_1', 1, NOW + 5000, readings]])
    expect(await memory.load('run_1')).toMatchObject({ version: 1, state: { wakeAt: NOW + 5000 } })
    expect([journal.writes, callsOf('save')]).toEqual([1, []])
  })

  it('is saved for a run of version 0.1.0 without a submission', async () => {
    const { journal, callsOf } = await world({ submission: undefined } as object)
    await journal.reschedule()
    expect(callsOf('reschedule')).toEqual([['run_1', 1, NOW, []]])
  })

  it('cannot be saved to a store that is down', async () => {
    const { journal } = await world({}, () => ({ reschedule: down }))
    const error = isDown('Could not save when the run is due, the store is down: run_1')
    await expect(journal.reschedule()).rejects.toMatchObject(error)
    expect(journal.writes).toBe(0)
  })
})

describe('a run that is read again', () => {
  it('continues in the time that the other process saved', async () => {
    const { journal, memory, clock } = await world({})
    await clock.advance(1000)
    const time = { wall: NOW + 1000, run: NOW + 60_000 }
    await memory.save('run_1', 1, toStoredRun(stateOf('run_1', { time, wakeAt: NOW + 4000 })))
    await journal.reload()
    expect([journal.time.now(), journal.time.waitMs]).toEqual([NOW + 60_000, 3000])
  })

  it('keeps the warnings of this process', async () => {
    const { journal, memory } = await world({})
    const warnings = [
      { code: 'store-unavailable', message: 'here' },
      { code: 'store-unavailable', message: 'there' },
    ] as const
    journal.note({ warnings: [warnings[0]] })
    await memory.save('run_1', 1, toStoredRun(stateOf('run_1', { warnings: [warnings[1]] })))
    await journal.reload()
    expect(journal.state.warnings).toEqual([warnings[1], warnings[0]])
  })

  it('and that the store lost is an error with the handle of its job', async () => {
    const { journal } = await world({ submission: acceptedJob('x') }, () => ({ load: async () => undefined }))
    const error = isRefusal('Could not continue the run, the store lost it: run_1')
    await expect(journal.reload()).rejects.toMatchObject({ ...error, handle: acceptedJob('x').handle })
  })

  it.each<[string, (store: RunStore) => Promise<unknown>, boolean]>([
    ['is not overtaken where nothing was saved', async () => undefined, false],
    ['is overtaken where another process saved', (s) => s.save('run_1', 1, toStoredRun(stateOf('run_1'))), true],
    [
      'is overtaken where the store forgot it',
      (s) => s.prune?.({ endedBefore: NOW + 1, now: NOW + 1 }) ?? s.due(0, 1),
      true,
    ],
  ])('%s', async (_, act, isOvertaken) => {
    const { journal, memory } = await world({ status: 'failed', endedAt: NOW })
    await act(memory)
    expect(await journal.isOvertaken()).toBe(isOvertaken)
  })
})

describe('a run that this process leaves', () => {
  it('has something to save while it is running here, or its end is not saved', async () => {
    const { journal } = await world({ submission: acceptedJob('x') })
    expect(journal.isToBeLeft).toBe(false)
    await journal.hold()
    expect(journal.isToBeLeft).toBe(true)
    await journal.saveUnsaved(false)
    expect(journal.isToBeLeft).toBe(false)
    journal.note({ status: 'failed', endedAt: NOW })
    expect(journal.isToBeLeft).toBe(true)
    await journal.save({})
    expect(journal.isToBeLeft).toBe(false)
  })

  it.each([
    ['taken back', true],
    ['saved later', false],
  ])('has nothing more to save once its last save is %s in the background', async (_, isTakenBack) => {
    let isDownNow = false
    const { journal, clock, stored } = await world({ submission: READY }, (store) => ({
      save: (...given) => (isDownNow ? down() : store.save(...given)),
    }))
    await journal.hold()
    isDownNow = true
    await expect(journal.save({ submission: SENDING })).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
    expect(journal.isToBeLeft).toBe(true)
    if (isTakenBack) journal.takeBack({ submission: READY })
    else journal.saveLater()
    expect(journal.isToBeLeft).toBe(false)
    isDownNow = false
    await clock.advance(1000)
    const state = await stored()
    expect(state).not.toHaveProperty('worker')
    expect(state).toMatchObject({ submission: { state: isTakenBack ? 'ready' : 'sending' } })
  })
})
