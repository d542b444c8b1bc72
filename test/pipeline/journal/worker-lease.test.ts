import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore } from '../../../src/index.js'
import { type HeldRun, workerLease } from '../../../src/pipeline/journal/worker-lease.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { manualClock } from '../../../src/testing/index.js'
import { stateOf } from '../generate/prepared-runs.js'
import { down, recordedStore } from './recorded-store.js'

const LEASE_MS = 9000
const THIRD_MS = 3000

/** A lease of the worker `w`, in a store that has the runs `a` and `b` as version 1. */
async function world(change: (store: RunStore) => Partial<RunStore> = () => ({}), hasWebhooks?: boolean) {
  const clock = manualClock()
  const memory = memoryStore({ clock })
  for (const id of ['a', 'b']) await memory.create(id, toStoredRun(stateOf(id, { worker: 'w' })))
  const { store, callsOf } = recordedStore(memory, change(memory))
  const lease = workerLease({ worker: 'w', store, clock, leaseMs: LEASE_MS, hasWebhooks })
  const disturbed: string[] = []
  const woken: string[] = []
  const run = (id: string, version = 1): HeldRun => ({
    id,
    version,
    onOtherVersion: () => disturbed.push(id),
    onWoken: () => woken.push(id),
  })
  return { clock, memory, lease, run, disturbed, woken, callsOf, beats: () => callsOf('heartbeat').length }
}

/** A heartbeat whose calls end when they are released, in any order. */
function heldBack() {
  const releases: (() => void)[] = []
  const heartbeat = () => new Promise<void>((resolve) => void releases.push(resolve))
  return { heartbeat, release: (index: number) => releases[index]?.() }
}

describe('a beat', () => {
  it('is written once a third of the lease', async () => {
    const { lease, clock, beats } = await world()
    await lease.beat()
    await clock.advance(THIRD_MS - 1)
    await lease.beat()
    expect(beats()).toBe(1)
    await clock.advance(1)
    await lease.beat()
    expect(beats()).toBe(2)
  })

  it('is shared by all that need one at once', async () => {
    const { lease, beats } = await world()
    await Promise.all([lease.beat(), lease.beat()])
    expect(beats()).toBe(1)
  })

  it('lasts for the lease', async () => {
    const { lease, clock } = await world()
    expect(lease.isFresh()).toBe(false)
    await lease.beat()
    await clock.advance(LEASE_MS - 1)
    expect(lease.isFresh()).toBe(true)
    await clock.advance(1)
    expect(lease.isFresh()).toBe(false)
  })

  it('after a gap as long as the lease begins another row', async () => {
    const { lease, clock } = await world()
    const rows: number[] = []
    for (const gapMs of [0, LEASE_MS - 1, LEASE_MS, THIRD_MS, 2 * LEASE_MS]) {
      await clock.advance(gapMs)
      await lease.beat()
      rows.push(lease.row)
    }
    expect(rows).toEqual([1, 1, 2, 2, 3])
  })

  it('that hangs for a third of the lease is overtaken, and still ends', async () => {
    const { heartbeat, release } = heldBack()
    const { lease, clock, beats } = await world(() => ({ heartbeat }))
    const slow = lease.beat()
    await clock.advance(THIRD_MS)
    const second = lease.beat()
    expect(beats()).toBe(2)
    release(1)
    await second
    release(0)
    expect(await slow).toBeUndefined()
  })
})

