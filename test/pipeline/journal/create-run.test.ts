import { describe, expect, it } from 'vitest'
import type { RunStore } from '../../../src/index.js'
import { createRun } from '../../../src/pipeline/journal/create-run.js'
import { TimedStore } from '../../../src/pipeline/journal/timed-store.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { storedRequest } from '../../../src/pipeline/state/stored-request.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { NOW, REQUEST, stateOf, storeOf } from '../generate/prepared-runs.js'
import { down, isDown, recordedStore } from './recorded-store.js'

const PNG = { bytes: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' }
const HANG_MS = 10_000
const UNSAVED = 'Could not save the run, nothing was sent: run_1'

/** The creation of `run_1` by the worker of a pipeline, in a store with other runs. */
async function world({
  known = [],
  hasMedia = true,
  change = () => ({}),
}: {
  readonly known?: readonly RunState[]
  readonly hasMedia?: boolean
  readonly change?: (store: RunStore, fresh: () => RunState) => Partial<RunStore>
} = {}) {
  const clock = manualClock()
  const memory = await storeOf(known, clock)
  const { request, media } = storedRequest(hasMedia ? { ...REQUEST, image: PNG } : REQUEST, { canKeepMedia: true })
  const { store: rawStore, callsOf } = recordedStore(
    memory,
    change(memory, () => fresh),
  )
  const config = configOf({ generator: fakeTaskGenerator({ name: 'first' }), store: rawStore, clock })
  const fresh = stateOf('run_1', { request, worker: config.lease.worker })
  const timed = new TimedStore({ rawStore, clock, storeTimeoutMs: HANG_MS }, () => Number.POSITIVE_INFINITY)
  const create = () => createRun(config, { fresh, media, timed })
  const isMediaKept = async () => (await memory.getMedia?.(media[0]?.sha256 ?? '')) !== undefined
  return { clock, memory, fresh, create, callsOf, isMediaKept }
}

describe('a run that is created', () => {
  it('is in the store with its media, after a beat of its worker', async () => {
    const { create, memory, fresh, isMediaKept, callsOf, clock } = await world()
    expect(await create()).toBe(true)
    expect(await memory.load('run_1')).toMatchObject({ version: 1, state: fresh, beat: { isExpired: false } })
    await clock.advance(60_000)
    expect([await isMediaKept(), callsOf('save'), callsOf('dropMedia')]).toEqual([true, [], []])
  })

  it.each<[string, Partial<RunStore>, string]>([
    ['heartbeat', { heartbeat: () => new Promise(() => {}) }, 'heartbeat'],
    ['putMedia', { putMedia: () => new Promise(() => {}) }, 'putMedia'],
    ['create', { create: () => new Promise(() => {}) }, 'create'],
  ])('is refused when %s() has no answer', async (_, hang, method) => {
    const { create, clock } = await world({ change: () => hang })
    const creating = expect(create()).rejects.toMatchObject({
      ...isDown(UNSAVED),
      cause: { message: `Could not ${method} in the store, no answer within: ${HANG_MS} ms` },
    })
    await clock.advance(HANG_MS)
    await creating
  })

  it('is refused before anything is in the store where that cannot be reached', async () => {
    const { create, clock, callsOf } = await world({ change: () => ({ heartbeat: down }) })
    await expect(create()).rejects.toMatchObject(isDown(UNSAVED))
    await clock.advance(60_000)
    expect([callsOf('create'), callsOf('load'), callsOf('dropMedia')]).toEqual([[], [], []])
  })
})

describe('media of an id that the store knows', () => {
  it.each<[string, Partial<RunState>, boolean]>([
    ['stays for a run that is running', {}, true],
    ['stays for a run in review', { status: 'needs-review' }, true],
    ['goes for a run that completed', { status: 'completed', endedAt: NOW }, false],
    ['goes for a run that failed', { status: 'failed', endedAt: NOW }, false],
  ])('%s', async (_, changes, isKept) => {
    const { create, clock, memory, isMediaKept } = await world({ known: [stateOf('run_1', changes)] })
    const before = await memory.load('run_1')
    expect(await create()).toBe(false)
    await clock.advance(60_000)
    expect(await isMediaKept()).toBe(isKept)
    expect(await memory.load('run_1')).toEqual(before)
  })

  it('is not searched for where the request has none', async () => {
    const { create, clock, callsOf } = await world({ hasMedia: false, known: [stateOf('run_1')] })
    expect(await create()).toBe(false)
    await clock.advance(60_000)
    expect([callsOf('load'), callsOf('dropMedia')]).toEqual([[], []])
  })
})

describe('a run whose creation had no answer', () => {
  it.each([true, false])('and that is in the store is ended there as refused (with media: %s)', async (hasMedia) => {
    const { create, clock, memory, fresh, isMediaKept, callsOf } = await world({
      hasMedia,
      change: (store) => ({
        create: async (...given) => {
          await store.create(...given)
          throw new Error('read ECONNRESET')
        },
      }),
    })
    await expect(create()).rejects.toMatchObject(isDown(UNSAVED))
    await clock.advance(60_000)
    const { worker: _, ...unheld } = fresh
    const error = { code: 'run-state', message: UNSAVED, isRetryable: true }
    const state = (await memory.load('run_1'))?.state
    expect(state).toMatchObject({ ...unheld, status: 'failed', isRefused: true, endedAt: NOW, error })
    expect(state).not.toHaveProperty('worker')
    expect([await isMediaKept(), callsOf('dropMedia').length]).toEqual([false, hasMedia ? 1 : 0])
  })

  it('and that reaches the store late is ended then', async () => {
    let land: () => Promise<unknown> = async () => undefined
    const { create, clock, memory } = await world({
      change: (store) => ({
        create: (...given) =>
          new Promise((resolve) => {
            land = () => store.create(...given).then(resolve)
          }),
      }),
    })
    const creating = expect(create()).rejects.toMatchObject(isDown(UNSAVED))
    await clock.advance(HANG_MS)
    await creating
    await clock.advance(60_000)
    expect(await memory.load('run_1')).toBeUndefined()
    await land()
    await clock.advance(0)
    expect((await memory.load('run_1'))?.state).toMatchObject({ status: 'failed', isRefused: true })
  })

  it('and did not reach the store leaves no media there', async () => {
    const { create, clock, memory, isMediaKept } = await world({ change: () => ({ create: down }) })
    await expect(create()).rejects.toMatchObject(isDown(UNSAVED))
    await clock.advance(60_000)
    expect([await memory.load('run_1'), await isMediaKept()]).toEqual([undefined, false])
  })

  it.each<[string, (fresh: RunState) => readonly RunState[]]>([
    ['of another worker', (fresh) => [{ ...fresh, worker: 'other' }]],
    ['that started at another time', (fresh) => [{ ...fresh, startedAt: NOW - 1 }]],
    ['that was saved since', (fresh) => [fresh, fresh]],
  ])('leaves a run %s under its id', async (_, others) => {
    const { create, clock, memory, isMediaKept, callsOf } = await world({
      change: (store, fresh) => ({
        create: async () => {
          for (const [version, state] of others(fresh()).entries()) {
            if (version === 0) await store.create('run_1', toStoredRun(state))
            else await store.save('run_1', version, toStoredRun(state))
          }
          throw new Error('read ECONNRESET')
        },
      }),
    })
    await expect(create()).rejects.toMatchObject(isDown(UNSAVED))
    const before = await memory.load('run_1')
    await clock.advance(60_000)
    expect((await memory.load('run_1'))?.state).toEqual(before?.state)
    expect([await isMediaKept(), callsOf('save')]).toEqual([true, []])
  })

  it('has no media where the store keeps none', async () => {
    const { create, clock, callsOf } = await world({
      change: () => ({ create: down, putMedia: undefined, dropMedia: undefined }) as never,
    })
    await expect(create()).rejects.toMatchObject(isDown(UNSAVED))
    await clock.advance(60_000)
    expect(callsOf('load')).toHaveLength(1)
  })
})
