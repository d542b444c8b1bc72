import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TimerQueue } from '../../src/timing/timer-queue.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('a queue of timers', () => {
  it('rings each one once, on time, in the order in which they are due, without those that were stopped', async () => {
    const plan = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 40 }), stopsAt: fc.option(fc.nat(40)) }), {
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(plan, async (entries) => {
        const queue = new TimerQueue(true)
        const rung: { at: number; index: number }[] = []
        const from = performance.now()
        const timers = entries.map(({ ms }, index) =>
          queue.add(ms, () => rung.push({ at: performance.now() - from, index })),
        )
        for (let at = 0; at <= 45; at += 1) {
          for (const [index, { stopsAt }] of entries.entries()) if (stopsAt === at) timers[index]?.stop()
          await pass(1)
        }
        const expected = entries
          .map(({ ms, stopsAt }, index) => ({ at: ms, index, stopsAt: stopsAt ?? 100 }))
          .filter(({ at, stopsAt }) => stopsAt >= at)
          .sort((a, b) => a.at - b.at || a.index - b.index)
          .map(({ at, index }) => ({ at, index }))
        expect(rung).toEqual(expected)
        expect(vi.getTimerCount()).toBe(0)
      }),
    )
  })

  it('has one timer of the process for all of them, and none when all were stopped', () => {
    const queue = new TimerQueue(true)
    const timers = Array.from({ length: 5000 }, (_, index) => queue.add(60_000 - index, () => undefined))
    expect(vi.getTimerCount()).toBe(1)
    for (const timer of timers) timer.stop()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits on after a timer of the process that was early', async () => {
    const queue = new TimerQueue(true)
    let rings = 0
    const first = queue.add(10, () => undefined)
    queue.add(20, () => {
      rings += 1
    })
    first.stop()
    await pass(19)
    expect(rings).toBe(0)
    await pass(1)
    expect(rings).toBe(1)
  })

  it('rings a timer that was added while it rings in a later turn', async () => {
    const queue = new TimerQueue(true)
    const rung: string[] = []
    queue.add(5, () => {
      rung.push('first')
      queue.add(0, () => rung.push('second'))
    })
    queue.add(5, () => rung.push('third'))
    await pass(5)
    expect(rung).toEqual(['first', 'third'])
    await pass(1)
    expect(rung).toEqual(['first', 'third', 'second'])
  })

  it('rings the others when one throws', async () => {
    const queue = new TimerQueue(true)
    let rings = 0
    queue.add(5, () => {
      throw new Error('broken')
    })
    queue.add(5, () => {
      rings += 1
    })
    await expect(pass(5)).rejects.toThrow('broken')
    await pass(1)
    expect(rings).toBe(1)
  })

  it('works on when a test replaces the timers of the process', async () => {
    vi.useRealTimers()
    const queue = new TimerQueue(true)
    const before = queue.add(60_000, () => undefined)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    let rings = 0
    queue.add(70_000, () => {
      rings += 1
    })
    await pass(200_000)
    expect(rings).toBe(1)
    before.stop()
    expect(vi.getTimerCount()).toBe(0)
  })
})

it.each([
  [true, false],
  [false, false],
])('a released queue does not keep the process alive (kept before: %s)', (isHolding, isKept) => {
  vi.useRealTimers()
  const start = vi.spyOn(globalThis, 'setTimeout')
  const isKeptBy = () => start.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())
  const queue = new TimerQueue(isHolding)
  const timer = queue.add(60_000, () => undefined)
  expect(isKeptBy()).toEqual([isHolding])
  queue.release()
  const later = queue.add(30_000, () => undefined)
  expect(isKeptBy().at(-1)).toBe(isKept)
  timer.stop()
  later.stop()
})
