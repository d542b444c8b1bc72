import { describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  fallback,
  GenerationFailedError,
  memoryStore,
  RateLimitError,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type TaskGenerator,
  type TaskStatus,
  UpstreamHttpError,
  withTimeout,
} from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, type ManualClock, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const HOUR_MS = 3_600_000
const request = { prompt: 'A cat' }
const video = { id: 'v1', url: 'https://cdn.example/v1.mp4' }
const completed: TaskStatus = { state: 'completed', video }
const failed: TaskStatus = { state: 'failed', error: new GenerationFailedError('Could not generate: server_error') }
const running: TaskStatus = { state: 'running' }
const isOver = { code: 'stage-timeout', handle: { generator: 'g', operation: 1 } }

/** A job that ends at a time after its start, and the times of its polls. */
function jobUntil(clock: ManualClock, endMs: number, end: TaskStatus, answer: TaskStatus | Error = running) {
  const polls: number[] = []
  let startedAt = 0
  let cancels = 0
  const generator: TaskGenerator = {
    name: 'g',
    start: async () => {
      startedAt = clock.monotonic()
      return { operation: 1 }
    },
    poll: async () => {
      const ms = clock.monotonic() - startedAt
      polls.push(ms)
      if (ms >= endMs) return end
      if (answer instanceof Error) throw answer
      return answer
    },
    cancel: async () => {
      cancels += 1
      return 'cancelled'
    },
  }
  return { generator, polls, cancels: () => cancels }
}

const deadlines: readonly [string, Partial<SoraPipelineOptions>, (generator: TaskGenerator) => TaskGenerator][] = [
  ['generateMs', { deadlines: { generateMs: 10_500 } }, (generator) => generator],
  ['totalMs', { deadlines: { totalMs: 10_500 } }, (generator) => generator],
  ['withTimeout', {}, (generator) => withTimeout(generator, { timeoutMs: 10_500 })],
]

describe.each(deadlines)('a job at the end of %s', (_, options, limited) => {
  const play = (end: TaskStatus, endMs = 10_500) => {
    const clock = manualClock()
    const job = jobUntil(clock, endMs, end)
    const generator = limited(job.generator)
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000, ...options }).run(request)
    return { ...job, run, ended: clock.runUntil(run.result) }
  }

  it('completes the run when it ended since the poll before', async () => {
    const { ended, polls } = play(completed)
    await expect(ended).resolves.toMatchObject({ url: video.url, servedBy: 'generator' })
    expect(polls.slice(-2)).toEqual([10_000, 10_500])
  })

  it('fails the run with its verdict', async () => {
    await expect(play(failed).ended).rejects.toBe((failed as { error: unknown }).error)
  })

  it('is given up with its handle when it still runs, after one poll, and not cancelled', async () => {
    const { ended, polls, cancels } = play(completed, HOUR_MS)
    await expect(ended).rejects.toMatchObject({ ...isOver, timeoutMs: expect.any(Number) })
    expect(polls.filter((ms) => ms >= 10_500)).toEqual([10_500])
    expect(cancels()).toBe(0)
  })
})

describe('a last poll', () => {
  it.each([
    ['pollAfterMs', { state: 'running', pollAfterMs: HOUR_MS } as const],
    ['Retry-After', new RateLimitError('Could not poll, too many requests: host', { retryAfterMs: HOUR_MS })],
  ])('is made at the deadline where a hint of an hour by %s reaches past it', async (_, answer) => {
    const clock = manualClock()
    const { generator, polls } = jobUntil(clock, 60_000, completed, answer)
    const options = { generator, clock, pollSchedule: () => 1000, deadlines: { generateMs: 600_000 } }
    const run = new SoraPipeline(options).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ url: video.url })
    expect(polls).toEqual([1000, 600_000])
  })

  it.each(['hangs', 'fails'] as const)('ends the wait within five seconds when it %s', async (how) => {
    const clock = manualClock()
    const poll = () =>
      how === 'hangs'
        ? new Promise<never>(() => undefined)
        : Promise.reject(new UpstreamHttpError('Could not poll, HTTP 410: host', { status: 410 }))
    const generator = { name: 'g', start: async () => ({ operation: 1 }), poll }
    const run = new SoraPipeline({
      generator,
      clock,
      pollSchedule: () => 40_000,
      deadlines: { generateMs: 40_000 },
    }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject(isOver)
    expect((await collect(run)).at(-1)?.at).toBe(1_767_225_600_000 + (how === 'hangs' ? 45_000 : 40_000))
  })

  it('pays no other generator after a verdict at the deadline of the stage, and one after that of a time limit', async () => {
    const play = async (wrap: (generator: TaskGenerator) => TaskGenerator, generateMs: number) => {
      const clock = manualClock()
      const { generator } = jobUntil(clock, 10_500, failed)
      const second = fakeTaskGenerator({ name: 'second' })
      const chain = fallback(wrap(generator), second)
      const options = { generator: chain, clock, pollSchedule: () => 1000, deadlines: { generateMs } }
      const outcome = await clock.runUntil(new SoraPipeline(options).run(request).result).catch((error) => error)
      return { outcome, second }
    }
    const late = await play((generator) => generator, 10_500)
    expect(late.outcome).toMatchObject({ code: 'generation-failed' })
    expect(late.second.startCount).toBe(0)
    const limited = await play((generator) => withTimeout(generator, { timeoutMs: 10_500 }), 60_000)
    expect(limited.outcome).toMatchObject({ servedBy: 'generator' })
    expect(limited.second.startCount).toBe(1)
  })
})

