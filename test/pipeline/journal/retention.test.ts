import { describe, expect, it } from 'vitest'
import { FencedError, type RunStore } from '../../../src/index.js'
import { dropMedia, eraseRun, type PruneOptions, pruneRuns } from '../../../src/pipeline/journal/retention.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { storedRequest } from '../../../src/pipeline/state/stored-request.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { NOW, REQUEST, sessionOf, stateOf, storeOf } from '../generate/prepared-runs.js'
import { down, isDown, isInvalid, isRefusal, recordedStore } from './recorded-store.js'

const PNG = { bytes: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' }
const { request, media } = storedRequest({ ...REQUEST, image: PNG }, { canKeepMedia: true })
const SHA256 = media[0]?.sha256 ?? ''
const ENDED: Partial<RunState> = { status: 'failed', endedAt: NOW, request }

const generator = fakeTaskGenerator({ name: 'first' })

/** A store with `run_1` and the image of its request. */
async function world(changes: Partial<RunState>, change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const clock = manualClock()
  const state = stateOf('run_1', changes)
  const memory = await storeOf([state], clock)
  await memory.putMedia?.('run_1', SHA256, PNG.bytes)
  await clock.advance(1000)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const config = configOf({ generator, store, clock })
  const hasMedia = async () => (await memory.getMedia?.(SHA256)) !== undefined
  return { clock, config, memory, store, state, callsOf, hasMedia }
}

const fenced = async (): Promise<never> => {
  throw new FencedError('Could not save the run, version 1 is not the newest: run_1')
}

describe('a run that is erased', () => {
  it('keeps its outcome, without its request and its media', async () => {
    const { config, memory, hasMedia } = await world({ ...ENDED, owner: 'o' })
    await eraseRun(config, 'run_1')
    const erased = { status: 'failed', owner: 'o', erasedAt: NOW + 1000 }
    const state = (await memory.load('run_1'))?.state
    expect(state).toMatchObject(erased)
    expect(state?.request).toEqual({ prompt: '' })
    expect(await hasMedia()).toBe(false)
  })

  it.each<[string, Partial<RunState>]>([
    ['is running; cancel it', {}],
    ['is in review; settle it', { status: 'needs-review' }],
  ])('is missing when it %s', async (reason, changes) => {
    const { config, callsOf } = await world({ ...changes, request })
    const error = isRefusal(`Could not erase the run, it ${reason}: run_1`)
    await expect(eraseRun(config, 'run_1')).rejects.toMatchObject(error)
    expect([callsOf('save'), callsOf('dropMedia')]).toEqual([[], []])
  })

  it('is missing when the store does not know it', async () => {
    const { config } = await world(ENDED)
    const error = isRefusal('Could not erase the run, the store does not know it: run_2')
    await expect(eraseRun(config, 'run_2')).rejects.toMatchObject(error)
  })

  it('is erased as another process saved it meanwhile', async () => {
    let isSaved = false
    const { config, memory } = await world(ENDED, (store) => ({
      save: async (...given) => {
        if (!isSaved) await store.save('run_1', 1, toStoredRun(stateOf('run_1', { ...ENDED, removedAt: NOW + 7 })))
        isSaved = true
        return store.save(...given)
      },
    }))
    await eraseRun(config, 'run_1')
    expect(await memory.load('run_1')).toMatchObject({
      version: 3,
      state: { request: { prompt: '' }, removedAt: NOW + 7 },
    })
  })

  it.each([
    ['is tried five times', 4, 5, undefined],
    ['is given up after five tries', 10, 5, 'run-fenced'],
  ])('while other processes save it %s', async (_, races, tries, code) => {
    let left = races
    const { config, callsOf, hasMedia } = await world(ENDED, (store) => ({
      save: (...given) => {
        left -= 1
        return left >= 0 ? fenced() : store.save(...given)
      },
    }))
    const outcome = await eraseRun(config, 'run_1').catch((error: unknown) => error)
    expect(Object(outcome).code).toBe(code)
    expect(callsOf('save')).toHaveLength(tries)
    expect(await hasMedia()).toBe(code !== undefined)
  })

  it.each([
    ['save', 'Could not erase the run, the store is down: run_1'],
    ['dropMedia', 'Could not remove the media, the store is down: run_1'],
  ])('needs %s() of the store', async (method, message) => {
    const { config, callsOf } = await world(ENDED, () => ({ [method]: down }))
    await expect(eraseRun(config, 'run_1')).rejects.toMatchObject(isDown(message))
    expect(callsOf('save')).toHaveLength(1)
  })

  it('may be of a store that keeps no media', async () => {
    const { config, memory } = await world(ENDED, () => ({ dropMedia: undefined }) as never)
    await eraseRun(config, 'run_1')
    expect((await memory.load('run_1'))?.state.request).toEqual({ prompt: '' })
  })
})

describe('runs that are pruned', () => {
  it('ended before an instant that is not in the future', async () => {
    const { config, memory } = await world(ENDED)
    expect(await pruneRuns(config, { endedBefore: NOW })).toBe(0)
    expect(await pruneRuns(config, { endedBefore: NOW + 1000 })).toBe(1)
    expect(await memory.load('run_1')).toBeUndefined()
  })

  it.each<[unknown, string]>([
    [{ endedBefore: NOW + 1001 }, String(NOW + 1001)],
    [{ endedBefore: 'now' }, '"now"'],
    [{}, 'nothing'],
  ])('refuse %o', async (options, value) => {
    const { config, callsOf } = await world(ENDED)
    const fix = `give epoch milliseconds that are not in the future, such as ${NOW + 1000}`
    const error = isInvalid('endedBefore', value, fix)
    await expect(pruneRuns(config, options as PruneOptions)).rejects.toMatchObject(error)
    expect(callsOf('prune')).toEqual([])
  })

  it.each([
    [undefined, isRefusal('Could not prune the runs, this store has no prune()')],
    [down, isDown('Could not prune the runs, the store is down')],
  ])('need prune() of the store', async (prune, error) => {
    const { config } = await world(ENDED, () => ({ prune }) as never)
    await expect(pruneRuns(config, { endedBefore: NOW })).rejects.toMatchObject(error)
  })
})

describe('the media of a run that ended', () => {
  const drop = async (changes: Partial<RunState>, change?: (store: RunStore) => Partial<RunStore>) => {
    const all = await world(changes, change)
    const session = sessionOf({ generator, ...all }, all.state)
    await dropMedia(session)
    return { ...all, warnings: session.state.warnings }
  }

  it.each(['completed', 'failed'] as const)('is removed once the store knows that it %s', async (status) => {
    const { hasMedia, warnings } = await drop({ ...ENDED, status })
    expect([await hasMedia(), warnings]).toEqual([false, []])
  })

  it.each(['running', 'needs-review'] as const)('stays while the run is %s', async (status) => {
    const { hasMedia, callsOf } = await drop({ request, status })
    expect([await hasMedia(), callsOf('dropMedia')]).toEqual([true, []])
  })

  it('is not searched for where the request has none', async () => {
    const { callsOf } = await drop({ ...ENDED, request: REQUEST })
    expect(callsOf('dropMedia')).toEqual([])
  })

  it('that stays is a warning', async () => {
    const { warnings } = await drop(ENDED, () => ({ dropMedia: down }))
    const message = 'Could not remove the media of the run: unexpected'
    expect(warnings).toEqual([{ code: 'store-unavailable', message }])
  })

  it('is skipped for a store that keeps none', async () => {
    const { warnings } = await drop(ENDED, () => ({ dropMedia: undefined }) as never)
    expect(warnings).toEqual([])
  })
})