describe('a worker that holds a run', () => {
  it.each([
    ['was never', undefined, 0],
    ['was just now', 0, THIRD_MS],
    ['was a while ago', 2000, 1000],
    ['is due', THIRD_MS, 0],
    ['is overdue', 5000, 0],
  ])('beats from when that is due, where its last beat %s', async (_, agoMs, firstMs) => {
    const { lease, clock, run, beats } = await world()
    if (agoMs !== undefined) {
      await lease.beat()
      await clock.advance(agoMs)
    }
    const before = beats()
    lease.hold(run('a'))
    if (firstMs > 0) {
      await clock.advance(firstMs - 1)
      expect(beats()).toBe(before)
    }
    await clock.advance(Math.min(firstMs, 1))
    expect(beats()).toBe(before + 1)
    await clock.advance(2 * THIRD_MS)
    expect(beats()).toBe(before + 3)
  })

  it('beats until it has let go of the last one', async () => {
    const { lease, clock, run, beats } = await world()
    const letGo = [lease.hold(run('a')), lease.hold(run('b'))]
    await clock.advance(0)
    letGo[0]?.()
    letGo[0]?.()
    await clock.advance(THIRD_MS)
    expect(beats()).toBe(2)
    letGo[1]?.()
    await clock.advance(10 * LEASE_MS)
    expect(beats()).toBe(2)
    expect(clock.pending).toBe(0)
  })

  it('beats on time while a beat hangs, and after the store was down', async () => {
    let failures = 2
    const { lease, clock, run, beats } = await world((store) => ({
      heartbeat: (...given) => {
        failures -= 1
        if (failures === 1) return new Promise(() => {})
        return failures === 0 ? down() : store.heartbeat(...given)
      },
    }))
    lease.hold(run('a'))
    await clock.advance(2 * THIRD_MS)
    expect(beats()).toBe(3)
    expect(lease.isFresh()).toBe(true)
  })
})

describe('a run that another process saved', () => {
  const stores: readonly (readonly [string, (store: RunStore) => Partial<RunStore>])[] = [
    ['with', () => ({})],
    ['without', () => ({ versions: undefined }) as never],
  ]

  it.each(stores)('is interrupted at the next beat, it alone, by a store %s versions()', async (_, change) => {
    const { lease, clock, run, memory, disturbed } = await world(change)
    lease.hold(run('a'))
    lease.hold(run('b'))
    await clock.advance(0)
    expect(disturbed).toEqual([])
    await memory.save('b', 1, toStoredRun(stateOf('b')))
    await clock.advance(THIRD_MS)
    expect(disturbed).toEqual(['b'])
  })

  it('is interrupted also where another cannot be read, or is forgotten', async () => {
    const { lease, clock, run, disturbed } = await world((store) => ({
      ...({ versions: undefined } as object),
      load: (id) => (id === 'a' ? down() : store.load(id)),
    }))
    for (const held of [run('a'), run('b', 2), run('forgotten')]) lease.hold(held)
    await clock.advance(0)
    expect(disturbed).toEqual(['a', 'b', 'forgotten'])
  })

  it('is not interrupted once it was let go of', async () => {
    const { lease, clock, run, disturbed } = await world((store) => ({
      versions: async (ids) => {
        letGo()
        return store.versions?.(ids) ?? []
      },
    }))
    const letGo = lease.hold(run('a', 2))
    lease.hold(run('b', 2))
    await clock.advance(0)
    expect(disturbed).toEqual(['b'])
  })
})

describe('a worker that stops', () => {
  it('leaves a store alone that it never beat in', async () => {
    const { lease, callsOf } = await world()
    await lease.retire()
    expect(callsOf('retire')).toEqual([])
  })

  it('takes its beat back', async () => {
    const { lease, callsOf, memory } = await world()
    await lease.beat()
    await lease.retire()
    expect(callsOf('retire')).toEqual([['w']])
    expect((await memory.load('a'))?.beat).toBeUndefined()
  })

  it('keeps its beat until it has let go of its last run', async () => {
    const { lease, clock, run, callsOf } = await world()
    const letGo = [lease.hold(run('a')), lease.hold(run('b'))]
    await clock.advance(0)
    await lease.retire()
    letGo[0]?.()
    await clock.advance(0)
    expect(callsOf('retire')).toEqual([])
    letGo[1]?.()
    await clock.advance(0)
    expect(callsOf('retire')).toEqual([['w']])
  })

  it('waits for a beat in progress, which would bring it back', async () => {
    const { heartbeat, release } = heldBack()
    const { lease, clock, callsOf } = await world(() => ({ heartbeat }))
    const beating = lease.beat()
    const retiring = lease.retire()
    await clock.advance(0)
    expect(callsOf('retire')).toEqual([])
    release(0)
    await Promise.all([beating, retiring])
    expect(callsOf('retire')).toEqual([['w']])
  })

  it('does not count as stopped when it only releases its runs', async () => {
    const { lease, clock, run, callsOf } = await world()
    const letGo = lease.hold(run('a'))
    await clock.advance(0)
    letGo()
    await clock.advance(0)
    expect(callsOf('retire')).toEqual([])
  })
})

