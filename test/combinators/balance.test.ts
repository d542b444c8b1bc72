import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AttemptObserver, withAttemptObserver } from '../../src/contracts/attempt-observer.js'
import {
  AllStrategiesFailedError,
  AuthenticationError,
  balance,
  ConfigurationError,
  fallback,
  NetworkError,
  OverloadedError,
  QuotaExceededError,
  RateLimitError,
  SoraPipeline,
  type StageContext,
  type UploadedVideo,
  type Uploader,
  withCircuitBreaker,
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
const urlOf = (name: string) => ({ url: `https://${name}.example/a.mp4` })
const limited = (retryAfterMs?: number) => new RateLimitError('Could not upload, too many: host', { retryAfterMs })
const refusedKey = new AuthenticationError('Could not upload, the key was refused: host')
const noCredit = new QuotaExceededError('Could not upload, no credit: host')
const overloaded = new OverloadedError('Could not upload, overloaded: host')

/** Takes a while on the clock and notes when it began. */
const worker = (name: string, delayMs: number, outcome?: (Error | UploadedVideo)[]) =>
  fakeUploader({ name, delayMs, outcome: outcome ?? urlOf(name) })

function observed(clock = manualClock()) {
  const seen: string[] = []
  const observer: AttemptObserver = {
    succeeded: ({ strategy }) => seen.push(`${strategy.name} succeeded`),
    failed: ({ strategy, error }) => seen.push(`${strategy.name} failed: ${(error as { code: string }).code}`),
    fellBack: (from, next) => seen.push(`${from.name} -> ${next.name}`),
  }
  const context = fakeContext({ clock })
  return { seen, clock, progress: context.progress, context: withAttemptObserver(context, observer) }
}

describe('balance', () => {
  it('gives each call to the least busy member, and in a tie to the one that was used longest ago', async () => {
    const context = fakeContext()
    const [a, b, c] = [worker('a', 100), worker('b', 10), worker('c', 100)]
    const spread = balance([a, b, c])
    const calls = [1, 2, 3].map(() => spread.upload(source, context))
    await context.clock.advance(10)
    const fourth = spread.upload(source, context)
    const urls = await context.clock.runUntil(Promise.all([...calls, fourth]))
    expect(urls).toEqual(['a', 'b', 'c', 'b'].map(urlOf))
    await context.clock.runUntil(spread.upload(source, context)) // All idle: a was used longest ago.
    expect([a, b, c].map((one) => one.calls.length)).toEqual([2, 2, 1])
    expect(spread).toMatchObject({ name: 'balance(a, b, c)', label: 'Google Drive' })
  })

  it('keeps to the limit of each, and serves the line first come, first served', async () => {
    const clock = manualClock()
    const order: number[] = []
    const [a, b] = [worker('a', 100), worker('b', 100)]
    const spread = balance([a, b], { concurrency: [1, 2] })
    const contexts = Array.from({ length: 6 }, (_, index) => fakeContext({ clock, runId: `run_${index}` }))
    const calls = contexts.map((context, index) => spread.upload(source, context).then(() => order.push(index)))
    await clock.advance(50)
    expect([a.calls.length, b.calls.length]).toEqual([1, 2])
    expect(contexts.map(({ progress }) => progress)).toEqual([[], [], [], ...Array(3).fill([{ phase: 'waiting' }])])
    await clock.runUntil(Promise.all(calls))
    expect(order).toEqual([0, 1, 2, 3, 4, 5])
    expect(clock.monotonic()).toBe(200)
  })

  it('leaves the line at once on an abort, and no other call is skipped or lost', async () => {
    const clock = manualClock()
    const only = worker('a', 100)
    const spread = balance([only], { concurrency: 1 })
    const controller = new AbortController()
    const first = spread.upload(source, fakeContext({ clock }))
    const second = spread.upload(source, fakeContext({ clock, signal: controller.signal }))
    const third = spread.upload(source, fakeContext({ clock }))
    await clock.advance(10)
    controller.abort('enough')
    await expect(second).rejects.toBe('enough')
    await clock.runUntil(Promise.all([first, third]))
    expect(only.calls).toHaveLength(2)
    await expect(spread.upload(source, fakeContext({ clock, signal: controller.signal }))).rejects.toBe('enough')
    expect(clock.pending).toBe(0)
  })

  it('frees the place of a call that is aborted, also when the strategy does not listen', async () => {
    const clock = manualClock()
    const controller = new AbortController()
    const deaf = fakeUploader({ name: 'deaf' })
    let calls = 0
    const upload: Uploader['upload'] = (...given) => {
      calls += 1
      return calls === 1 ? new Promise<never>(() => undefined) : deaf.upload(...given)
    }
    const spread = balance([{ ...deaf, upload }], { concurrency: 1 })
    const stuck = spread.upload(source, fakeContext({ clock, signal: controller.signal }))
    const waiting = spread.upload(source, fakeContext({ clock }))
    await clock.advance(0)
    controller.abort('enough')
    await expect(stuck).rejects.toBe('enough')
    await expect(waiting).resolves.toMatchObject({ url: expect.any(String) })
  })

  it.each([
    ['a rate limit that says how long', limited(5000), 5000],
    ['a rate limit that does not', limited(), 30_000],
    ['an overload', overloaded, 30_000],
    ['a refused key', refusedKey, 300_000],
    ['an empty account', noCredit, 300_000],
  ])('continues with another after %s, and lets the first rest', async (_, error, restMs) => {
    const { seen, clock, context } = observed()
    const [a, b] = [worker('a', 0, [error, urlOf('a')]), worker('b', 0)]
    const spread = balance([a, b])
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('b'))
    expect(seen).toEqual([`a failed: ${error.code}`, 'a -> b', 'b succeeded'])
    await clock.advance(restMs - 1)
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('b'))
    await clock.advance(1)
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('a'))
  })

  it('keeps the longer of two rests', async () => {
    const context = fakeContext()
    const a = worker('a', 10, [limited(60_000), limited(1000), urlOf('a')])
    const spread = balance([a], { concurrency: 2 })
    const both = Promise.allSettled([spread.upload(source, context), spread.upload(source, context)])
    await context.clock.runUntil(both)
    await context.clock.runUntil(spread.upload(source, context))
    expect(context.clock.monotonic()).toBe(60_020)
  })

  it('waits for the rest to end when no other member is left, and sleeps only while a call waits', async () => {
    const { clock, context, progress } = observed()
    const a = worker('a', 0, [limited(5000), urlOf('a')])
    const spread = balance([a], { concurrency: 1 })
    await expect(spread.upload(source, context)).rejects.toMatchObject({ code: 'rate-limited' })
    expect(clock.pending).toBe(0)
    const waiting = spread.upload(source, context)
    await clock.advance(4999)
    expect(a.calls).toHaveLength(1)
    expect(progress).toEqual([{ phase: 'waiting' }])
    await clock.advance(1)
    await expect(waiting).resolves.toEqual(urlOf('a'))
    expect(clock.pending).toBe(0)
    const controller = new AbortController()
    const again = balance([worker('a', 0, [limited(5000), urlOf('a')])])
    await expect(again.upload(source, context)).rejects.toMatchObject({ code: 'rate-limited' })
    const left = again.upload(source, fakeContext({ clock, signal: controller.signal }))
    await clock.advance(1)
    controller.abort('enough')
    await expect(left).rejects.toBe('enough')
    expect(clock.pending).toBe(0)
  })

  it('wakes at the end of the rest that ends first', async () => {
    const { clock, context } = observed()
    const [a, b] = [worker('a', 0, [limited(8000), urlOf('a')]), worker('b', 0, [limited(3000), urlOf('b')])]
    const spread = balance([a, b])
    await expect(spread.upload(source, context)).rejects.toBeInstanceOf(AllStrategiesFailedError)
    await expect(clock.runUntil(spread.upload(source, context))).resolves.toEqual(urlOf('b'))
    expect(clock.monotonic()).toBe(3000)
  })

  it('fails at once with its own error when all that are left rest for a refused key', async () => {
    const { seen, clock, context } = observed()
    const [a, b] = [worker('a', 0, [refusedKey, urlOf('a')]), worker('b', 0, [noCredit, urlOf('b')])]
    const spread = balance([a, b])
    const first = await spread.upload(source, context).catch((error: unknown) => error)
    expect(first).toMatchObject({ code: 'all-strategies-failed', errors: [refusedKey, noCredit] })
    const second = await spread.upload(source, context).catch((error: unknown) => error)
    expect(second).toBeInstanceOf(AuthenticationError)
    expect(second).not.toBe(refusedKey)
    expect(second).toMatchObject({
      message: 'Could not use a, it was refused recently: Could not upload, the key was refused: host',
      stage: 'upload',
      strategy: 'a',
    })
    expect(seen.slice(3)).toEqual(['a failed: authentication'])
    await clock.advance(300_000)
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('a'))
  })

  it('rejects the calls in line when the last member is refused, and continues to wait while one may come back', async () => {
    const clock = manualClock()
    const [a, b] = [worker('a', 100, [noCredit]), worker('b', 200, [refusedKey])]
    const spread = balance([a, b], { concurrency: 1 })
    const calls = Array.from({ length: 3 }, () => spread.upload(source, fakeContext({ clock })))
    const settled = Promise.allSettled(calls)
    await clock.advance(150)
    expect(a.calls).toHaveLength(1)
    const [first, second, third] = await clock.runUntil(settled)
    expect(first).toMatchObject({ reason: { errors: [{ code: 'quota-exceeded' }, { code: 'authentication' }] } })
    expect(second).toMatchObject({ reason: { errors: [{ code: 'authentication' }, { code: 'quota-exceeded' }] } })
    expect(third).toMatchObject({ reason: { code: 'quota-exceeded' } })
    expect(clock.monotonic()).toBe(200)
  })

  it('gives the place of a generator back once, whatever its failure was', async () => {
    const clock = manualClock()
    const a = fakeGenerator({
      name: 'a',
      delayMs: 100,
      outcome: [limited(1000), { id: '1', url: 'https://a.example' }],
    })
    const b = fakeGenerator({ name: 'b', delayMs: 5000 })
    const spread = balance([a, b], { concurrency: 1 })
    const generate = (signal?: AbortSignal) => {
      const context = fakeContext({ clock, signal })
      return { context, result: spread.generate({ prompt: 'A cat' }, context) }
    }
    const first = generate()
    await clock.advance(1200) // The first rested and is free again; its call is at the second.
    const [second, third] = [generate(), generate()]
    await clock.advance(50)
    expect([a.calls.length, b.calls.length]).toEqual([2, 1])
    expect(third.context.progress).toEqual([{ phase: 'waiting' }])
    await clock.runUntil(Promise.all([first, second, third].map(({ result }) => result)))
    expect([a.calls.length, b.calls.length]).toEqual([3, 1])
  })

  it('trusts the fields of an error only when it is an error of the library', async () => {
    const foreign = Object.assign(new Error('slow down'), { code: 'rate-limited' })
    const b = worker('b', 0)
    await expect(balance([worker('a', 0, [foreign]), b]).upload(source, fakeContext())).rejects.toBe(foreign)
    expect(b.calls).toEqual([])
  })

  it('leaves any other failure to the caller', async () => {
    const down = new NetworkError('Could not upload, no answer came: ECONNRESET')
    const b = worker('b', 0)
    await expect(balance([worker('a', 0, [down]), b]).upload(source, fakeContext())).rejects.toBe(down)
    expect(b.calls).toEqual([])
  })

  it('continues past an open breaker, which reports how long to leave it alone', async () => {
    const { seen, clock, context } = observed()
    const down = new NetworkError('Could not upload, no answer came: ECONNRESET')
    const dead = withCircuitBreaker(worker('dead', 0, [down, urlOf('dead')]), { failures: 1, resetAfterMs: 9000 })
    const spread = balance([dead, worker('b', 0)])
    await expect(spread.upload(source, context)).rejects.toBe(down)
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('b'))
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('b'))
    expect(seen).toEqual([
      'dead failed: network',
      'b succeeded',
      'dead failed: circuit-open',
      'dead -> b',
      'b succeeded',
    ])
    await clock.advance(9000)
    await expect(spread.upload(source, context)).resolves.toEqual(urlOf('dead'))
  })

  it('takes a post back through the publisher that made it', async () => {
    const taken: string[] = []
    const publisher = (name: string) => ({ ...fakePublisher({ name }), unpublish: async () => void taken.push(name) })
    const spread = balance([publisher('a'), publisher('b')])
    const video = { id: '1', url: 'https://a.example' }
    await spread.publish(video, fakeContext())
    const post = await spread.publish(video, fakeContext())
    await spread.unpublish?.(post, fakeContext())
    expect(taken).toEqual(['b'])
  })

  it('never exceeds a limit, starts calls in their order, and ends with an empty line', async () => {
    const call = fc.record({
      at: fc.integer({ min: 0, max: 300 }),
      takesMs: fc.integer({ min: 1, max: 200 }),
      abortAfterMs: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
      isLimited: fc.boolean(),
    })
    const limits = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 25 }), limits, async (calls, concurrency) => {
        const clock = manualClock()
        const busy = concurrency.map(() => 0)
        const began = new Map<string, number>()
        const members = concurrency.map((limit, index) => ({
          name: `m${index}`,
          upload: async (_: unknown, { clock: own, signal, runId }: StageContext) => {
            const plan = calls[Number(runId)] as (typeof calls)[number]
            busy[index] = (busy[index] ?? 0) + 1
            expect(busy[index]).toBeLessThanOrEqual(limit)
            if (!began.has(runId)) began.set(runId, own.monotonic())
            try {
              await own.sleep(plan.takesMs, { signal })
              if (plan.isLimited) throw limited(plan.takesMs)
              return urlOf(`m${index}`)
            } finally {
              busy[index] = (busy[index] ?? 0) - 1
            }
          },
        }))
        const spread = balance(members as unknown as [Uploader], { concurrency })
        const ends = calls.map(async ({ at, abortAfterMs }, index) => {
          const controller = new AbortController()
          await clock.sleep(at)
          const context = fakeContext({ clock, runId: String(index), signal: controller.signal })
          if (abortAfterMs !== undefined) clock.sleep(abortAfterMs).then(() => controller.abort('enough'))
          return spread.upload(source, context).catch((error: unknown) => error)
        })
        const results = await clock.runUntil(Promise.all(ends))
        results.forEach((result, index) => {
          const { isLimited, abortAfterMs } = calls[index] as (typeof calls)[number]
          if (result === 'enough') expect(abortAfterMs).toBeDefined()
          else if (isLimited) expect(result).toBeInstanceOf(Error)
          else expect(result).toMatchObject({ url: expect.any(String) })
        })
        expect(busy.every((count) => count === 0)).toBe(true)
        const inOrder = [...began].sort(([x], [y]) => (calls[Number(x)]?.at ?? 0) - (calls[Number(y)]?.at ?? 0))
        const beganAt = inOrder.map(([, at]) => at)
        expect(beganAt).toEqual([...beganAt].sort((x, y) => x - y))
        await clock.advance(1000)
        expect(clock.pending).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['nothing', [], {}, /strategies is empty/],
    ['two stages', [fakeUploader(), fakeResolver()], {}, /give only strategies to upload/],
    ['a limit of 0', [fakeUploader()], { concurrency: 0 }, /concurrency is 0 \(give whole numbers from 1, or Infinity/],
    ['half a call', [fakeUploader()], { concurrency: [1.5] }, /concurrency is 1.5/],
    ['a text', [fakeUploader()], { concurrency: '3' }, /concurrency is "3"/],
    ['a hole', [fakeUploader()], { concurrency: [undefined] }, /concurrency is nothing/],
    [
      'too many limits',
      [fakeUploader()],
      { concurrency: [1, 2] },
      /concurrency is an array of 2 \(give one number, or/,
    ],
  ])('refuses %s', (_, members, options, message) => {
    const make = () => (balance as (members: unknown, options: unknown) => unknown)(members, options)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(/^Could not configure balance: /)
    expect(make).toThrow(message)
  })

  it('is reported in a run under the name of the one at work', async () => {
    const clock = manualClock()
    const [a, b] = [
      fakeUploader({ name: 'a', hangs: true }),
      fakeUploader({ name: 'b', progress: [{ ratio: 0.5 }], delayMs: 10 }),
    ]
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), uploader: balance([a, b]), clock })
    const stuck = pipeline.run({ prompt: 'A cat' })
    await clock.advance(10)
    const run = pipeline.run({ prompt: 'A dog' })
    await clock.runUntil(run.result)
    const uploads = (await collect(run)).filter((event) => 'stage' in event && event.stage === 'upload')
    expect(uploads).toMatchObject([
      { type: 'stage-started' },
      { type: 'stage-progressed', strategy: 'b', ratio: 0.5 },
      { type: 'stage-completed', strategy: 'b' },
    ])
    await stuck.cancel()
  })

  it('nests in a chain, which continues when all are refused', async () => {
    const spread = balance([worker('a', 0, [refusedKey]), worker('b', 0, [refusedKey])])
    const chain = fallback(spread, worker('last', 0))
    const { seen, context } = observed()
    await chain.upload(source, context)
    await chain.upload(source, context)
    expect(seen).toEqual([
      'a failed: authentication',
      'a -> b',
      'b failed: authentication',
      'b -> last',
      'last succeeded',
      'a failed: authentication',
      'b -> last',
      'last succeeded',
    ])
  })

  it('does not rest a member whose nested chain continued automatically', async () => {
    const clock = manualClock()
    const a = fakeTaskGenerator({ name: 'a', starts: [limited(), limited()] })
    const b = fakeTaskGenerator({ name: 'b' })
    const generator = balance([fallback(a, b)])
    const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 })
    const began = clock.now()
    for (let run = 0; run < 2; run += 1) await clock.runUntil(pipeline.generate({ prompt: 'A cat' }))
    expect([a.startCount, b.startCount]).toEqual([2, 2])
    expect(clock.now() - began).toBeLessThan(10_000)
  })

  it('gives its place to others while a retry around it waits', async () => {
    const context = fakeContext()
    const video = { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
    const unsent = new NetworkError('Could not connect: ECONNREFUSED', { isRefusal: true })
    const generator = fakeGenerator({ outcome: [unsent, video, video] })
    const retried = withRetry(balance([generator], { concurrency: 1 }), { maxAttempts: 2, minDelayMs: 60_000 })
    const first = retried.generate({ prompt: 'A cat' }, context)
    await context.clock.advance(0)
    const second = retried.generate({ prompt: 'A dog' }, context)
    await context.clock.advance(0)
    await expect(Promise.race([second, 'still in line'])).resolves.toBe(video)
    await expect(context.clock.runUntil(first)).resolves.toBe(video)
  })
})

