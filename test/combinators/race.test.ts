import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AttemptObserver, withAttemptObserver } from '../../src/contracts/attempt-observer.js'
import {
  AllStrategiesFailedError,
  ConfigurationError,
  ContentRejectedError,
  fallback,
  type Resolver,
  race,
  SoraPipeline,
  type StageContext,
  SubmissionUnknownError,
  withRetry,
} from '../../src/index.js'
import {
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const source = fakeSource({ byteLength: 10 })
const input = { video: { id: '1', url: 'https://a.example/a.mp4' } }
const broke = (name: string) => new Error(`${name} broke`)
const urlOf = (name: string) => ({ url: `https://${name}.example/a.mp4` })

function observed(signal?: AbortSignal) {
  const seen: string[] = []
  const observer: AttemptObserver = {
    succeeded: ({ strategy, durationMs }) => seen.push(`${strategy.name} succeeded in ${durationMs}`),
    failed: ({ strategy }) => seen.push(`${strategy.name} failed`),
    fellBack: (from, next) => seen.push(`${from.name} -> ${next.name}`),
  }
  return { seen, context: withAttemptObserver(fakeContext({ signal }), observer) }
}

/** A resolver that answers after a while, or fails, and keeps the signal it was given. */
function runner(name: string, delayMs: number, outcome: object = urlOf(name)) {
  const signals: AbortSignal[] = []
  const fake = fakeResolver({ name, delayMs, outcome: outcome as { url: string } })
  return {
    name,
    calls: fake.calls,
    signals,
    resolve: (...given: Parameters<typeof fake.resolve>) => {
      signals.push(given[1].signal)
      return fake.resolve(...given)
    },
  }
}

describe('race', () => {
  it('gives a quick answer of the first without starting the second, and leaves no timer', async () => {
    const { seen, context } = observed()
    const [a, b] = [runner('a', 249), runner('b', 1)]
    const raced = race([a, b])
    await expect(context.clock.runUntil(raced.resolve(input, context))).resolves.toEqual(urlOf('a'))
    expect(b.calls).toEqual([])
    expect(seen).toEqual(['a succeeded in 249'])
    expect(context.clock.pending).toBe(0)
    expect(a.signals[0]?.aborted).toBe(false)
    expect(getEventListeners(context.signal, 'abort')).toEqual([])
    expect(raced.name).toBe('race(a, b)')
  })

  it('starts the next when the latest has not answered in time, and aborts the losers with its own reason', async () => {
    const { seen, context } = observed()
    const [a, b, c] = [runner('a', 9000), runner('b', 400), runner('c', 9000)]
    const raced = race([a, b, c], { staggerMs: 250 })
    await expect(context.clock.runUntil(raced.resolve(input, context))).resolves.toEqual(urlOf('b'))
    expect(context.clock.monotonic()).toBe(650)
    const startedAt = [a, b, c].map(({ calls }) => (calls[0]?.at ?? 0) - (a.calls[0]?.at ?? 0))
    expect(startedAt).toEqual([0, 250, 500])
    expect(a.signals[0]?.reason).toMatchObject({ name: 'AbortError', message: expect.stringContaining('race') })
    expect(c.signals[0]?.aborted).toBe(true)
    expect(b.signals[0]?.aborted).toBe(false)
    expect(seen).toEqual(['b succeeded in 400'])
    expect(context.clock.pending).toBe(0)
  })

  it('starts the next at once after a failure, and from there on waits again', async () => {
    const { seen, context } = observed()
    const [a, b, c] = [runner('a', 100, broke('a')), runner('b', 9000), runner('c', 10)]
    await expect(context.clock.runUntil(race([a, b, c]).resolve(input, context))).resolves.toEqual(urlOf('c'))
    expect((b.calls[0]?.at ?? 0) - (a.calls[0]?.at ?? 0)).toBe(100)
    expect((c.calls[0]?.at ?? 0) - (a.calls[0]?.at ?? 0)).toBe(350)
    expect(seen).toEqual(['a failed', 'a -> b', 'c succeeded in 10'])
  })

  it('reports a failure that starts nothing only as a failure', async () => {
    const { seen, context } = observed()
    const [a, b] = [runner('a', 300, broke('a')), runner('b', 100)]
    await context.clock.runUntil(race([a, b]).resolve(input, context))
    expect(seen).toEqual(['a failed', 'b succeeded in 100'])
  })

  it('starts all at once with 0, and after a failure only with Infinity', async () => {
    const context = fakeContext()
    const all = [runner('a', 50), runner('b', 40), runner('c', 60)] as const
    await expect(context.clock.runUntil(race(all, { staggerMs: 0 }).resolve(input, context))).resolves.toEqual(
      urlOf('b'),
    )
    expect(new Set(all.map(({ calls }) => calls[0]?.at)).size).toBe(1)
    const [slow, idle] = [runner('a', 90_000), runner('b', 1)]
    const patient = race([slow, idle], { staggerMs: Number.POSITIVE_INFINITY })
    await expect(context.clock.runUntil(patient.resolve(input, context))).resolves.toEqual(urlOf('a'))
    expect(idle.calls).toEqual([])
  })

  it('keeps every error in the order of the strategies when all fail', async () => {
    const context = fakeContext()
    const raced = race([runner('a', 700, broke('a')), runner('b', 10, broke('b')), runner('c', 10, broke('c'))])
    const error = await context.clock.runUntil(raced.resolve(input, context)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AllStrategiesFailedError)
    expect(error).toMatchObject({ errors: [broke('a'), broke('b'), broke('c')], stage: 'resolve' })
    expect(getEventListeners(context.signal, 'abort')).toEqual([])
    const alone = broke('a')
    await expect(race([runner('a', 0, alone)]).resolve(input, context)).rejects.toBe(alone)
  })

  it.each([
    ['a moderation verdict', new ContentRejectedError('Could not publish, rejected: host')],
    ['an unknown outcome', new SubmissionUnknownError('Could not learn the outcome: host')],
  ])('ends at once with %s', async (_, verdict) => {
    const context = fakeContext()
    const [a, b, c] = [runner('a', 9000), runner('b', 10, verdict), runner('c', 0)]
    await expect(context.clock.runUntil(race([a, b, c]).resolve(input, context))).rejects.toBe(verdict)
    expect(c.calls).toEqual([])
    expect(a.signals[0]?.aborted).toBe(true)
    expect(context.clock.pending).toBe(0)
  })

  it('rejects with the reason of the caller at once, also without a listener, and starts nothing more', async () => {
    const controller = new AbortController()
    const { seen, context } = observed(controller.signal)
    const signals: AbortSignal[] = []
    const deaf = {
      name: 'deaf',
      resolve: (_: unknown, { signal }: { signal: AbortSignal }) => {
        signals.push(signal)
        return new Promise<never>(() => undefined)
      },
    }
    const [b, c] = [runner('b', 9000), runner('c', 0)]
    const call = race([deaf, b, c]).resolve(input, context)
    await context.clock.advance(300)
    controller.abort('enough')
    await expect(call).rejects.toBe('enough')
    expect([...signals, ...b.signals].map(({ reason }) => reason)).toEqual(['enough', 'enough'])
    await context.clock.advance(60_000)
    expect(c.calls).toEqual([])
    expect(seen).toEqual([])
    expect(context.clock.pending).toBe(0)
    await expect(race([b, c]).resolve(input, context)).rejects.toBe('enough')
  })

  it('survives a strategy that aborts its own run while it is started', async () => {
    const controller = new AbortController()
    const context = fakeContext({ signal: controller.signal })
    const rash = {
      name: 'rash',
      upload: async () => {
        controller.abort('mine')
        return urlOf('rash')
      },
    }
    const second = fakeUploader({ name: 'second' })
    await expect(race([rash, second]).upload(source, context)).rejects.toBe('mine')
    expect(second.calls).toEqual([])
    expect(context.clock.pending).toBe(0)
  })

  it('ignores what the losers do later: failures, successes, progress and warnings', async () => {
    const { seen, context } = observed()
    const late = (name: string, end: () => { url: string }) => ({
      name,
      upload: async (_: unknown, { clock, report, warn }: StageContext) => {
        report({ phase: `${name} began` })
        await clock.sleep(5000)
        report({ phase: `${name} late` })
        warn?.({ code: 'late', message: name })
        return end()
      },
    })
    const failing = late('a', () => {
      throw broke('a')
    })
    const raced = race([failing, late('b', () => urlOf('b')), fakeUploader({ name: 'c' })], { staggerMs: 100 })
    await context.clock.runUntil(raced.upload(source, context))
    await context.clock.advance(10_000)
    expect(seen).toEqual(['c succeeded in 0'])
    const { progress, warnings } = context as unknown as ReturnType<typeof fakeContext>
    expect(progress).toEqual([{ phase: 'a began' }, { phase: 'b began' }])
    expect(warnings).toEqual([])
  })

  it('reports one success when two come at the same time, that of the result', async () => {
    const { seen, context } = observed()
    const two = race([fakeUploader({ name: 'a', outcome: urlOf('a') }), fakeUploader({ name: 'b' })], { staggerMs: 0 })
    const { url } = await two.upload(source, context)
    expect(url).toBe(urlOf('a').url)
    expect(seen).toEqual(['a succeeded in 0'])
  })

  it('nests', async () => {
    const { seen, context } = observed()
    const chain = fallback(fakeResolver({ name: 'a', outcome: broke('a') }), fakeResolver({ name: 'b', delayMs: 500 }))
    const retried = withRetry(runner('c', 10, broke('c')), { maxAttempts: 2, shouldRetry: () => true, random: () => 0 })
    await context.clock.runUntil(fallback(race([retried, chain]), runner('d', 0)).resolve(input, context))
    expect(seen).toEqual(['c failed', 'c failed', 'c -> a', 'a failed', 'a -> b', 'b succeeded in 500'])
  })

  it('takes a post back through the publisher that made it', async () => {
    const taken: string[] = []
    const publisher = (name: string, delayMs: number) => ({
      ...fakePublisher({ name, delayMs }),
      unpublish: async () => void taken.push(name),
    })
    const context = fakeContext()
    const raced = race([publisher('a', 900), publisher('b', 10)])
    const post = await context.clock.runUntil(raced.publish({ id: '1', url: 'https://a.example' }, context))
    await raced.unpublish?.(post, context)
    expect(taken).toEqual(['b'])
  })

  it('gives the earliest success that its schedule allows, whatever the strategies do', async () => {
    const runs = fc.array(fc.record({ delayMs: fc.integer({ min: 1, max: 900 }), fails: fc.boolean() }), {
      minLength: 1,
      maxLength: 5,
    })
    await fc.assert(
      fc.asyncProperty(runs, fc.constantFrom(1, 100, 250), async (members, staggerMs) => {
        const context = fakeContext()
        const runners = members.map(({ delayMs, fails }, index) =>
          runner(`r${index}`, delayMs, fails ? broke(`r${index}`) : urlOf(`r${index}`)),
        )
        const raced = race(runners as unknown as [Resolver], { staggerMs })
        const result = await context.clock
          .runUntil(raced.resolve(input, context))
          .then(({ url }) => url, () => 'failed') // biome-ignore format: one line is readable
        const model = raceModel(members, staggerMs)
        expect({ result, at: context.clock.monotonic() }).toEqual(model)
        expect(context.clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    [
      'a generator',
      [fakeGenerator()],
      /a list of generators \(use fallback or balance, because a race would pay twice/,
    ],
    ['a task generator', [fakeTaskGenerator()], /a list of generators/],
    ['nothing', [], /strategies is empty/],
    ['what is no strategy', 5, /strategy is 5 \(give an object with one verb/],
    ['two stages', [fakeUploader(), fakeResolver()], /give only strategies to upload/],
  ])('refuses %s', (_, members, message) => {
    const make = () => (race as (members: unknown) => unknown)(members)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/^Could not configure race: strateg/)
    expect(make).toThrow(message)
  })

  it.each([-1, Number.NaN, '5', null])('refuses a stagger of %s', (staggerMs) => {
    const make = () => race([fakeUploader()], { staggerMs: staggerMs as number })
    expect(make).toThrow(/^Could not configure race: staggerMs is \S+ \(give milliseconds from 0\)/)
  })
})

describe('a race in a run', () => {
  it('reports progress and warnings under the name of their strategy, also when another has begun since', async () => {
    const clock = manualClock()
    const slow = {
      name: 'slow',
      upload: async (_: unknown, { clock: own, report, warn }: StageContext) => {
        await own.sleep(300)
        warn?.({ code: 'odd-size', message: 'The size is odd' })
        report({ ratio: 0.5 })
        await own.sleep(10)
        return urlOf('slow')
      },
    }
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: race([slow, fakeUploader({ name: 'stuck', hangs: true, progress: [{ phase: 'opening' }] })]),
      clock,
    })
    const run = pipeline.run({ prompt: 'A cat' })
    await clock.runUntil(run.result)
    const events = (await collect(run)).filter(({ type }) => type === 'stage-progressed' || type === 'warning')
    expect(events).toMatchObject([
      { type: 'stage-progressed', strategy: 'stuck', phase: 'opening' },
      { type: 'warning', code: 'odd-size', strategy: 'slow' },
      { type: 'stage-progressed', strategy: 'slow', ratio: 0.5 },
    ])
  })

  it('reports no loser among the attempts, and progress under the name of its strategy', async () => {
    const clock = manualClock()
    const slow = fakeUploader({ name: 'slow', hangs: true, progress: [{ phase: 'opening' }] })
    const broken = fakeUploader({ name: 'broken', delayMs: 50, outcome: broke('broken') })
    const quick = fakeUploader({ name: 'quick', delayMs: 50, outcome: urlOf('quick'), progress: [{ ratio: 0.5 }] })
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: race([slow, broken, quick]),
      clock,
    })
    const run = pipeline.run({ prompt: 'A cat' })
    const result = await clock.runUntil(run.result)
    expect(result).toMatchObject({ url: urlOf('quick').url, servedBy: 'uploader', isDegraded: false })
    expect(result.attempts.filter(({ stage }) => stage === 'upload')).toMatchObject([
      { strategy: 'broken', outcome: 'failed' },
      { strategy: 'quick', outcome: 'succeeded' },
    ])
    const events = (await collect(run)).filter((event) => 'stage' in event && event.stage === 'upload')
    expect(events.map((event) => [event.type, 'strategy' in event && event.strategy])).toEqual([
      ['stage-started', 'slow'],
      ['stage-progressed', 'slow'],
      ['attempt-failed', 'broken'],
      ['fallback-taken', 'broken'],
      ['stage-progressed', 'quick'],
      ['stage-completed', 'quick'],
    ])
  })
})

function raceModel(members: readonly { delayMs: number; fails: boolean }[], staggerMs: number) {
  let startAt = 0
  let latestFailure = 0
  const ends: { at: number; name: string; fails: boolean }[] = []
  for (const [index, { delayMs, fails }] of members.entries()) {
    // The next starts at the stagger, or at the first failure after the one before was started.
    if (index > 0) {
      const previous = startAt
      const failures = ends.filter((end) => end.fails && end.at > previous).map((end) => end.at)
      startAt = Math.min(previous + staggerMs, ...failures)
    }
    ends.push({ at: startAt + delayMs, name: `r${index}`, fails })
    latestFailure = Math.max(latestFailure, startAt + delayMs)
  }
  const wins = ends.filter(({ fails }) => !fails).sort((a, b) => a.at - b.at)
  const [win] = wins
  if (win === undefined) return { result: 'failed', at: latestFailure }
  const result = wins.filter(({ at }) => at === win.at).map(({ name }) => urlOf(name).url)
  return { result: result.length === 1 ? result[0] : expect.toBeOneOf(result), at: win.at }
}