describe('progress', () => {
  const at = (ratio: number) => ({ stage: 'generate', ratio }) as const

  it('is written at most once a second, the latest of each run', async () => {
    const { lease, clock, run, callsOf } = await world()
    lease.hold(run('a'))
    lease.hold(run('b'))
    lease.report('a', at(0.1))
    lease.report('b', at(0.2))
    await clock.advance(999)
    lease.report('a', at(0.3))
    expect(callsOf('report')).toEqual([])
    await clock.advance(1)
    const entries = [
      { id: 'a', progress: at(0.3) },
      { id: 'b', progress: at(0.2) },
    ]
    expect(callsOf('report')).toEqual([['w', entries]])
    await clock.advance(5000)
    expect(callsOf('report')).toHaveLength(1)
  })

  it('of a run that was let go of is not written', async () => {
    const { lease, clock, run, callsOf } = await world()
    const letGo = lease.hold(run('a'))
    lease.hold(run('b'))
    lease.report('a', at(0.1))
    lease.report('b', at(0.2))
    letGo()
    await clock.advance(1000)
    expect(callsOf('report')).toEqual([['w', [{ id: 'b', progress: at(0.2) }]]])
  })

  it('that came too late for its run does not delay that of the next one', async () => {
    const { lease, clock, run, callsOf } = await world()
    const letGo = [lease.hold(run('a')), lease.hold(run('b'))]
    letGo[0]?.()
    lease.report('a', at(0.1))
    letGo[1]?.()
    lease.report('a', at(0.2))
    lease.hold(run('b'))
    lease.report('b', at(0.3))
    await clock.advance(1000)
    expect(callsOf('report')).toEqual([['w', [{ id: 'b', progress: at(0.3) }]]])
  })

  it('costs no timer where the store keeps none, or no run is held', async () => {
    const { lease, clock, run } = await world(() => ({ report: undefined }) as never)
    lease.hold(run('a'))
    await clock.advance(0)
    lease.report('a', at(0.1))
    expect(clock.pending).toBe(1)
    const idle = await world()
    idle.lease.report('a', at(0.1))
    expect(idle.clock.pending).toBe(0)
  })
})

describe('a run that another process woke', () => {
  const wake = (memory: RunStore, id: string) => memory.reschedule(id, 1, 0, [])

  it('is woken with the next beat', async () => {
    const { lease, run, memory, clock, woken } = await world()
    lease.hold(run('a'))
    lease.hold(run('b'))
    await clock.advance(2)
    await wake(memory, 'b')
    await clock.advance(THIRD_MS - 3)
    const before = woken.length
    await clock.advance(3)
    expect([before, woken]).toEqual([0, ['b']])
  })

  it('is woken within a second where upstreams call back, until the store has another time', async () => {
    const { lease, run, memory, clock, woken, callsOf } = await world(undefined, true)
    const release = lease.hold(run('a'))
    await clock.advance(10)
    await wake(memory, 'a')
    await wake(memory, 'b')
    await clock.advance(990)
    expect(woken).toEqual(['a'])
    await clock.advance(1000)
    expect(woken).toEqual(['a', 'a'])
    await memory.reschedule('a', 1, clock.now() + 5000, [])
    await clock.advance(2000)
    expect(woken).toEqual(['a', 'a'])
    const searches = callsOf('due').length
    expect(searches).toBe(4)
    release()
    await clock.advance(10_000)
    expect(callsOf('due')).toHaveLength(searches)
  })

  it('is woken once the store is up again', async () => {
    let isDown = true
    const { lease, run, memory, clock, woken } = await world(
      (store) => ({ due: (...given) => (isDown ? down() : store.due(...given)) }),
      true,
    )
    lease.hold(run('a'))
    await wake(memory, 'a')
    await clock.advance(2000)
    expect(woken).toEqual([])
    isDown = false
    await clock.advance(1000)
    expect(woken).toEqual(['a'])
  })
})
