import { describe, expect, it } from 'vitest'
import {
  fallback,
  type Generator,
  memoryStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type StageContext,
  type TaskGenerator,
  type TaskStatus,
} from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat' }
const video = { id: 'video_1', url: 'https://cdn.example/a.mp4' }
const completed: TaskStatus = { state: 'completed', video }
const STATES = 'give queued, running, completed or failed'
const OPERATION = 'give { operation } with the JSON that poll() takes'

interface Behaviour {
  readonly start?: unknown
  /** What the polls resolve with, the last one forever. */
  readonly polls?: readonly unknown[]
  readonly submission?: TaskGenerator['submission']
}

/** A generator of a user, who may return anything. */
function mine({ start = { operation: { id: 'job_1' } }, polls = [completed], submission }: Behaviour) {
  const counts = { starts: 0, polls: 0 }
  const generator: TaskGenerator = {
    name: 'mine',
    ...(submission && { submission }),
    start: async () => {
      counts.starts += 1
      return (typeof start === 'function' ? start() : start) as never
    },
    poll: async () => {
      const poll = polls[Math.min(counts.polls, polls.length - 1)]
      counts.polls += 1
      if (poll instanceof Error) throw poll
      return poll as never
    },
  }
  return { generator, counts }
}

function play(generator: Generator, more: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const spare = fakeTaskGenerator({ name: 'spare' })
  const from = clock.now()
  const chain = fallback(generator, spare)
  const run = new SoraPipeline({ generator: chain, clock, pollSchedule: () => 1000, ...more }).run(request)
  const ended = clock.runUntil(run.result)
  const failure = async () => {
    const error = await ended.then(
      () => expect.unreachable('the run must fail'),
      (thrown: unknown) => thrown as Error,
    )
    const events = await collect(run)
    return { error, events, tookMs: clock.now() - from }
  }
  return { run, spare, ended, failure }
}

