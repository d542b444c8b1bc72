import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { lazyPart } from '../../../src/contracts/lazy-part.js'
import type { RunStore, VideoRequest } from '../../../src/index.js'
import { EventLog } from '../../../src/pipeline/event-log.js'
import { openRun } from '../../../src/pipeline/journal/open-run.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import { RunWaits } from '../../../src/pipeline/run-waits.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, type ManualClock, manualClock } from '../../../src/testing/index.js'
import { LONGER, NOW, REQUEST, stateOf, storeOf } from '../generate/prepared-runs.js'
import { down, isDown, isRefusal, recordedStore } from './recorded-store.js'

const PNG = { bytes: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' }

/** The opening of `run_1`, in a store with prepared runs. */
async function world(
  states: readonly RunState[],
  {
    change = {},
    totalMs = 3_600_000,
    clock = manualClock(),
  }: { readonly change?: Partial<RunStore>; readonly totalMs?: number; readonly clock?: ManualClock } = {},
) {
  const memory = await storeOf(states, clock)
  const { store, callsOf } = recordedStore(memory, change)
  const generator = fakeTaskGenerator({ name: 'first' })
  const config = configOf({ generator, store, clock, deadlines: { totalMs } })
  const caller = new AbortController()
  const log = new EventLog(() => ({ runId: 'run_1', at: clock.now() }))
  const open = (request?: VideoRequest, owner?: string) =>
    openRun(config, {
      origin: { id: 'run_1', request, owner, isCallerId: true },
      log,
      signal: caller.signal,
      isResident: true,
      waits: new RunWaits(),
    })
  return { clock, memory, config, callsOf, open, caller }
}

const known = (changes: Partial<RunState> = {}) => stateOf('run_1', changes)

describe('a run that is opened', () => {
  it('with a request is created, and held by this worker', async () => {
    const { open, memory, config } = await world([])
    const session = await open(REQUEST, 'o')
    expect(session.isNew).toBe(true)
    const state = { status: 'running', request: REQUEST, owner: 'o', worker: config.lease.worker, isCallerId: true }
    expect((await memory.load('run_1'))?.state).toMatchObject({ ...state, deadlineAt: NOW + 3_600_000 })
  })

  it('with a request that the store knows under its id is joined', async () => {
    const { open, callsOf } = await world([known({ wakeAt: NOW + 7 })])
    const session = await open(REQUEST)
    expect([session.isNew, session.state.wakeAt]).toEqual([false, NOW + 7])
    expect(callsOf('save')).toEqual([])
  })

  it('again by the worker that the store names is not held before it is saved again', async () => {
    const { open, memory, config } = await world([])
    await config.lease.beat()
    await memory.create('run_1', toStoredRun(known({ worker: config.lease.worker })))
    const { journal } = await open()
    expect(journal.isHeld).toBe(false)
    await journal.hold()
    expect(journal.isHeld).toBe(true)
  })

  it('leaves no listener on a signal, which may be that of many runs', async () => {
    const { open, caller } = await world([])
    await open(REQUEST)
    expect(getEventListeners(caller.signal, 'abort')).toEqual([])
  })

  it('without a request is read', async () => {
    const { open } = await world([known({ owner: 'o' })])
    expect((await open()).state).toMatchObject({ owner: 'o', status: 'running' })
  })
})

describe('a run that cannot be opened', () => {
  it.each<[string, readonly RunState[], VideoRequest | undefined, string]>([
    ['is not known', [], undefined, 'Could not resume the run, the store does not know it'],
    ['is another request', [known()], LONGER, 'Could not join the run, its id belongs to a different request'],
    ['is of another owner', [known({ owner: 'o' })], REQUEST, 'Could not join the run, it belongs to another owner'],
  ])('%s', async (_, states, request, reason) => {
    const { open } = await world(states)
    await expect(open(request)).rejects.toMatchObject(isRefusal(`${reason}: run_1`))
  })

  it('is one that the store forgets meanwhile', async () => {
    const { open } = await world([], { change: { create: async () => false } })
    const message = 'Could not join the run, the store forgot it meanwhile: run_1'
    await expect(open(REQUEST)).rejects.toMatchObject(isRefusal(message))
  })

  it('is one of a process whose library lost a file, before anything is saved', async () => {
    let isMissing = true
    const missing = new Error("Cannot find module './part.js'")
    lazyPart(() => (isMissing ? Promise.reject(missing) : Promise.resolve('part')))
    const { open, callsOf } = await world([])
    const message =
      'Could not start the run run_1, nothing was sent: a part of the library cannot be loaded; restart the process'
    await expect(open(REQUEST)).rejects.toMatchObject({ ...isRefusal(message), isRetryable: true, cause: missing })
    expect([callsOf('create'), callsOf('heartbeat')]).toEqual([[], []])
    isMissing = false
    expect((await open(REQUEST)).isNew).toBe(true)
  })

  it('leaves no media for an id that the store knows', async () => {
    const { open, callsOf } = await world([known()])
    await expect(open({ ...REQUEST, image: PNG })).rejects.toMatchObject({ code: 'run-state' })
    expect([callsOf('putMedia'), callsOf('create')]).toEqual([[], []])
  })

  it.each([
    ['without', undefined, 'Could not read the run, the store is down: run_1'],
    ['with', REQUEST, 'Could not save the run, nothing was sent: run_1'],
  ])('is one of a store that is down, %s a request', async (_, request, message) => {
    const { open } = await world([], { change: { load: down, create: down } })
    await expect(open(request)).rejects.toMatchObject(isDown(message))
  })
})

describe('a store that hangs when a run is created', () => {
  const hang = { create: () => new Promise<never>(() => {}), load: () => new Promise<never>(() => {}) }
  const UNSAVED = 'Could not save the run, nothing was sent: run_1'

  it.each([
    ['for the time limit of the store', 3_600_000, 10_000],
    ['until a second after the deadline of the run', 3000, 4000],
  ])('is waited for %s', async (_, totalMs, waitedMs) => {
    const { open, clock } = await world([], { change: hang, totalMs })
    await clock.advance(20_000)
    await expect(clock.runUntil(open(REQUEST))).rejects.toMatchObject(isDown(UNSAVED))
    expect(clock.monotonic()).toBe(20_000 + waitedMs)
  })

  it('is given up within the time limit after an abort, whatever is under way then', async () => {
    const clock = manualClock()
    const slow = { ...hang, putMedia: () => clock.sleep(8000) }
    const { open, caller } = await world([], { change: { ...slow, load: async () => undefined }, clock })
    const opening = open({ ...REQUEST, image: PNG }).catch((error: unknown) => error)
    await clock.advance(7000)
    caller.abort(new Error('the user left'))
    expect(await clock.runUntil(opening)).toMatchObject(isDown(UNSAVED))
    expect(clock.monotonic()).toBe(17_000)
  })
})
