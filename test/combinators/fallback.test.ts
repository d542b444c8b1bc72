import { describe, expect, it } from 'vitest'
import { callStrategy } from '../../src/calling/call-strategy.js'
import { type AttemptObserver, withAttemptObserver } from '../../src/contracts/attempt-observer.js'
import {
  AllStrategiesFailedError,
  ConfigurationError,
  ContentRejectedError,
  fallback,
  SubmissionUnknownError,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import {
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
} from '../../src/testing/index.js'

const source = fakeSource({ byteLength: 10 })
const request = { prompt: 'x' }
const broke = (name: string) => new Error(`${name} broke`)

function observed() {
  const seen: string[] = []
  const observer: AttemptObserver = {
    succeeded: ({ strategy }) => seen.push(`${strategy.name} succeeded`),
    failed: ({ strategy }) => seen.push(`${strategy.name} failed`),
    fellBack: (from, next) => seen.push(`${from.name} -> ${next.name}`),
  }
  return { seen, context: withAttemptObserver(fakeContext(), observer) }
}

describe('fallback', () => {
  it('gives the first success and leaves the rest alone', async () => {
    const [a, b, c] = [
      fakeUploader({ name: 'a', outcome: broke('a') }),
      fakeUploader({ name: 'b' }),
      fakeUploader({ name: 'c' }),
    ]
    const { seen, context } = observed()
    const chain = fallback(a, b, c)
    await expect(chain.upload(source, context)).resolves.toMatchObject({ url: expect.any(String) })
    expect(seen).toEqual(['a failed', 'a -> b', 'b succeeded'])
    expect(c.calls).toEqual([])
    expect(chain).toMatchObject({ name: 'fallback(a, b, c)', label: 'Google Drive' })
  })

  it('nests, and every plain strategy is reported once', async () => {
    const failing = (name: string) => fakeResolver({ name, outcome: broke(name) })
    const { seen, context } = observed()
    const chain = fallback(
      fallback(failing('a'), failing('b')),
      withTimeout(failing('c'), { timeoutMs: 9 }),
      fakeResolver({ name: 'd' }),
    )
    await callStrategy('resolve', chain, { video: { id: '1', url: 'https://a.example' } }, context)
    expect(seen).toEqual(['a failed', 'a -> b', 'b failed', 'b -> c', 'c failed', 'c -> d', 'd succeeded'])
  })

  it('keeps every error in order when all fail', async () => {
    const { seen, context } = observed()
    const chain = fallback(
      fakePublisher({ name: 'a', outcome: broke('a') }),
      fakePublisher({ name: 'b', outcome: broke('b') }),
    )
    const error = await chain.publish({ id: '1', url: 'https://a.example' }, context).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AllStrategiesFailedError)
    expect(error).toMatchObject({
      message: 'Could not publish, every strategy of the chain failed: a, b',
      errors: [broke('a'), broke('b')],
      stage: 'publish',
      isRetryable: false,
    })
    expect(seen).toEqual(['a failed', 'a -> b', 'b failed'])
    expect(JSON.stringify(error)).toContain('b broke')
  })

  it('of one rejects with its own error', async () => {
    const error = broke('a')
    await expect(fallback(fakeUploader({ outcome: error })).upload(source, fakeContext())).rejects.toBe(error)
  })

  it('ends at once on an abort, with the reason itself', async () => {
    const controller = new AbortController()
    const first = {
      name: 'a',
      upload: async () => {
        controller.abort('enough')
        throw broke('a')
      },
    }
    const second = fakeUploader({ name: 'b' })
    await expect(fallback(first, second).upload(source, fakeContext({ signal: controller.signal }))).rejects.toBe(
      'enough',
    )
    expect(second.calls).toEqual([])
  })

  it('makes no call when it is too late', async () => {
    const first = fakeUploader()
    const context = fakeContext({ signal: AbortSignal.abort('enough') })
    await expect(fallback(first).upload(source, context)).rejects.toBe('enough')
    expect(first.calls).toEqual([])
  })

  it('respects a moderation verdict unless configured to continue', async () => {
    const verdict = new ContentRejectedError('Could not take it, rejected: host')
    const make = () => fakeUploader({ name: 'a', outcome: verdict })
    await expect(fallback(make(), fakeUploader({ name: 'b' })).upload(source, fakeContext())).rejects.toBe(verdict)
    const lax = fallback([make(), fakeUploader({ name: 'b' })], { continueOn: ['content-rejected'] })
    await expect(lax.upload(source, fakeContext())).resolves.toMatchObject({
      url: expect.stringContaining('drive.google.com'),
    })
  })

  it('takes a post back through the publisher that made it', async () => {
    const taken: string[] = []
    const publisher = (name: string, outcome?: Error) => ({
      ...fakePublisher({ name, ...(outcome && { outcome }) }),
      unpublish: async () => void taken.push(name),
    })
    const chain = fallback(publisher('a', broke('a')), publisher('b'))
    const post = await chain.publish({ id: '1', url: 'https://a.example' }, fakeContext())
    await chain.unpublish?.(post, fakeContext())
    expect(taken).toEqual(['b'])
    await chain.unpublish?.({ ...post }, fakeContext()) // Of another process: any that can.
    expect(taken).toEqual(['b', 'a'])
    const { unpublish: _without, ...plain } = fakePublisher()
    expect(fallback(plain)).not.toHaveProperty('unpublish')
    expect(fallback(publisher('a'), { ...plain, name: 'plain' })).toHaveProperty('unpublish')
    const stuck = { ...fakePublisher(), unpublish: () => Promise.reject(broke('it')) }
    for (const chain of [fallback(stuck), fallback({ ...plain, name: 'plain' }, stuck)]) {
      await expect(chain.unpublish?.(post, fakeContext())).rejects.toMatchObject({ errors: [broke('it')] })
    }
  })

  it.each([
    ['nothing', [], 'strategies is empty (give at least one strategy)'],
    ['what is no strategy', [fakeUploader(), {}], 'strategies[1] is an object (give an object with one verb'],
    ['null', [null], 'strategy is null'],
    [
      'two stages',
      [fakeUploader(), fakeResolver()],
      'strategies[1] is a strategy to resolve (give only strategies to upload)',
    ],
    ['two verbs in one', [{ ...fakeUploader(), ...fakeResolver() }], 'strategy is an object'],
    [
      'one name twice',
      [fakeUploader({ name: 'a' }), fakeUploader({ name: 'a' })],
      'strategies[1].name is "a" (give every strategy its own name)',
    ],
    [
      'an empty name',
      [fakeUploader(), { ...fakeUploader(), name: '' }],
      'strategies[1].name is "" (give a name that is not empty)',
    ],
    ['a task that cannot be polled', [{ name: 'a', start: async () => ({ operation: 1 }) }], 'strategy is an object'],
    [
      'a task that cannot be started',
      [{ name: 'a', poll: async () => ({ state: 'queued' }) }],
      'strategy is an object',
    ],
    ['no name', [{ upload: async () => ({ url: '' }) }], 'strategy.name is nothing'],
  ])('refuses %s', (_, members, message) => {
    const make = () => (fallback as (members: unknown) => unknown)(members)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(`Could not configure fallback: ${message}`)
  })

  it('refuses to continue after anything but a moderation verdict', () => {
    expect(() => fallback([fakeUploader()], { continueOn: ['submission-unknown' as 'content-rejected'] })).toThrow(
      `Could not configure fallback: continueOn is "submission-unknown" (give ['content-rejected'] or nothing)`,
    )
  })
})