describe('after an outage longer than the deadline', () => {
  /** A run whose process died while its job ran; the job ends during the outage. */
  async function afterOutage(end: TaskStatus, endMs: number, more: Partial<SoraPipelineOptions> = {}) {
    const store = memoryStore()
    const dead = manualClock()
    const job = jobUntil(dead, endMs, end)
    const deadlines = { generateMs: 60_000 }
    const options = { generator: job.generator, store, pollSchedule: () => 1000, deadlines, ...more }
    new SoraPipeline({ ...options, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(5500)
    const clock = manualClock({ now: dead.now() + HOUR_MS })
    const after = jobUntil(clock, endMs > HOUR_MS ? HOUR_MS : 0, end)
    return { ...after, clock, pipeline: new SoraPipeline({ ...options, generator: after.generator, clock }) }
  }

  it('the job is polled once, and its video completes the run, degraded where the stages had no time', async () => {
    const deadlines = { generateMs: 60_000, totalMs: 90_000 }
    const { clock, pipeline, polls } = await afterOutage(completed, 30_000, { deadlines, uploader: fakeUploader() })
    const run = pipeline.resume('run_1')
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ url: video.url, isDegraded: true })
    expect(polls).toHaveLength(1)
  })

  it('the later stages have their own time where only that of the generation is over', async () => {
    const { clock, pipeline } = await afterOutage(completed, 30_000, {
      deadlines: { generateMs: 60_000, totalMs: 2 * HOUR_MS },
      uploader: fakeUploader(),
    })
    const result = await clock.runUntil(pipeline.resume('run_1').result)
    expect(result).toMatchObject({ servedBy: 'uploader', isDegraded: false })
  })

  it('the verdict of the job counts', async () => {
    const { clock, pipeline } = await afterOutage(failed, 30_000)
    await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject({ code: 'generation-failed' })
  })

  it('a job that still runs is given up with its handle after one poll', async () => {
    const { clock, pipeline, polls, cancels } = await afterOutage(completed, 2 * HOUR_MS)
    await expect(clock.runUntil(pipeline.resume('run_1').result)).rejects.toMatchObject(isOver)
    expect(polls).toHaveLength(1)
    expect(cancels()).toBe(0)
  })

  it('calls of advance poll the job once, and the run completes', async () => {
    const { clock, pipeline, polls } = await afterOutage(completed, 30_000)
    for (let calls = 0; calls < 20; calls += 1) {
      await clock.runUntil(pipeline.advance('run_1'))
      await clock.advance(1000)
    }
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'completed', result: { url: video.url } })
    expect(polls).toHaveLength(1)
  })

  it.each(['before', 'after'] as const)('of the store, which came back %s it, the video is not lost', async (back) => {
    const clock = manualClock()
    const memory = memoryStore()
    let isDown = false
    const guarded = Object.entries(memory).map(([method, call]) => [
      method,
      async (...given: unknown[]) => {
        if (isDown) throw new Error('ECONNREFUSED')
        return (call as (...all: unknown[]) => unknown)(...given)
      },
    ])
    const { generator } = jobUntil(clock, 59_500, completed)
    const store = Object.fromEntries(guarded) as RunStore
    const deadlines = { generateMs: 60_000 }
    const run = new SoraPipeline({ generator, store, clock, pollSchedule: () => 7000, deadlines }).run(request)
    await clock.advance(1500)
    isDown = true
    if (back === 'before') await clock.advance(57_000)
    if (back === 'before') isDown = false
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ url: video.url })
  })
})

describe('a credential that is refused by polls', () => {
  const wrongKey = new AuthenticationError('Could not poll, the key was refused: host', { status: 401 })
  const forbidden = new UpstreamHttpError('Could not poll, HTTP 403: host', { status: 403 })
  const foreign = Object.assign(new Error('401 Incorrect API key provided'), { status: 401 })

  it.each([
    ['an AuthenticationError', wrongKey],
    ['a 403', forbidden],
    ['a 401 of another client', foreign],
  ])('is reported at once and retried with back-off until it works, such as by %s', async (_, error) => {
    const clock = manualClock()
    const { generator, polls } = jobUntil(clock, 300_000, completed, error)
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 4000 }).run(request)
    const result = await clock.runUntil(run.result)
    expect(result).toMatchObject({ url: video.url, warnings: [{ code: 'poll-refused', stage: 'generate' }] })
    expect(polls).toEqual([4000, 8000, 16_000, 32_000, 64_000, 124_000, 184_000, 244_000, 304_000])
    const events = await collect(run)
    const warned = events.filter(({ type }) => type === 'warning')
    expect(warned).toMatchObject([{ at: 1_767_225_600_000 + 4000, code: 'poll-refused', strategy: 'g' }])
  })

  it('is waited for until the deadline, and then the job is given up with its handle', async () => {
    const clock = manualClock()
    const { generator, polls } = jobUntil(clock, HOUR_MS, completed, wrongKey)
    const options = { generator, clock, pollSchedule: () => 4000, deadlines: { generateMs: 100_000 } }
    await expect(clock.runUntil(new SoraPipeline(options).run(request).result)).rejects.toMatchObject(isOver)
    expect(polls).toEqual([4000, 8000, 16_000, 32_000, 64_000, 100_000])
  })

  it('is reported also in the middle of a row of misses', async () => {
    const clock = manualClock()
    const answers = [new UpstreamHttpError('Could not poll, HTTP 500: host', { status: 500 }), wrongKey, wrongKey]
    const generator = fakeTaskGenerator({ polls: answers })
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request)
    const { warnings } = await clock.runUntil(run.result)
    expect(warnings.map(({ code }) => code)).toEqual(['poll-missed', 'poll-refused'])
  })
})
