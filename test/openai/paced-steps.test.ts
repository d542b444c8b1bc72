import { afterEach, describe, expect, it, vi } from 'vitest'
import { PacedSteps } from '../../src/openai/paced-steps.js'
import { manualClock } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'

/** A stream without steps that waits again after each silence, and when it was silent for too long. */
function silentStream(clock: { monotonic(): number } & Parameters<typeof make>[0], everyMs: number) {
  const silences: number[] = []
  const waiter = {
    onStep: () => undefined,
    onFailure: () => undefined,
    onSilence: () => {
      silences.push(clock.monotonic())
      steps.sent()
      steps.wait()
    },
  }
  const steps: PacedSteps<unknown> = make(clock, everyMs, waiter)
  return { steps, silences }
}

function make(
  clock: ConstructorParameters<typeof PacedSteps>[1]['clock'],
  everyMs: number,
  waiter: ConstructorParameters<typeof PacedSteps>[2],
) {
  return new PacedSteps<unknown>({ read: () => undefined }, { everyMs, clock }, waiter)
}

afterEach(() => {
  vi.useRealTimers()
})

describe('a stream that waits', () => {
  it('gets every silence, never early', async () => {
    const clock = manualClock()
    const start = clock.monotonic()
    const { steps, silences } = silentStream(clock, 1000)
    steps.wait()
    await clock.advance(3500)
    expect(silences.map((at) => at - start)).toEqual([1000, 2000, 3000])
    steps.end()
    await clock.advance(5000)
    expect([silences.length, clock.pending]).toEqual([3, 0])
  })

  it('starts its silence again with everything that is sent', async () => {
    const clock = manualClock()
    const start = clock.monotonic()
    const { steps, silences } = silentStream(clock, 1000)
    steps.wait()
    await clock.advance(600)
    steps.sent()
    await clock.advance(1500)
    expect(silences.map((at) => at - start)).toEqual([1600])
  })

  it('has no timer while it is muted, or without an interval', async () => {
    const clock = manualClock()
    const muted = silentStream(clock, 1000)
    muted.steps.isMuted = true
    muted.steps.wait()
    silentStream(clock, Number.POSITIVE_INFINITY).steps.wait()
    await clock.advance(0)
    expect(clock.pending).toBe(0)
  })

  it('is not affected by one that was left open under fake timers', async () => {
    vi.useFakeTimers()
    silentStream(systemClock, 50).steps.wait()
    vi.useRealTimers()
    const { steps, silences } = silentStream(systemClock, 50)
    steps.wait()
    await vi.waitUntil(() => silences.length > 0, { timeout: 30_000 })
    steps.end()
  })

  it('does not keep the process alive', () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const { steps } = silentStream(systemClock, 60_000)
    steps.wait()
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBe(before)
    steps.end()
  })
})
