import { describe, expect, it } from 'vitest'
import {
  AllStrategiesFailedError,
  fallback,
  memoryStore,
  NetworkError,
  NoUsableUrlError,
  QuotaExceededError,
  RateLimitError,
  type RunStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type StoredRun,
  SubmissionUnknownError,
  toOpenAiError,
  UpstreamHttpError,
} from '../../src/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat' }
const limited = new RateLimitError('Could not upload, too many requests: host')
const failing = (name: string, error: unknown) => ({
  name,
  upload: () => Promise.reject(error),
})
const keyed = { isPublic: false, url: 'https://api.example/1/content', open: async () => new Blob(['x']).stream() }
const behindKey = () => fakeTaskGenerator({ name: 'g', video: { id: 'video_1', source: keyed }, polls: 0 })

function play(options: Partial<SoraPipelineOptions>) {
  const clock = manualClock()
  const run = new SoraPipeline({ generator: fakeGenerator(), clock, pollSchedule: () => 1000, ...options }).run(request)
  return { clock, run, ended: clock.runUntil(run.result) }
}

/** The state of a run that ended under `advance`, each step in its own process. */
async function advanced(options: Pick<SoraPipelineOptions, 'generator'> & Partial<SoraPipelineOptions>) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const create: RunStore['create'] = (id, { worker: _, ...state }) => store.create(id, state as StoredRun)
  const save = () => new Promise<never>(() => undefined)
  const dead = manualClock()
  new SoraPipeline({ ...options, store: { ...store, create, save }, clock: dead }).run(request, { id: 'run_1' })
  await dead.advance(0)
  for (let step = 0; step < 50; step += 1) {
    const { status } = await new SoraPipeline({ ...options, store, clock }).advance('run_1')
    if (status !== 'running') break
    await clock.advance(1000)
  }
  return (await store.load('run_1'))?.state as StoredRun & { error?: { message: string } }
}

describe('an attempt that failed', () => {
  it('carries its reason', async () => {
    const { attempts } = await play({ uploader: failing('drive', limited) }).ended
    expect(attempts.at(-1)).toEqual({
      stage: 'upload',
      strategy: 'drive',
      outcome: 'failed',
      errorCode: 'rate-limited',
      errorMessage: limited.message,
      durationMs: 0,
    })
    expect(attempts[0]).not.toHaveProperty('errorMessage')
  })

  it('carries the reason why a generator was passed over', async () => {
    const first = fakeTaskGenerator({ name: 'a', starts: [new QuotaExceededError('Could not start, no credit: host')] })
    const { attempts } = await play({ generator: fallback(first, fakeTaskGenerator({ name: 'b' })) }).ended
    expect(attempts[0]).toMatchObject({ strategy: 'a', errorMessage: 'Could not start, no credit: host' })
  })

  it('carries it in 500 characters, without what looks like a credential', async () => {
    const error = new Error(`Bearer abcdefghij0123456789 ${'x'.repeat(1000)}`)
    const { attempts } = await play({ uploader: failing('drive', error) }).ended
    const { errorMessage = '' } = attempts.at(-1) ?? {}
    expect(errorMessage).toHaveLength(500)
    expect(errorMessage).toMatch(/^Bearer \[redacted\] x+…$/)
  })

  it('is also what a deadline cut short', async () => {
    const { attempts } = await play({ uploader: fakeUploader({ hangs: true }), deadlines: { uploadMs: 5000 } }).ended
    expect(attempts.at(-1)).toMatchObject({
      strategy: 'fake-uploader',
      errorCode: 'stage-timeout',
      errorMessage: 'Could not upload in time: 5000 ms',
      durationMs: 5000,
    })
  })

  it('is in the state for another process', async () => {
    const store = memoryStore()
    const run = new SoraPipeline({ generator: fakeGenerator(), uploader: failing('drive', limited), store }).run(
      request,
    )
    await run.result
    expect((await store.load(run.id))?.state).toMatchObject({ attempts: [{}, { errorMessage: limited.message }] })
  })
})