describe('a chain of generators called by hand', () => {
  it('of one-shot generators is one, and falls back', async () => {
    const chain = fallback(fakeGenerator({ name: 'a', outcome: broke('a') }), fakeGenerator({ name: 'b' }))
    await expect(chain.generate(request, fakeContext())).resolves.toMatchObject({ id: 'gen_1' })
  })

  it('with a task among them is started at the first that accepts, and polled there', async () => {
    const first = fakeTaskGenerator({ name: 'a', starts: [broke('a')] })
    const second = fakeTaskGenerator({ name: 'b', polls: 0 })
    const chain = fallback(first, second, fakeGenerator({ name: 'c' }))
    const { operation } = await chain.start(request, fakeContext())
    const reread = JSON.parse(JSON.stringify(operation))
    await expect(chain.poll(reread, fakeContext())).resolves.toMatchObject({ state: 'completed' })
    await expect(chain.cancel?.(reread, fakeContext())).resolves.toBe('cancelled')
    expect(second).toMatchObject({ startCount: 1, pollCount: 1, cancelCount: 1 })
  })

  it('reports a task that cannot be cancelled', async () => {
    const { cancel: _without, ...task } = fakeTaskGenerator({ name: 'a' })
    const chain = fallback(task, fakeTaskGenerator({ name: 'b' }))
    const { operation } = await chain.start(request, fakeContext())
    await expect(chain.cancel?.(operation, fakeContext())).resolves.toBe('unsupported')
  })

  it('ends at once on an abort, also between two tries', async () => {
    const controller = new AbortController()
    const first = {
      name: 'a',
      start: async () => {
        controller.abort('enough')
        throw broke('a')
      },
      poll: async () => ({ state: 'queued' }) as const,
    }
    const second = fakeTaskGenerator({ name: 'b' })
    const context = fakeContext({ signal: controller.signal })
    await expect(fallback(first, second).start(request, context)).rejects.toBe('enough')
    expect(second.startCount).toBe(0)
    const later = new AbortController()
    const patient = withRetry(fakeGenerator({ outcome: broke('it') }), { shouldRetry: () => true, random: () => 1 })
    const waiting = fakeContext({ signal: later.signal })
    const call = patient.generate(request, waiting)
    await waiting.clock.advance(10)
    later.abort('enough')
    await expect(call).rejects.toBe('enough')
    expect(waiting.clock.pending).toBe(0)
  })

  it('ends with a one-shot generator that is a task that has ended', async () => {
    const chain = fallback(fakeTaskGenerator({ name: 'a', starts: [broke('a')] }), fakeGenerator({ name: 'b' }))
    const { operation, status } = await chain.start(request, fakeContext())
    expect(status).toMatchObject({ state: 'completed', video: { id: 'gen_1' } })
    await expect(chain.poll(operation, fakeContext())).rejects.toThrow('Could not poll a generator without poll(): b')
    await expect(chain.cancel?.(operation, fakeContext())).resolves.toBe('unsupported')
  })

  it('stops at an unknown submission and at a failed create answer of the last', async () => {
    const unknown = new SubmissionUnknownError('Could not learn the outcome: host')
    const second = fakeTaskGenerator({ name: 'b' })
    await expect(
      fallback(fakeTaskGenerator({ name: 'a', starts: [unknown] }), second).start(request, fakeContext()),
    ).rejects.toBe(unknown)
    expect(second.startCount).toBe(0)
    const error = new ContentRejectedError('Could not generate, rejected: host')
    const failing = {
      ...fakeTaskGenerator({ name: 'c' }),
      start: async () => ({ operation: 1, status: { state: 'failed', error } as const }),
    }
    await expect(
      fallback(fakeGenerator({ name: 'a', outcome: broke('a') }), failing).start(request, fakeContext()),
    ).rejects.toBe(error)
  })

  it('waits between the tries of withRetry, and keeps to the limit of withTimeout', async () => {
    const context = fakeContext()
    const flaky = fakeGenerator({ outcome: [broke('it'), { id: 'gen_1', url: 'https://a.example/a.mp4' }] })
    const retried = withRetry(flaky, { shouldRetry: () => true, random: () => 1, minDelayMs: 100 })
    await expect(context.clock.runUntil(retried.generate(request, context))).resolves.toMatchObject({ id: 'gen_1' })
    expect(context.clock.monotonic()).toBe(100)
    const slow = withTimeout(fakeGenerator({ hangs: true }), { timeoutMs: 5000 })
    await expect(context.clock.runUntil(slow.generate(request, context))).rejects.toMatchObject({
      code: 'stage-timeout',
      message: 'Could not generate with fake-generator in time: 5000 ms',
      timeoutMs: 5000,
    })
  })
})
