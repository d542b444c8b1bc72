import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Clock } from '../../src/index.js'
import { clockConformance } from '../../src/testing/index.js'
import { withDeadline } from '../../src/timing/deadline.js'
import { backgroundClock, systemClock } from '../../src/timing/system-clock.js'

describe('systemClock', () => {
  clockConformance({ test: it, create: async () => ({ clock: systemClock }) })

  it('waits for the signal alone when the time is endless', async () => {
    const controller = new AbortController()
    const sleep = systemClock.sleep(Number.POSITIVE_INFINITY, { signal: controller.signal })
    controller.abort('enough')
    await expect(sleep).rejects.toBe('enough')
  })
})

describe('backgroundClock', () => {
  clockConformance({ test: it, create: async () => ({ clock: backgroundClock }) })
})

it.each([
  ['systemClock', systemClock, true],
  ['backgroundClock', backgroundClock, false],
])('a sleep of %s keeps the process alive, or does not', async (_, clock, isWaitedFor) => {
  const start = vi.spyOn(globalThis, 'setTimeout')
  const controller = new AbortController()
  const sleep = clock.sleep(60_000, { signal: controller.signal })
  const timers = start.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())
  controller.abort('enough')
  await expect(sleep).rejects.toBe('enough')
  expect(timers).toEqual([isWaitedFor])
})

describe('a long sleep', () => {
  const LONGEST = 2_147_483_647

  afterEach(() => {
    vi.useRealTimers()
  })

  it('is made of several timers, and ends no earlier', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    let isOver = false
    const sleep = systemClock.sleep(LONGEST + 1000).then(() => {
      isOver = true
    })
    await vi.advanceTimersByTimeAsync(LONGEST + 999)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await sleep
    expect(vi.getTimerCount()).toBe(0)
  })

  it('continues to wait when its timer is early', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const now = vi.spyOn(performance, 'now').mockReturnValue(0)
    const sleep = systemClock.sleep(1000)
    now.mockReturnValue(999.5)
    await vi.advanceTimersByTimeAsync(1000)
    expect(vi.getTimerCount()).toBe(1)
    now.mockReturnValue(1000)
    await vi.advanceTimersByTimeAsync(1)
    await sleep
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer behind when it is aborted', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const controller = new AbortController()
    const sleep = systemClock.sleep(1000, { signal: controller.signal })
    controller.abort('enough')
    await expect(sleep).rejects.toBe('enough')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a time limit on a custom clock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each<[string, Clock['sleep']]>([
    ['rejects', () => Promise.reject(new Error('a bug'))],
    [
      'throws',
      () => {
        throw new Error('a bug')
      },
    ],
  ])('whose sleep %s is kept by the system clock', async (_, sleep) => {
    vi.useFakeTimers()
    const clock = { ...systemClock, sleep }
    const error = () => new Error('too late')
    const call = withDeadline({ clock, timeoutMs: 60_000, error }, () => new Promise<never>(() => undefined))
    const outcome = call.catch((reason: unknown) => reason)
    await vi.advanceTimersByTimeAsync(59_999)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await outcome).toMatchObject({ message: 'too late' })
  })

  it('whose sleep rejects leaves no timer after the call', async () => {
    vi.useFakeTimers()
    const clock: Clock = { ...systemClock, sleep: () => Promise.reject(new Error('a bug')) }
    const { promise, resolve } = Promise.withResolvers<string>()
    const call = withDeadline({ clock, timeoutMs: 60_000, error: () => new Error('too late') }, () => promise)
    await vi.advanceTimersByTimeAsync(0)
    resolve('done')
    expect(await call).toBe('done')
    expect(vi.getTimerCount()).toBe(0)
  })
})