describe('what start() resolves with', () => {
  it.each([
    ['nothing', () => undefined, `it is nothing; ${OPERATION}`],
    ['null', null, `it is null; ${OPERATION}`],
    ['a text', 'job_1', `it is "job_1"; ${OPERATION}`],
    ['a list', ['job_1'], `it is an array of 1; ${OPERATION}`],
    ['no operation', { id: 'job_1' }, `operation is nothing; ${OPERATION}`],
    ['no operation, and a job that runs', { status: { state: 'running' } }, `operation is nothing; ${OPERATION}`],
    ['a function', { operation: () => 1 }, `operation is a function; ${OPERATION}: it cannot be saved`],
    ['a bigint', { operation: { id: 1n } }, `operation is an object; ${OPERATION}: it cannot be saved`],
    ['no number', { operation: Number.NaN }, `operation is NaN; ${OPERATION}: it cannot be saved`],
  ])('is a paid job whose answer cannot be read: %s', async (_, start, flaw) => {
    const { generator, counts } = mine({ start })
    const { failure, spare } = play(generator)
    const { error, events, tookMs } = await failure()
    expect(error).toMatchObject({
      code: 'submission-unknown',
      message: `Could not use the result of start() of mine: ${flaw}`,
      stage: 'generate',
      strategy: 'mine',
      cause: { code: 'upstream-response' },
    })
    expect([tookMs, counts.starts, spare.startCount]).toEqual([0, 1, 0])
    expect(events.at(-1)).toMatchObject({ type: 'run-failed', upstream: { state: 'unknown', generator: 'mine' } })
  })

  it('is not read where reading it throws', async () => {
    const get = () => {
      throw new Error('hostile')
    }
    // A promise reads then().
    const start = () => new Proxy({}, { get: (_, key) => (key === 'then' ? undefined : get()), has: get, ownKeys: get })
    const { failure, spare } = play(mine({ start }).generator)
    expect((await failure()).error).toMatchObject({ code: 'submission-unknown' })
    expect(spare.startCount).toBe(0)
  })

  it('is reported at once even where the outcome could be looked up', async () => {
    const submission = { idempotency: 'key', lookup: 'none' } as const
    const { generator, counts } = mine({ start: {}, submission })
    const { failure } = play(generator)
    expect(await failure()).toMatchObject({ error: { code: 'submission-unknown' }, tookMs: 0 })
    expect(counts.starts).toBe(1)
  })

  it('leaves the run to a person, who can name the job', async () => {
    const clock = manualClock()
    const store = memoryStore()
    const { generator, counts } = mine({ start: {} })
    const pipeline = new SoraPipeline({ generator, clock, store, pollSchedule: () => 1000 })
    await expect(clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)).rejects.toThrow()
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'needs-review' })
    await pipeline.settle('run_1', { operation: { id: 'job_1' } })
    await expect(clock.runUntil(pipeline.resume('run_1').result)).resolves.toMatchObject({ url: video.url })
    expect(counts).toEqual({ starts: 1, polls: 1 })
  })

  it('may be null as an operation, which is JSON', async () => {
    await expect(play(mine({ start: { operation: null } }).generator).ended).resolves.toMatchObject({ url: video.url })
  })

  it('is still a video when the operation is missing: a done job is not polled', async () => {
    const { generator, counts } = mine({ start: { status: completed } })
    const result = await play(generator).ended
    expect(result).toMatchObject({ url: video.url })
    expect(result.warnings).toMatchObject([
      {
        code: 'invalid-result',
        message: `Could not use the result of start() of mine: operation is nothing; ${OPERATION}`,
      },
    ])
    expect(counts.polls).toBe(0)
  })

  it.each([
    [{ state: 'done' }, `status.state is "done"; ${STATES}`],
    ['done', `status is "done"; give { state } with queued, running, completed or failed`],
    [{ state: 'failed' }, 'status.error is nothing; give an error of the library, such as GenerationFailedError'],
    [
      { state: 'completed', video: { id: 'video_1' } },
      'status.video.url and status.video.source are missing; give url, or source with open()',
    ],
  ])('is a job that is polled, with a warning, when only the status cannot be read: %j', async (status, flaw) => {
    const { generator, counts } = mine({ start: { operation: { id: 'job_1' }, status } })
    const { ended, spare } = play(generator)
    const result = await ended
    expect(result.warnings).toMatchObject([
      { code: 'invalid-result', message: `Could not use the result of start() of mine: ${flaw}` },
    ])
    expect([counts.starts, counts.polls, spare.startCount]).toEqual([1, 1, 0])
  })
})

