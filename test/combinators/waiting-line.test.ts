import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WaitingLine } from '../../src/combinators/waiting-line.js'
import { fakeContext, manualClock } from '../../src/testing/index.js'

const refused = new Error('refused')
const refusal = () => refused

describe('WaitingLine', () => {
  it('foresees the member for the next call, and takes nothing by it', async () => {
    const clock = manualClock()
    const line = new WaitingLine([1, 1])
    expect(line.foresee([0, 1])).toBe(0)
    expect(line.foresee([1])).toBe(1)
    await expect(line.take([0, 1], fakeContext({ clock }))).resolves.toBe(0)
    expect(line.foresee([0, 1])).toBe(1)
    line.rest(1, { ms: 1000 }, clock)
    line.release(0)
    expect(line.foresee([0, 1])).toBe(0)
    await expect(line.take([0, 1], fakeContext({ clock }))).resolves.toBe(0)
    // No member is free: the least busy, which comes back in time.
    expect(line.foresee([0, 1])).toBe(1)
    await clock.advance(1000)
    expect(line.foresee([0, 1])).toBe(1)
  })

  it('gives nothing to a call that has left already', async () => {
    const line = new WaitingLine([1])
    await expect(line.take([0], fakeContext({ signal: AbortSignal.abort('enough') }))).rejects.toBe('enough')
    await expect(line.take([0], fakeContext())).resolves.toBe(0)
  })

  it('serves the calls in line before one that comes just when a rest has ended', async () => {
    const clock = manualClock()
    let now = 0
    // Its time passes before its sleepers wake, as that of a busy process does.
    const late = { ...clock, monotonic: () => now }
    const line = new WaitingLine([1])
    line.rest(0, { ms: 1000 }, late)
    const order: string[] = []
    const first = line.take([0], fakeContext({ clock: late })).then(() => order.push('first'))
    now = 1000
    const second = line.take([0], fakeContext({ clock: late })).then(() => order.push('second'))
    await first
    line.release(0)
    await second
    expect(order).toEqual(['first', 'second'])
  })

  it('leaves nothing on a signal that outlives the waiting', async () => {
    const clock = manualClock()
    const { signal } = new AbortController()
    const line = new WaitingLine([1])
    await line.take([0], fakeContext({ clock, signal }))
    const waiting = line.take([0], fakeContext({ clock, signal }))
    await clock.advance(0)
    line.release(0)
    await waiting
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('refuses at once only when all rest for what does not pass by waiting', async () => {
    const clock = manualClock()
    const line = new WaitingLine([1, 1])
    line.rest(0, { ms: 1000, refusal }, clock)
    await expect(line.take([0], fakeContext({ clock }))).rejects.toBe(refused)
    line.rest(1, { ms: 500 }, clock)
    const waiting = line.take([0, 1], fakeContext({ clock }))
    await clock.advance(500)
    await expect(waiting).resolves.toBe(1)
    await clock.advance(500)
    await expect(line.take([0], fakeContext({ clock }))).resolves.toBe(0)
  })

  it('keeps waiting for a busy member after a refused one has rested, and for one that is only busy', async () => {
    const clock = manualClock()
    const line = new WaitingLine([1, 1])
    await line.take([0], fakeContext({ clock }))
    await line.take([1], fakeContext({ clock }))
    const waiting = line.take([0, 1], fakeContext({ clock }))
    await clock.advance(0)
    line.rest(0, { ms: 1000, refusal }, clock)
    await clock.advance(100)
    line.release(1)
    await expect(waiting).resolves.toBe(1)
  })

  it('lets a call wait for a member that is busy again after it was refused', async () => {
    const clock = manualClock()
    const line = new WaitingLine([1])
    line.rest(0, { ms: 1000, refusal }, clock)
    await clock.advance(1000)
    await line.take([0], fakeContext({ clock }))
    const waiting = line.take([0], fakeContext({ clock }))
    line.release(0)
    await expect(waiting).resolves.toBe(0)
  })

  it('ignores a later, shorter rest and its reason', async () => {
    const clock = manualClock()
    const line = new WaitingLine([1])
    line.rest(0, { ms: 1000, refusal }, clock)
    line.rest(0, { ms: 1000 }, clock)
    line.rest(0, { ms: 500 }, clock)
    await expect(line.take([0], fakeContext({ clock }))).rejects.toBe(refused)
    await clock.advance(999)
    await expect(line.take([0], fakeContext({ clock }))).rejects.toBe(refused)
  })

  it('wakes when a rest that was made longer meanwhile has ended', async () => {
    const clock = manualClock()
    const line = new WaitingLine([1])
    line.rest(0, { ms: 500 }, clock)
    const waiting = line.take([0], fakeContext({ clock })).then(() => clock.monotonic())
    await clock.advance(100)
    line.rest(0, { ms: 2000 }, clock)
    await expect(clock.runUntil(waiting)).resolves.toBe(2100)
    expect(clock.pending).toBe(0)
  })
})
