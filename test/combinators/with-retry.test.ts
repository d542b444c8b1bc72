import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  ConfigurationError,
  fallback,
  NetworkError,
  OverloadedError,
  RateLimitError,
  SoraPipeline,
  SubmissionUnknownError,
  withRetry,
} from '../../src/index.js'
import {
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'

const source = fakeSource({ byteLength: 10 })
const passing = new NetworkError('Could not upload, no answer came: ECONNRESET')
const done = { url: 'https://store.example/a.mp4' }

describe('withRetry', () => {
  it('retries what may pass, with delays between nothing and a bound that doubles', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 3, maxLength: 3 }),
        async (dice) => {
          const context = fakeContext()
          const uploader = fakeUploader({ outcome: [passing, passing, passing, done] })
          let throws = 0
          const retried = withRetry(uploader, {
            maxAttempts: 4,
            minDelayMs: 1000,
            maxDelayMs: 2500,
            random: () => dice[throws++] ?? 0,
          })
          await expect(context.clock.runUntil(retried.upload(source, context))).resolves.toBe(done)
          const gaps = uploader.calls.slice(1).map(({ at }, index) => at - (uploader.calls[index]?.at ?? 0))
          const bounds = [1000, 2000, 2500]
          gaps.forEach((gap, index) => {
            expect(gap).toBe(Math.round((dice[index] ?? 0) * (bounds[index] ?? 0)))
          })
        },
      ),
      { numRuns: 30 },
    )
  })

  it('gives up after its retries with the last error', async () => {
    const context = fakeContext()
    const uploader = fakeUploader({ outcome: passing })
    await expect(context.clock.runUntil(withRetry(uploader).upload(source, context))).rejects.toBe(passing)
    expect(uploader.calls).toHaveLength(3)
  })

  it.each([
    ['a failure that does not pass', new Error('broken')],
    ['a refused key', new AuthenticationError('Could not upload, the key was refused: host')],
    ['a foreign error that calls itself so', Object.assign(new Error('broken'), { isRetryable: true })],
    ['a bug', new TypeError('undefined is not a function')],
    ['an unknown submission', new SubmissionUnknownError('Could not learn the outcome: host', { isRetryable: true })],
  ])('does not retry %s', async (_, error) => {
    const uploader = fakeUploader({ outcome: error })
    await expect(withRetry(uploader).upload(source, fakeContext())).rejects.toBe(error)
    expect(uploader.calls).toHaveLength(1)
  })

  it('retries what the caller selects, also a TypeError', async () => {
    const context = fakeContext()
    const uploader = fakeUploader({ outcome: [new TypeError('flaky'), done] })
    const retried = withRetry(uploader, { shouldRetry: () => true })
    await expect(context.clock.runUntil(retried.upload(source, context))).resolves.toBe(done)
  })

  it('waits at least as long as the upstream requires, but not an hour', async () => {
    const context = fakeContext()
    const limited = (retryAfterMs: number) => new RateLimitError('Could not upload, too many: host', { retryAfterMs })
    const patient = fakeUploader({ outcome: [limited(5000), done] })
    await context.clock.runUntil(withRetry(patient, { random: () => 0.5 }).upload(source, context))
    expect((patient.calls[1]?.at ?? 0) - (patient.calls[0]?.at ?? 0)).toBe(5250)
    const hour = limited(3_600_000)
    await expect(withRetry(fakeUploader({ outcome: hour })).upload(source, context)).rejects.toBe(hour)
  })

  it('ends its waiting at once on an abort', async () => {
    const controller = new AbortController()
    const context = fakeContext({ signal: controller.signal })
    const call = withRetry(fakeUploader({ outcome: passing }), { random: () => 1 }).upload(source, context)
    await context.clock.advance(10)
    controller.abort('enough')
    await expect(call).rejects.toBe('enough')
    expect(context.clock.pending).toBe(0)
  })

  it('keeps name, label and the way to take a post back', async () => {
    const taken: string[] = []
    const publisher = {
      ...fakePublisher({ label: 'Feed' }),
      unpublish: async ({ id }: { id: string }) => void taken.push(id),
    }
    const retried = withRetry(publisher)
    expect(retried).toMatchObject({ name: 'fake-publisher', label: 'Feed' })
    await retried.unpublish?.({ id: 'post_1' }, fakeContext())
    expect(taken).toEqual(['post_1'])
  })

  it('retries a chain of generators only when it has come to its end', async () => {
    const clock = manualClock()
    const refusal = new OverloadedError('Could not create, overloaded: host')
    const a = fakeTaskGenerator({ name: 'a', starts: [refusal, refusal] })
    const b = fakeTaskGenerator({ name: 'b', starts: [refusal] })
    const generator = withRetry(fallback(a, b), { maxAttempts: 2, minDelayMs: 400, random: () => 1 })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run({ prompt: 'A cat' })
    const { attempts } = await clock.runUntil(run.result)
    expect(attempts.map(({ strategy, outcome }) => `${strategy} ${outcome}`)).toEqual([
      'a failed',
      'b failed',
      'a failed',
      'b succeeded',
    ])
  })

  it('accepts a single attempt, and a delay of 0', async () => {
    const uploader = fakeUploader({ outcome: passing })
    await expect(withRetry(uploader, { maxAttempts: 1 }).upload(source, fakeContext())).rejects.toBe(passing)
    expect(uploader.calls).toHaveLength(1)
    const context = fakeContext()
    const eager = withRetry(fakeUploader({ outcome: [passing, done] }), { minDelayMs: 0, maxDelayMs: 0 })
    await expect(context.clock.runUntil(eager.upload(source, context))).resolves.toBe(done)
    expect(context.clock.monotonic()).toBe(0)
  })

  it.each([
    [{ maxAttempts: 0 }, 'maxAttempts is 0 (give a whole number from 1)'],
    [{ minDelayMs: '5' }, 'minDelayMs is "5" (give milliseconds from 0)'],
    [{ maxRetryAfterMs: Number.NaN }, 'maxRetryAfterMs is NaN (give milliseconds from 0)'],
    [{ shouldRetry: 'never' }, 'shouldRetry is "never" (give a function)'],
  ])('refuses %j', (options, problem) => {
    expect(() => withRetry(fakeGenerator(), options as object)).toThrow(`Could not configure withRetry: ${problem}`)
  })

  it('names every option that is wrong', () => {
    const make = () =>
      withRetry(fakeUploader(), { maxAttempts: 1.5, minDelayMs: -1, maxDelayMs: Number.NaN, random: 3 as never })
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/maxAttempts is 1.5 .*minDelayMs is -1 .*maxDelayMs is NaN .*random is 3/)
  })
})
