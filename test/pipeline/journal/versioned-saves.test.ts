import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore, type StoredRun } from '../../../src/index.js'
import { withinTime } from '../../../src/pipeline/journal/store-calls.js'
import { TimedStore } from '../../../src/pipeline/journal/timed-store.js'
import { VersionedSaves } from '../../../src/pipeline/journal/versioned-saves.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, SENDING, stateOf, UNKNOWN } from '../generate/prepared-runs.js'
import { recordedStore } from './recorded-store.js'

const HANG_MS = 10_000

/** A state of `run_1` that a worker holds; `due` distinguishes the saves. */
const heldBy = (worker: string, due: number, changes: Partial<RunState> = {}) =>
  toStoredRun(stateOf('run_1', { worker, wakeAt: NOW + due, ...changes }))

type Landing = 'lands' | 'answer is lost' | 'does not land' | 'never answers'

/** The saves of the worker `own`; `landings` say what becomes of them, and those past the end land. */
async function world({ first = heldBy('own', 0), landings = [] as readonly Landing[] } = {}) {
  const clock = manualClock()
  const memory = memoryStore({ clock })
  await memory.create('run_1', first)
  let saved = 0
  const save: RunStore['save'] = async (...given) => {
    const landing = landings[saved] ?? 'lands'
    saved += 1
    if (landing === 'never answers') return new Promise(() => {})
    if (landing === 'does not land') throw new Error('connect ECONNREFUSED')
    const version = await memory.save(...given)
    if (landing === 'answer is lost') throw new Error('read ECONNRESET')
    return version
  }
  const { store: rawStore, callsOf } = recordedStore(memory, { save })
  const timed = new TimedStore({ rawStore, clock, storeTimeoutMs: HANG_MS }, () => Number.POSITIVE_INFINITY)
  const store = withinTime(rawStore, clock, () => HANG_MS)
  const saves = new VersionedSaves({
    id: 'run_1',
    config: { lease: { worker: 'own' }, rawStore, store, clock },
    timed,
    version: 1,
  })
  const present = async () => {
    const loaded = await memory.load('run_1')
    const { worker, wakeAt } = loaded?.state ?? { wakeAt: Number.NaN }
    return { version: loaded?.version, worker, due: wakeAt - NOW }
  }
  const lose = (state: StoredRun) => expect(saves.save(state)).rejects.not.toMatchObject({ code: 'run-fenced' })
  return { clock, memory, saves, present, callsOf, lose }
}

describe('a save', () => {
  it('counts from the version that was loaded', async () => {
    const { saves, present } = await world()
    await saves.save(heldBy('own', 1))
    await saves.save(heldBy('own', 2))
    expect(saves.version).toBe(3)
    expect(await present()).toEqual({ version: 3, worker: 'own', due: 2 })
  })

  it('is given up when the store does not answer', async () => {
    const { saves, clock } = await world({ landings: ['never answers'] })
    const saving = expect(saves.save(heldBy('own', 1))).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: true,
      message: 'Could not save in the store, no answer within: 10000 ms',
    })
    await clock.advance(HANG_MS)
    await saving
  })

  it('after one whose answer was lost replaces what that saved', async () => {
    const { saves, present, lose } = await world({ landings: ['answer is lost'] })
    await lose(heldBy('own', 1))
    await saves.save(heldBy('own', 2))
    expect(saves.version).toBe(3)
    expect(await present()).toEqual({ version: 3, worker: 'own', due: 2 })
  })

  it('after one that did not land is as if that had not been made', async () => {
    const { saves, present, lose, callsOf } = await world({ landings: ['does not land'] })
    await lose(heldBy('own', 1))
    await saves.save(heldBy('own', 2))
    expect(await present()).toEqual({ version: 2, worker: 'own', due: 2 })
    expect(callsOf('save')).toHaveLength(2)
  })

  it.each(['other', 'own'])('never replaces what was saved in between under the name of %s', async (worker) => {
    const { saves, memory, present, callsOf } = await world()
    await memory.save('run_1', 1, heldBy(worker, 9))
    await expect(saves.save(heldBy('own', 1))).rejects.toMatchObject({ code: 'run-fenced' })
    expect(await present()).toEqual({ version: 2, worker, due: 9 })
    expect(callsOf('save')).toHaveLength(1)
  })

  it('never replaces what another process saved, also when an answer was lost before', async () => {
    const { saves, memory, present, lose } = await world({ landings: ['answer is lost'] })
    await lose(heldBy('own', 1))
    await memory.save('run_1', 2, heldBy('other', 9))
    await expect(saves.save(heldBy('own', 2))).rejects.toMatchObject({ code: 'run-fenced' })
    expect(await present()).toEqual({ version: 3, worker: 'other', due: 9 })
  })

  it('of a run that the store forgot does not bring it back, also when an answer was lost before', async () => {
    const ended = heldBy('own', 1, { status: 'failed', endedAt: NOW })
    const { saves, memory, lose } = await world({ landings: ['answer is lost'] })
    await lose(ended)
    await memory.prune?.({ endedBefore: NOW + 1, now: NOW + 1 })
    await expect(saves.save(ended)).rejects.toMatchObject({ code: 'run-fenced' })
    expect(await memory.load('run_1')).toBeUndefined()
  })
})