describe('what poll() resolves with', () => {
  const flawed: [unknown, string][] = [
    [undefined, `it is nothing; give { state } with queued, running, completed or failed`],
    ['completed', `it is "completed"; give { state } with queued, running, completed or failed`],
    [{}, `state is nothing; ${STATES}`],
    [{ state: 'done' }, `state is "done"; ${STATES}`],
    [{ state: 'toString' }, `state is "toString"; ${STATES}`],
    [{ state: 'completed' }, 'video is nothing; give { id, url } or { id, source }'],
    [{ state: 'completed', video: { ...video, id: 7 } }, "video.id is 7; give the upstream's id of the video as text"],
    [{ state: 'failed' }, 'error is nothing; give an error of the library, such as GenerationFailedError'],
  ]

  it.each(flawed)('ends a paid run at the third in a row, with the handle: %j', async (status, flaw) => {
    const { generator, counts } = mine({ polls: [status] })
    const { failure, spare } = play(generator)
    const { error, events, tookMs } = await failure()
    const message = `Could not use the result of poll() of mine: ${flaw}`
    expect(error).toMatchObject({
      code: 'upstream-response',
      message,
      isRetryable: false,
      handle: { generator: 'mine', operation: { id: 'job_1' } },
    })
    // The first one is reported at once.
    const warning = { type: 'warning', code: 'poll-missed', message: `${message} (upstream-response)` }
    expect(events.filter(({ type }) => type === 'warning')).toMatchObject([warning])
    expect([tookMs, counts.polls, spare.startCount]).toEqual([21_000, 3, 0])
    const isDone = (status as { state?: string } | undefined)?.state === 'completed'
    expect(events.at(-1)).toMatchObject({ upstream: { state: isDone ? 'finished' : 'running' } })
  })

  it.each(flawed)('costs a poll or two when it passes: %j', async (status) => {
    const { generator } = mine({ polls: [status, status, completed] })
    const result = await play(generator).ended
    expect(result).toMatchObject({ url: video.url, warnings: [{ code: 'poll-missed' }] })
  })

  it.each([
    [new TypeError('a.b is undefined'), 'upstream-response', 'threw TypeError: a.b is undefined'],
    [new ReferenceError('x is not defined'), 'upstream-response', 'threw ReferenceError: x is not defined'],
    [new RangeError('too long'), 'upstream-response', 'threw RangeError: too long'],
    [Object.assign(new Error('no such job'), { status: 400 }), 'upstream-http', 'threw Error: no such job'],
    [Object.assign(new Error('gone'), { response: { status: 410 } }), 'upstream-http', 'threw Error: gone'],
  ])('is a failure that lasts when it throws a bug or a status that does: %s', async (thrown, code, text) => {
    const { generator, counts } = mine({ polls: [thrown] })
    const { failure, spare } = play(generator)
    const { error } = await failure()
    expect(error).toMatchObject({
      code,
      message: `Could not poll the job, poll() of mine ${text}`,
      cause: { name: thrown.name, message: thrown.message },
      isRetryable: false,
      handle: { operation: { id: 'job_1' } },
    })
    expect([counts.polls, spare.startCount]).toEqual([3, 0])
  })

  it.each([
    ['fetch without an answer', new TypeError('fetch failed')],
    ['a reset', Object.assign(new TypeError('x'), { cause: { code: 'ECONNRESET' } })],
    ['half an answer', new SyntaxError('Unexpected end of JSON input')],
    ['an overload', Object.assign(new TypeError('x'), { status: 503 })],
    ['a rate limit', Object.assign(new Error('slow down'), { statusCode: 429 })],
    ['an error without a status', new Error('no answer')],
  ])('outlasts what passes, however often: %s', async (_, thrown) => {
    const { generator } = mine({ polls: [...Array.from({ length: 9 }, () => thrown), completed] })
    await expect(play(generator).ended).resolves.toMatchObject({ url: video.url })
  })

  it.each([['1 s'], [Number.NaN], [-5], [Number.POSITIVE_INFINITY]])(
    'is polled again on the schedule when pollAfterMs is %j',
    async (pollAfterMs) => {
      const { generator } = mine({ polls: [{ state: 'running', pollAfterMs }, completed] })
      const result = await play(generator).ended
      expect(result).toMatchObject({ durationMs: 2000, warnings: [{ code: 'invalid-progress' }] })
    },
  )
})

describe('what generate() resolves with', () => {
  it.each([
    ['nothing', undefined, 'it is nothing; give { id, url } or { id, source }'],
    ['no url and no source', { id: 'a' }, 'url and source are missing; give url, or source with open()'],
    ['a path', { id: 'a', url: '/a.mp4' }, 'url is "/a.mp4"; give an absolute http or https address'],
  ])('is a paid video that cannot be read: %s', async (_, output, flaw) => {
    const { failure, spare } = play({ name: 'mine', generate: async () => output as never })
    const { error, events } = await failure()
    expect(error).toMatchObject({
      code: 'submission-unknown',
      message: `Could not use the result of generate() of mine: ${flaw}`,
    })
    expect(spare.startCount).toBe(0)
    expect(events.filter(({ type }) => type === 'attempt-failed')).toHaveLength(1)
  })
})

