import { describe, expect, it } from 'vitest'
import { type DueOptions, memoryStore, type RunStore } from '../../../src/index.js'
import { storedWakes } from '../../../src/pipeline/journal/stored-wakes.js'
import { manualClock } from '../../../src/testing/index.js'

type Due = RunStore['due']

/** The search of a worker that holds runs, in a store whose `due` is given. */
function searchIn(due: Due, ids: readonly string[]) {
  const clock = manualClock()
  const woken: string[] = []
  const held = new Set(ids.map((id) => ({ id, onWoken: () => woken.push(id) })))
  return { clock, woken, held, wakes: storedWakes({ store: { due }, clock, held }) }
}

describe('the search for wakes', () => {
  it('finds the runs of its worker among those of a store', async () => {
    const store = memoryStore()
    const at = (wakeAt: number) => ({ status: 'running', wakeAt }) as const
    await store.create('woken', at(0))
    await store.create('other', at(0))
    await store.create('overdue', at(1))
    const { wakes, woken } = searchIn(store.due, ['woken', 'overdue'])
    await wakes.search()
    expect(woken).toEqual(['woken'])
  })

  it('reads every page', async () => {
    const all = Array.from({ length: 2_500 }, (_, index) => `run_${index}`)
    const places: (string | undefined)[] = []
    const due = async (before: number, limit: number, { after }: DueOptions = {}) => {
      expect(before).toBe(0)
      places.push(after)
      const from = after === undefined ? 0 : all.indexOf(after) + 1
      return all.slice(from, from + limit)
    }
    const { wakes, woken } = searchIn(due, ['run_0', 'run_1700', 'run_2499'])
    await wakes.search()
    expect(woken).toEqual(['run_0', 'run_1700', 'run_2499'])
    expect(places).toEqual([undefined, 'run_999', 'run_1999'])
  })

  it('ends in a store that ignores where to continue', async () => {
    let calls = 0
    const due: Due = async (_, limit) => {
      calls += 1
      return Array.from({ length: limit }, (_, index) => `run_${index}`)
    }
    const { wakes, woken } = searchIn(due, ['run_5'])
    await wakes.search()
    expect([calls, woken]).toEqual([2, ['run_5']])
  })

  it('is one at a time, also when it is stopped and started during one', async () => {
    const ends: (() => void)[] = []
    const due: Due = () => new Promise((resolve) => ends.push(() => resolve([])))
    const { wakes, clock } = searchIn(due, [])
    wakes.start()
    await clock.advance(1000)
    wakes.stop()
    wakes.start()
    wakes.start()
    await clock.advance(5000)
    expect(ends).toHaveLength(1)
    ends[0]?.()
    await clock.advance(1000)
    expect(ends).toHaveLength(2)
    wakes.stop()
    ends[1]?.()
    await clock.advance(5000)
    expect(ends).toHaveLength(2)
  })
})