describe('what the store has', () => {
  const loaded = (version: number, worker: string) => ({ version, state: heldBy(worker, 0) })

  it('is of another process when its version is another', async () => {
    const { saves } = await world()
    expect(saves.isOther(loaded(1, 'own'))).toBe(false)
    expect(saves.isOther(loaded(2, 'own'))).toBe(true)
    expect(saves.isOther(loaded(2, 'other'))).toBe(true)
  })

  it.each<[string, (saves: VersionedSaves) => Promise<void>]>([
    ['loaded', async (saves) => saves.adopt(2)],
    ['saved', (saves) => saves.save(heldBy('own', 2))],
  ])('may be of this process after a lost answer, until it is %s again', async (_, settle) => {
    const { saves, lose } = await world({ landings: ['answer is lost'] })
    await lose(heldBy('own', 1))
    expect([saves.isOther(loaded(2, 'own')), saves.isOther(loaded(2, 'other'))]).toEqual([false, true])
    await settle(saves)
    expect(saves.isOther(loaded(4, 'own'))).toBe(true)
  })

  it('is of another process after a save that was fenced', async () => {
    const { saves, memory } = await world()
    await memory.save('run_1', 1, heldBy('other', 9))
    await expect(saves.save(heldBy('own', 1))).rejects.toMatchObject({ code: 'run-fenced' })
    expect(saves.isOther(loaded(2, 'own'))).toBe(true)
  })
})

describe('a save that is taken back', () => {
  const sent = heldBy('own', 1, { submission: SENDING })
  const before = stateOf('run_1', { worker: 'own', wakeAt: NOW + 5 })

  it.each<[string, Landing]>([
    ['that landed', 'answer is lost'],
    ['that did not land', 'does not land'],
  ])('%s gives way to a run that is free', async (_, landing) => {
    const { saves, present, lose, clock } = await world({ landings: [landing] })
    await lose(sent)
    saves.takeBack(before)
    await clock.advance(0)
    expect(await present()).toMatchObject({ worker: undefined, due: 5 })
  })

  it('is taken back again while the store is down', async () => {
    const { saves, present, lose, clock } = await world({ landings: ['answer is lost', 'does not land'] })
    await lose(sent)
    saves.takeBack(before)
    await clock.advance(0)
    expect(await present()).toMatchObject({ worker: 'own', due: 1 })
    await clock.advance(1000)
    expect(await present()).toMatchObject({ worker: undefined, due: 5 })
  })

  it.each<[string, readonly StoredRun[]]>([
    ['another process', [heldBy('other', 9)]],
    ['another process, of the same submission,', [heldBy('other', 9, { submission: SENDING })]],
    ['the same worker', [heldBy('own', 9, { submission: acceptedJob('x') })]],
    ['the same worker, without another submission', [heldBy('own', 8), heldBy('own', 9, { submission: SENDING })]],
  ])('leaves what %s saved since', async (_, since) => {
    const { saves, memory, present, lose, clock, callsOf } = await world({ landings: ['does not land'] })
    await lose(sent)
    for (const [at, state] of since.entries()) await memory.save('run_1', at + 1, state)
    saves.takeBack(before)
    await clock.advance(60_000)
    expect(await present()).toMatchObject({ due: 9, version: since.length + 1 })
    expect(callsOf('save')).toHaveLength(1)
  })

  it('leaves a run that it did not take over', async () => {
    const { saves, present, lose, clock, callsOf } = await world({
      first: heldBy('other', 9),
      landings: ['does not land'],
    })
    await lose(sent)
    saves.takeBack(before)
    await clock.advance(60_000)
    expect(await present()).toEqual({ version: 1, worker: 'other', due: 9 })
    expect(callsOf('save')).toHaveLength(1)
  })

  it('does nothing for a run that the store forgot', async () => {
    const { saves, memory, lose, clock, callsOf } = await world({ landings: ['answer is lost'] })
    await lose(heldBy('own', 1, { status: 'failed', endedAt: NOW }))
    await memory.prune?.({ endedBefore: NOW + 1, now: NOW + 1 })
    saves.takeBack(before)
    await clock.advance(60_000)
    expect([callsOf('load').length, callsOf('save').length]).toEqual([1, 1])
  })

  it('does nothing where nothing was saved', async () => {
    const { saves, clock, callsOf } = await world()
    saves.takeBack(before)
    saves.saveInstead(before)
    await clock.advance(0)
    expect([clock.pending, callsOf('load'), callsOf('save')]).toEqual([0, [], []])
  })
})

describe('a save in the place of one that failed', () => {
  const late = stateOf('run_1', { worker: 'own', wakeAt: NOW + 5, submission: UNKNOWN })

  it('frees the run where only the answer to the save was lost', async () => {
    const { saves, present, lose, clock } = await world({ landings: ['answer is lost'] })
    await lose(heldBy('own', 5))
    expect(await present()).toMatchObject({ version: 2, worker: 'own' })
    saves.saveInstead(late)
    await clock.advance(1000)
    expect(await present()).toEqual({ version: 3, worker: undefined, due: 5 })
  })

  it('frees the run, as soon as the store works again', async () => {
    const { saves, present, lose, clock } = await world({ landings: ['does not land', 'does not land'] })
    await lose(heldBy('own', 1))
    saves.saveInstead(late)
    await clock.advance(1000)
    expect(await present()).toEqual({ version: 2, worker: undefined, due: 5 })
  })

  it('is given up when another process was faster', async () => {
    const { saves, memory, present, lose, clock, callsOf } = await world({ landings: ['does not land'] })
    await lose(heldBy('own', 1))
    await memory.save('run_1', 1, heldBy('other', 9))
    saves.saveInstead(late)
    await clock.advance(60_000)
    expect(await present()).toEqual({ version: 2, worker: 'other', due: 9 })
    expect(callsOf('save')).toHaveLength(2)
  })
})
