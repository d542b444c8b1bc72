import { describe, expect, it } from 'vitest'
import { clockConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'

describe('systemClock', () => {
  clockConformance({ test: it, create: async () => ({ clock: systemClock }) })

  it('waits for the signal alone when the time is endless', async () => {
    const controller = new AbortController()
    const sleep = systemClock.sleep(Number.POSITIVE_INFINITY, { signal: controller.signal })
    controller.abort('enough')
    await expect(sleep).rejects.toBe('enough')
  })
})