describe('stats', () => {
  it('report calls in progress, the queue, and suspensions', async () => {
    const clock = manualClock()
    const first = fakeTaskGenerator({
      name: 'first',
      starts: [new RateLimitError('Could not submit', { status: 429, retryAfterMs: 5000 })],
      polls: 9,
    })
    const second = fakeTaskGenerator({ name: 'second', polls: 9 })
    const generator = balance([first, second], { concurrency: [2, 1] })
    const idle = { busy: 0, suspendedMs: 0 }
    expect(generator.stats()).toEqual({
      waiting: 0,
      strategies: [
        { name: 'first', limit: 2, ...idle },
        { name: 'second', limit: 1, ...idle },
      ],
    })
    const pipeline = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 })
    const runs = [pipeline.run({ prompt: 'A cat' }), pipeline.run({ prompt: 'A dog' })]
    await clock.advance(1000)
    expect(generator.stats()).toEqual({
      waiting: 1,
      strategies: [
        { name: 'first', limit: 2, busy: 0, suspendedMs: 4000 },
        { name: 'second', limit: 1, busy: 1, suspendedMs: 0 },
      ],
    })
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    expect(generator.stats()).toMatchObject({ waiting: 0, strategies: [idle, idle] })
  })

  it('are of every stage', () => {
    const uploader = balance([fakeUploader({ name: 'disk' })], { concurrency: 3 })
    expect(uploader.stats().strategies).toEqual([{ name: 'disk', busy: 0, limit: 3, suspendedMs: 0 }])
  })
})