describe('a video without a URL', () => {
  const mirror = failing('mirror', new NetworkError('Could not upload: no answer from host'))

  it('names every strategy that failed, and why', async () => {
    const { ended } = play({ generator: behindKey(), uploader: fallback(failing('drive', limited), mirror) })
    const error = await ended.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NoUsableUrlError)
    expect(error).toMatchObject({
      message:
        'Could not give a URL of video_1, it is only behind a key and nothing uploaded it: ' +
        'drive failed (rate-limited: Could not upload, too many requests: host); ' +
        'mirror failed (network: Could not upload: no answer from host)',
      attempts: [{ strategy: 'g' }, { strategy: 'drive' }, { strategy: 'mirror', errorCode: 'network' }],
    })
    const json = (error as NoUsableUrlError).toJSON()
    expect(json.attempts).toMatchObject([{ strategy: 'g' }, { strategy: 'drive' }, { strategy: 'mirror' }])
    expect(JSON.stringify(json)).not.toContain('/content')
  })

  it('keeps its former message where nothing failed', async () => {
    await expect(play({ generator: behindKey() }).ended).rejects.toMatchObject({
      message: 'Could not give a URL, the video is only behind a key and nothing uploaded it: video_1',
    })
  })

  it('does not name what succeeded in the end, and stays short', async () => {
    const uploads = Array.from({ length: 12 }, (_, index) => failing(`u${index}`, new Error('x'.repeat(900))))
    const error = await play({
      generator: behindKey(),
      publisher: fakePublisher(),
      uploader: fallback(uploads as [(typeof uploads)[0], ...typeof uploads]),
    }).ended.catch((thrown: unknown) => thrown as NoUsableUrlError)
    const { message } = error as NoUsableUrlError
    expect(message).not.toContain('fake-publisher')
    expect(message).toMatch(/; 2 more$/)
    expect(message.length).toBeLessThan(2500)
  })

  it('keeps what foreign code threw from an OpenAI client', async () => {
    const uploader = failing('drive', new Error('a file of the server'))
    const error = await play({ generator: behindKey(), uploader }).ended.catch((thrown: unknown) => thrown)
    expect((error as Error).message).toContain('a file of the server')
    expect(toOpenAiError(error).body.error.message).not.toContain('a file of the server')
  })
})

describe('a timeout', () => {
  const down = new UpstreamHttpError('Could not poll, HTTP 500: host', { status: 500 })

  it('of a generation has the last poll that failed as its cause', async () => {
    const generator = fakeTaskGenerator({ name: 'g', polls: Array.from({ length: 20 }, () => down) })
    await expect(play({ generator, deadlines: { generateMs: 5000 } }).ended).rejects.toMatchObject({
      code: 'stage-timeout',
      message: 'Could not generate with g in time: 5000 ms, the last poll failed: Could not poll, HTTP 500: host',
      cause: down,
      handle: { generator: 'g' },
    })
  })

  it('of a generation blames no poll when the last one had an answer', async () => {
    const generator = fakeTaskGenerator({
      name: 'g',
      polls: [down, ...Array.from({ length: 9 }, () => ({ state: 'running' as const }))],
    })
    const error = await play({ generator, deadlines: { generateMs: 5000 } }).ended.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ message: 'Could not generate with g in time: 5000 ms' })
    expect(error).not.toHaveProperty('cause')
  })

  it('of a generation names the last poll under advance too', async () => {
    const generator = fakeTaskGenerator({ name: 'g', polls: Array.from({ length: 20 }, () => down) })
    const { error } = await advanced({ generator, deadlines: { generateMs: 5000 }, pollSchedule: () => 2000 })
    expect(error?.message).toBe(
      'Could not generate with g in time: 5000 ms, the last poll failed: Could not poll, HTTP 500: host',
    )
  })

  it('does not wait under advance either: a vanished job ends the wait at the third poll in a row', async () => {
    const gone = new UpstreamHttpError('Could not poll, HTTP 410: host', { status: 410, isRetryable: false })
    const running = { state: 'running' as const }
    const polls = [gone, gone, running, gone, gone, gone]
    const generator = fakeTaskGenerator({ name: 'g', polls })
    const { error } = await advanced({ generator, pollSchedule: () => 1000 })
    expect([error?.message, generator.pollCount]).toEqual([gone.message, 6])
  })

  it('of a later stage has the error of the last attempt as its cause', async () => {
    const uploader = fallback(failing('drive', limited), fakeUploader({ name: 'slow', hangs: true }))
    const { run, ended } = play({ uploader, deadlines: { uploadMs: 5000 } })
    await ended
    const failed = (await collect(run)).find(({ type }) => type === 'stage-failed')
    expect(failed).toMatchObject({
      error: {
        code: 'stage-timeout',
        message: `Could not upload in time: 5000 ms, the last attempt failed: ${limited.message}`,
        cause: { code: 'rate-limited' },
      },
    })
  })
})

