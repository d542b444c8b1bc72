import { describe, expect, it, vi } from 'vitest'
import { clockConformance } from '../../src/testing/index.js'
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
