import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../../src/testing/index.js'
import { raceAbort, withDeadline } from '../../src/timing/deadline.js'

const late = new Error('late')
const never = () => new Promise<never>(() => undefined)

describe('withDeadline', () => {
  it('passes the result through and leaves no sleeper', async () => {
    const clock = manualClock()
    const options = { clock, timeoutMs: 1000, signal: new AbortController().signal, error: () => late }
    expect(await withDeadline(options, async () => 7)).toBe(7)
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })

  it('rejects a call that ignores its signal when the time is up, and aborts that signal', async () => {
    const clock = manualClock()
    let seen: AbortSignal | undefined
    const options = { clock, timeoutMs: 1000, signal: new AbortController().signal, error: () => late }
    const call = withDeadline(options, (limit) => {
      seen = limit.signal
      return never()
    })
    const checked = expect(call).rejects.toBe(late)
    await clock.advance(1000)
    await checked
    expect(seen?.reason).toBe(late)
  })

  it('rejects with the reason of the caller itself', async () => {
    const controller = new AbortController()
    const options = {
      clock: manualClock(),
      timeoutMs: Number.POSITIVE_INFINITY,
      signal: controller.signal,
      error: () => late,
    }
    const call = withDeadline(options, never)
    controller.abort('enough')
    await expect(call).rejects.toBe('enough')
    await expect(withDeadline(options, never)).rejects.toBe('enough')
  })

  it('leaves nothing on a signal that outlives it, and needs no timer for no limit', async () => {
    const clock = manualClock()
    const { signal } = new AbortController()
    const options = { clock, timeoutMs: Number.POSITIVE_INFINITY, signal, error: () => late }
    let sleepers: number | undefined
    await withDeadline(options, async () => {
      sleepers = clock.pending
    })
    await expect(withDeadline(options, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(sleepers).toBe(0)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('treats a call that throws synchronously like one that rejects', async () => {
    const options = { clock: manualClock(), timeoutMs: 1000, signal: new AbortController().signal, error: () => late }
    const call = withDeadline(options, () => {
      throw new TypeError('broken')
    })
    await expect(call).rejects.toThrow('broken')
  })
})

describe('raceAbort', () => {
  it('does not call when it is too late', async () => {
    let calls = 0
    const call = async () => {
      calls += 1
    }
    await expect(raceAbort(AbortSignal.abort('enough'), call)).rejects.toBe('enough')
    expect(calls).toBe(0)
  })

  it('leaves nothing on a signal that outlives it', async () => {
    const { signal } = new AbortController()
    await raceAbort(signal, async () => 7)
    await expect(raceAbort(signal, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    await Promise.resolve()
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})