describe('a bug in code of the user', () => {
  const bug = new TypeError('x is not a function')

  it.each([
    ['publish', { publisher: { name: 'mine', publish: () => Promise.reject(bug) } }],
    ['resolve', { resolver: { name: 'mine', resolve: () => Promise.reject(bug) } }],
    ['upload', { uploader: failing('mine', bug) }],
    ['upload', { uploader: fallback(failing('mine', bug), fakeUploader()) }],
  ] as const)('is a warning of %s beside the failed attempt', async (stage, strategies) => {
    const { warnings, attempts } = await play(strategies as Partial<SoraPipelineOptions>).ended
    expect(attempts).toContainEqual(expect.objectContaining({ stage, strategy: 'mine', outcome: 'failed' }))
    expect(warnings).toEqual([
      {
        stage,
        code: 'unexpected-error',
        message: `Could not ${stage} with mine, its code threw TypeError: x is not a function`,
      },
    ])
  })

  it('is a warning when a report has a getter that throws, and the stage continues', async () => {
    const resolver = {
      name: 'mine',
      resolve: async (_: unknown, { report }: { report(progress: object): void }) => {
        report({
          get ratio(): number {
            throw bug
          },
        })
        return { url: 'https://cdn.example/a.mp4' }
      },
    }
    const { warnings, servedBy } = await play({ resolver }).ended
    expect(servedBy).toBe('resolver')
    expect(warnings).toMatchObject([{ code: 'unexpected-error', message: expect.stringContaining('mine') }])
  })

  it('is not what an error of the library, a plain error or a cut connection is', async () => {
    for (const error of [limited, new Error('no'), new TypeError('fetch failed')])
      expect((await play({ uploader: failing('drive', error), resolver: fakeResolver() }).ended).warnings).toEqual([])
  })
})

describe('a chain of generators that failed in several processes', () => {
  it('names all of them', async () => {
    const refusing = (name: string, error: Error) => fakeTaskGenerator({ name, starts: [error] })
    const generator = fallback(
      refusing('a', new QuotaExceededError('Could not start, no credit: a')),
      refusing('b', new RateLimitError('Could not start, too many: b')),
      refusing('c', new QuotaExceededError('Could not start, no credit: c')),
    )
    const state = await advanced({ generator })
    expect(state).toMatchObject({
      status: 'failed',
      error: {
        code: 'all-strategies-failed',
        isRetryable: true,
        message: 'Could not generate, every strategy of the chain failed: a, b, c',
        errors: [
          { code: 'quota-exceeded', message: 'Could not start, no credit: a', strategy: 'a' },
          { code: 'rate-limited', message: 'Could not start, too many: b', strategy: 'b' },
          { code: 'quota-exceeded', message: 'Could not start, no credit: c', strategy: 'c' },
        ],
      },
    })
  })

  it('keeps the errors themselves in one process', async () => {
    const errors = [new QuotaExceededError('Could not start: a'), new QuotaExceededError('Could not start: a')]
    const [a, b] = errors.map((error, index) => fakeTaskGenerator({ name: `g${index}`, starts: [error] }))
    const generator = fallback(a as NonNullable<typeof a>, b as NonNullable<typeof b>)
    const error = await play({ generator }).ended.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AllStrategiesFailedError)
    expect((error as AllStrategiesFailedError).errors[0]).toBe(errors[0])
    expect((error as AllStrategiesFailedError).errors[1]).toBe(errors[1])
  })
})

describe('the id of a request', () => {
  it('is in the error of a submission whose outcome is not known', async () => {
    const cause = new UpstreamHttpError('Could not start, HTTP 500: host', { status: 500, requestId: 'req_1' })
    const generator = fakeTaskGenerator({ name: 'g', starts: [cause] })
    const error = await play({ generator }).ended.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SubmissionUnknownError)
    expect(error).toMatchObject({ requestId: 'req_1', message: expect.stringMatching(/ \(request req_1\)$/) })
  })
})