describe('what find() resolves with', () => {
  it.each([undefined, null, 'job_1', { id: 'job_1' }])('is reported when it is not a list: %j', async (found) => {
    const generator: TaskGenerator = {
      name: 'mine',
      submission: { idempotency: 'none', lookup: 'fingerprint', settleMs: 1000 },
      start: async () => Promise.reject(new TypeError('fetch failed')),
      poll: async () => completed,
      find: async () => found as never,
    }
    const { failure, spare } = play(generator)
    const { error } = await failure()
    expect(error).toMatchObject({
      code: 'submission-unknown',
      message: expect.stringMatching(
        /^Could not use the result of find\(\) of mine: it is .*; give an array of operations$/,
      ),
    })
    expect(spare.startCount).toBe(0)
  })
})

it('cancel() that resolves with another word leaves open what became of the job', async () => {
  const clock = manualClock()
  const cancel = async () => 'stopped' as never
  const generator = { ...mine({ polls: [{ state: 'running' }] }).generator, cancel }
  const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run(request)
  await clock.advance(1500)
  await run.cancel('enough')
  await expect(run.result).rejects.toBe('enough')
  expect((await collect(run)).at(-1)).toMatchObject({ upstream: { state: 'unknown', handle: { generator: 'mine' } } })
})

describe('what a generator throws', () => {
  const trap = () => {
    throw new Error('hostile')
  }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const things: [string, unknown][] = [
    ['a proxy whose traps throw', new Proxy(new Error('x'), { get: trap, has: trap, getPrototypeOf: trap })],
    ['a revoked proxy', revoked.proxy],
    ['an error whose getters throw', Object.defineProperty(new Error('x'), 'message', { get: trap })],
    ['nothing', undefined],
    ['a wait that is not a number', Object.assign(new Error('x'), { retryAfterMs: Number.NaN })],
  ]

  it('by start() is a bug that three sends under the same key do not cure', async () => {
    const start = () => Promise.reject(new TypeError('a.b is undefined'))
    const { generator, counts } = mine({ start, submission: { idempotency: 'key', lookup: 'none' } })
    const { failure, spare } = play(generator)
    const { error, tookMs } = await failure()
    expect(error).toMatchObject({
      code: 'submission-unknown',
      message:
        'Could not learn whether the submission was accepted, its own code failed with a TypeError (a.b is undefined); it is not repeated: mine',
    })
    expect([counts.starts, spare.startCount]).toEqual([3, 0])
    expect(tookMs).toBeLessThan(60_000)
  })

  it('by start() is unknown when it is nothing: only a bug throws that', async () => {
    const { failure, spare } = play(mine({ start: () => Promise.reject(undefined) }).generator)
    expect((await failure()).error).toMatchObject({ code: 'submission-unknown' })
    expect(spare.startCount).toBe(0)
  })

  const errors = things.filter(([, thrown]) => thrown !== undefined)

  it.each(errors)('by start() ends in a typed error or the next generator: %s', async (_, thrown) => {
    const start = () => Promise.reject(thrown)
    const { ended, spare } = play(mine({ start }).generator)
    await expect(ended).resolves.toMatchObject({ servedBy: 'generator', attempts: [{ outcome: 'failed' }, {}] })
    expect(spare.startCount).toBe(1)
  })

  it.each(things)('by poll() is a missed poll: %s', async (_, thrown) => {
    let polls = 0
    const poll = async () => {
      polls += 1
      if (polls === 1) throw thrown
      return completed
    }
    await expect(play({ ...mine({}).generator, poll }).ended).resolves.toMatchObject({ url: video.url })
  })
})

