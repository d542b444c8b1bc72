import { describe, expect, it } from 'vitest'
import { manualClock } from '../../src/testing/index.js'
import { type RetryPlan, retry, retryAfterMsOf, retryDelayMs } from '../../src/timing/retry.js'

const plan: RetryPlan = {
  retries: 3,
  minDelayMs: 1000,
  maxDelayMs: 2500,
  maxRetryAfterMs: 60_000,
  random: () => 0.5,
  shouldRetry: () => true,
}
const asking = (retryAfterMs: unknown) => Object.assign(new Error('busy'), { retryAfterMs })

describe('retryDelayMs', () => {
  it.each([
    [1, 500],
    [2, 1000],
    [3, 1250],
    [4, undefined],
  ])('after failure %i is %s', (failures, delayMs) => {
    expect(retryDelayMs(new Error('busy'), failures, plan)).toBe(delayMs)
  })

  it('is the wait that the upstream requires with the jitter on top, up to the longest allowed wait', () => {
    expect(retryDelayMs(asking(7000), 1, plan)).toBe(7500)
    expect(retryDelayMs(asking(60_000), 1, plan)).toBe(60_500)
    expect(retryDelayMs(asking(60_001), 1, plan)).toBeUndefined()
  })

  it('is undefined for what is not to be retried', () => {
    expect(retryDelayMs(asking(1), 1, { ...plan, shouldRetry: () => false })).toBeUndefined()
  })
})

describe('retryAfterMsOf', () => {
  it.each([null, undefined, 'busy', new Error('busy'), asking('7000'), asking(undefined)])(
    'finds none in %o',
    (error) => {
      expect(retryAfterMsOf(error)).toBeUndefined()
    },
  )

  it('finds it in any object that has one', () => {
    expect(retryAfterMsOf(asking(7000))).toBe(7000)
    expect(retryAfterMsOf({ retryAfterMs: 0 })).toBe(0)
  })
})

describe('retry', () => {
  it('takes whatever is thrown, also what is not an error', async () => {
    const clock = manualClock()
    const thrown: unknown[] = [null, 'busy', undefined]
    let calls = 0
    const call = async () => {
      calls += 1
      if (thrown.length > 0) throw thrown.shift()
      return calls
    }
    const context = { clock, signal: new AbortController().signal }
    await expect(clock.runUntil(retry(call, plan, context))).resolves.toBe(4)
    expect(clock.monotonic()).toBe(500 + 1000 + 1250)
    const failing = retry(() => Promise.reject('busy'), { ...plan, retries: 0 }, context)
    await expect(failing).rejects.toBe('busy')
  })
})
