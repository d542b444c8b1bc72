import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore } from '../../../src/index.js'
import { MOST_RUNS, ownerSpending } from '../../../src/pipeline/journal/owner-spending.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { acceptedJob, NOW, stateOf } from '../generate/prepared-runs.js'
import { down, isDown, recordedStore } from './recorded-store.js'

const COMPLETED = { status: 'completed', step: 'finish', endedAt: NOW } as const
const priced = (cost: number, currency = 'USD') => ({ video: { id: 'v', usage: { cost, currency } } })

async function world(change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const memory = memoryStore({ maxEnded: 5_000 })
  const { store, callsOf } = recordedStore(memory, change(memory))
  const add = async (id: string, changes: Partial<RunState>) => {
    const isNew = await memory.create(id, toStoredRun(stateOf(id, { owner: 'ann', ...changes })))
    if (!isNew)
      await memory.save(
        id,
        (await memory.load(id))?.version ?? 0,
        toStoredRun(stateOf(id, { owner: 'ann', ...changes })),
      )
  }
  return { memory, callsOf, add, spending: ownerSpending(store), loads: () => callsOf('load').length }
}

describe('what an owner spent', () => {
  it('is the sum of the known costs of its runs, by currency', async () => {
    const { add, spending } = await world()
    await add('a', { ...COMPLETED, ...priced(0.5) })
    await add('b', { ...COMPLETED, ...priced(0.25) })
    await add('c', { ...COMPLETED, ...priced(3, 'EUR') })
    await add('d', { ...COMPLETED, video: { id: 'v' } })
    await add('running', { submission: { ...acceptedJob('x'), usage: { cost: 2 } } })
    await add('removed', { ...COMPLETED, ...priced(1), removedAt: NOW })
    await add('failed', { status: 'failed', endedAt: NOW, submission: { ...acceptedJob('y'), usage: { cost: 4 } } })
    await add('other', { ...COMPLETED, ...priced(100), owner: 'bob' })
    expect(await spending.of('ann')).toEqual({ USD: 7.75, EUR: 3 })
    expect(await spending.of('bob')).toEqual({ USD: 100 })
    expect(await spending.of('eve')).toEqual({})
    expect(await spending.of(undefined)).toEqual({ USD: 107.75, EUR: 3 })
  })

  it('loads each run that has ended once', async () => {
    const { add, spending, loads } = await world()
    for (let index = 0; index < 120; index += 1) await add(`run_${index}`, { ...COMPLETED, ...priced(1) })
    await add('running', {})
    expect(await spending.of('ann')).toEqual({ USD: 120 })
    expect(loads()).toBe(121)
    expect(await spending.of('ann')).toEqual({ USD: 120 })
    expect(loads()).toBe(122)
    await add('running', { ...COMPLETED, ...priced(5) })
    expect(await spending.of('ann')).toEqual({ USD: 125 })
    expect(await spending.of('ann')).toEqual({ USD: 125 })
    expect(loads()).toBe(123)
  })

  it('keeps a run in review open, because it may get a video', async () => {
    const { add, spending } = await world()
    await add('a', { status: 'needs-review', endedAt: NOW })
    expect(await spending.of('ann')).toEqual({})
    await add('a', { ...COMPLETED, ...priced(5) })
    expect(await spending.of('ann')).toEqual({ USD: 5 })
  })

  it('is that of the newest thousand runs', async () => {
    const { add, spending, callsOf } = await world()
    for (let index = 0; index < MOST_RUNS + 5; index += 1)
      await add(`run_${index}`, { ...COMPLETED, ...priced(index < 5 ? 1_000 : 1), startedAt: NOW + index })
    expect(await spending.of('ann')).toEqual({ USD: MOST_RUNS })
    expect(callsOf('list')).toEqual([[{ owner: 'ann', order: 'newest-first', limit: MOST_RUNS, withRemoved: true }]])
  })

  it('forgets the owner that submitted longest ago, and reads its runs again', async () => {
    const { add, spending, loads } = await world()
    await add('a', { ...COMPLETED, ...priced(1) })
    await spending.of('ann')
    for (let index = 0; index < 100; index += 1) await spending.of(`owner_${index}`)
    expect(await spending.of('ann')).toEqual({ USD: 1 })
    expect(loads()).toBe(2)
  })

  it('is not known while the store is down', async () => {
    const message = 'Could not read what the owner spent, the store is down'
    await expect((await world(() => ({ list: down }))).spending.of('ann')).rejects.toMatchObject(isDown(message))
    const unread = await world(() => ({ load: down }))
    await unread.add('a', { ...COMPLETED, ...priced(1) })
    await expect(unread.spending.of('ann')).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
  })

  it('leaves out runs that cannot be read or are gone', async () => {
    const { add, spending, memory } = await world((store) => ({
      load: async (id) => (id === 'gone' ? undefined : store.load(id)),
    }))
    await add('a', { ...COMPLETED, ...priced(1) })
    await add('gone', { ...COMPLETED, ...priced(1) })
    await memory.create('later', { status: 'completed', wakeAt: NOW, owner: 'ann', v: 99 })
    expect(await spending.of('ann')).toEqual({ USD: 1 })
  })
})