describe('progress that cannot be used', () => {
  const reporting = (...ratios: unknown[]) => ({
    name: 'mine',
    generate: async (_: unknown, context: StageContext) => {
      for (const ratio of ratios) context.report({ ratio: ratio as never, phase: 'rendering', bytesDone: 3 })
      return video
    },
  })

  it.each([[50], [Number.NaN], [-0.1], ['0.5'], [Number.POSITIVE_INFINITY], [1.01]])(
    'is a warning once, and no ratio: %j',
    async (ratio) => {
      const { run, ended } = play(reporting(ratio, 7, ratio, 0.5))
      const result = await ended
      const shown = typeof ratio === 'string' ? `"${ratio}"` : String(ratio)
      expect(result.warnings).toEqual([
        {
          code: 'invalid-progress',
          message: `Could not use the progress of mine: ratio is ${shown}; give 0 to 1`,
          stage: 'generate',
        },
      ])
      const progress = (await collect(run)).filter(({ type }) => type === 'stage-progressed')
      expect(progress.map((event) => 'ratio' in event && event.ratio)).toEqual([false, false, false, 0.5])
      expect(progress[0]).toMatchObject({ phase: 'rendering', bytesDone: 3 })
    },
  )

  it.each([[0], [1], [undefined], [null]])('is not: %j', async (ratio) => {
    expect(await play(reporting(ratio)).ended).toMatchObject({ warnings: [] })
  })

  it('is one in a status as well, which the schedule does not see', async () => {
    const seen: unknown[] = []
    const { generator } = mine({ polls: [{ state: 'running', ratio: 50, phase: 'x' }, completed] })
    const pollSchedule: SoraPipelineOptions['pollSchedule'] = ({ readings }) => {
      seen.push(readings.at(-1))
      return 1000
    }
    const result = await play(generator, { pollSchedule }).ended
    expect(result.warnings).toMatchObject([{ code: 'invalid-progress' }])
    expect(seen.at(-1)).toEqual({ atMs: 1000 })
  })

  it('is one warning for each strategy', async () => {
    const upload = async (_: unknown, context: StageContext) => {
      context.report({ ratio: 99 })
      return { url: 'https://drive.example/a' }
    }
    const { ended } = play(reporting(7), { uploader: { name: 'drive', upload } })
    expect((await ended).warnings).toMatchObject([
      { code: 'invalid-progress', stage: 'generate' },
      { code: 'invalid-progress', stage: 'upload' },
    ])
  })
})

describe('a poll schedule of the caller that gives nonsense', () => {
  it.each([
    [Number.NaN, 'NaN'],
    [-1, '-1'],
    ['1000', '"1000"'],
    [undefined, 'nothing'],
    [new Error('no table'), '"Error: no table"'],
  ])('costs no video, and is a warning once: %s', async (given, shown) => {
    const { generator } = mine({ polls: [{ state: 'running' }, { state: 'running' }, completed] })
    const pollSchedule = () => {
      if (given instanceof Error) throw given
      return given as number
    }
    expect((await play(generator, { pollSchedule }).ended).warnings).toEqual([
      {
        code: 'invalid-progress',
        message: `Could not use the progress of mine: pollSchedule is ${shown}; give milliseconds from 0`,
        stage: 'generate',
      },
    ])
  })
})

describe('a later stage that resolves with nonsense', () => {
  it.each([
    ['publish', { publisher: { name: 'it', publish: async () => undefined as never } }, 'it is nothing; give { id }'],
    [
      'resolve',
      { resolver: { name: 'it', resolve: async () => ({ url: 'a.mp4' }) } },
      'url is "a.mp4"; give an absolute http or https address',
    ],
    ['upload', { uploader: { name: 'it', upload: async () => null as never } }, 'it is null; give { url }'],
  ])('names the invalid field of %s, and costs no video', async (verb, more, flaw) => {
    const { run, ended } = play(fakeGenerator(), more)
    await expect(ended).resolves.toMatchObject({ servedBy: 'generator', isDegraded: true })
    const failed = (await collect(run)).filter(({ type }) => type === 'attempt-failed')
    expect(failed).toMatchObject([
      { error: { code: 'upstream-response', message: `Could not use the result of ${verb}() of it: ${flaw}` } },
    ])
  })
})
