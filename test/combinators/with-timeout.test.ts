import { describe, expect, it } from 'vitest'
import { ConfigurationError, type StageContext, withRetry, withTimeout } from '../../src/index.js'
import { fakeContext, fakePublisher, fakeResolver } from '../../src/testing/index.js'

const input = { video: { id: '1', url: 'https://a.example/a.mp4' } }

describe('withTimeout', () => {
  it('lets a call through that is in time', async () => {
    const context = fakeContext()
    const resolver = withTimeout(fakeResolver({ delayMs: 999 }), { timeoutMs: 1000 })
    await expect(context.clock.runUntil(resolver.resolve(input, context))).resolves.toMatchObject({
      url: expect.any(String),
    })
    expect(context.clock.pending).toBe(0)
  })

  it('rejects a call that is late, also one that does not listen, and it can be tried again', async () => {
    const context = fakeContext()
    let calls = 0
    const deaf = {
      name: 'deaf',
      resolve: () => {
        calls += 1
        return new Promise<never>(() => undefined)
      },
    }
    const timed = withTimeout(deaf, { timeoutMs: 1000 })
    const call = context.clock.runUntil(withRetry(timed, { maxAttempts: 2, random: () => 0 }).resolve(input, context))
    await expect(call).rejects.toMatchObject({
      code: 'stage-timeout',
      timeoutMs: 1000,
      strategy: 'deaf',
      isRetryable: true,
    })
    expect(calls).toBe(2)
    expect(context.clock.monotonic()).toBe(2000)
  })

  it('limits the way to take a post back as well', async () => {
    const context = fakeContext()
    const seen: StageContext[] = []
    const unpublish = (_: unknown, own: StageContext) => {
      seen.push(own)
      return new Promise<never>(() => undefined)
    }
    const publisher = withTimeout({ ...fakePublisher(), unpublish }, { timeoutMs: 1000 })
    const call = publisher.unpublish?.({ id: 'post_1' }, context) ?? Promise.resolve()
    await expect(context.clock.runUntil(call)).rejects.toMatchObject({
      code: 'stage-timeout',
      message: 'Could not publish with fake-publisher in time: 1000 ms',
    })
    expect(seen).toMatchObject([{ runId: context.runId, clock: context.clock }])
    expect(seen[0]?.signal.aborted).toBe(true)
  })

  it('refuses to be without a limit', () => {
    const make = () => (withTimeout as (strategy: unknown) => unknown)(fakeResolver())
    expect(make).toThrow('Could not configure withTimeout: options is nothing (give an object of timeoutMs)')
    expect(() => withTimeout({} as never, { timeoutMs: 1 })).toThrow(
      'Could not configure withTimeout: strategy is an object',
    )
  })

  it.each([0, -1, Number.NaN, '5'])('refuses a limit of %s', (timeoutMs) => {
    const make = () => withTimeout(fakeResolver(), { timeoutMs: timeoutMs as number })
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/^Could not configure withTimeout: timeoutMs is \S+ \(give milliseconds above 0\)/)
  })
})
