import { describe, expect, it } from 'vitest'
import {
  GenerationFailedError,
  memoryStore,
  NetworkError,
  RateLimitError,
  SoraPipeline,
  type SoraPipelineOptions,
  type TaskStatus,
  UpstreamHttpError,
} from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const source = { isPublic: false, open: async () => new Blob(['bytes']).stream() }
const completed: TaskStatus = { state: 'completed', video: { id: 'video_1', source } }
const status = (code: number, retryAfterMs?: number) =>
  new UpstreamHttpError(`Could not poll the job: ${code}`, { status: code, retryAfterMs })
const reset = () => Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } })

/** A run whose video is only behind a key, advanced to its end step by step: each step has to poll for the video. */
async function advanced(polls: readonly (TaskStatus | Error)[], options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ polls: [completed, ...polls, completed] })
  const uploader = fakeUploader()
  const all = { generator, uploader, store: memoryStore({ clock }), clock, pollSchedule: () => 1000, ...options }
  const pipeline = new SoraPipeline(all)
  await pipeline.create(request, { id: 'run_1' })
  for (;;) {
    const { status, wakeAt } = await clock.runUntil(pipeline.advance('run_1'))
    if (status !== 'running') break
    await clock.advance(Math.max(0, (wakeAt ?? 0) - clock.now()))
  }
  const details = await pipeline.inspect('run_1')
  if (details === undefined) throw new Error('Could not read the run: the store lost it')
  return { clock, generator, uploader, pipeline, details }
}

describe('a poll for a video that is only behind a key', () => {
  it.each([
    ['a 500', status(500)],
    ['a 503', status(503)],
    ['a rate limit', new RateLimitError('Could not poll the job: 429', { status: 429, retryAfterMs: 20_000 })],
    ['a reset', new NetworkError('Could not poll the job: ECONNRESET')],
    ['an error of a client', new Error('socket hang up')],
    ['a failed fetch', reset()],
    ['a status of a replica that is late', { state: 'running' } satisfies TaskStatus],
  ])('is repeated after %s, and the run has its URL', async (_, missed) => {
    const { details, generator, uploader } = await advanced([missed])
    expect(details).toMatchObject({ status: 'completed', result: { servedBy: 'uploader', isDegraded: false } })
    expect(uploader.calls).toHaveLength(1)
    expect(generator).toMatchObject({ startCount: 1, pollCount: 3 })
  })

  it('is repeated after several failures in a row', async () => {
    const { details } = await advanced([status(502), status(502), status(502), status(502)])
    expect(details).toMatchObject({ status: 'completed', result: { servedBy: 'uploader' } })
  })

  it('that keeps failing ends within a minute, with an attempt that carries the reason', async () => {
    const { details, generator, uploader } = await advanced(Array.from({ length: 60 }, () => status(500)))
    const attempt = { stage: 'upload', strategy: 'fake-uploader', outcome: 'failed', errorCode: 'upstream-http' }
    expect(details).toMatchObject({ status: 'failed', error: { code: 'no-usable-url' } })
    expect(details.error?.message).toContain('fake-uploader failed (upstream-http: Could not poll the job: 500)')
    expect(details.attempts).toContainEqual({
      ...attempt,
      errorMessage: 'Could not poll the job: 500',
      durationMs: 31_000,
    })
    expect(uploader.calls).toHaveLength(0)
    expect(generator.pollCount).toBe(1 + 6)
  })

  it.each([
    ['a job that is gone', status(404)],
    ['a refused key', status(401)],
    [
      'a job that has failed meanwhile',
      {
        state: 'failed',
        error: new GenerationFailedError('Could not keep the video: it has expired'),
      } satisfies TaskStatus,
    ],
    ['a bug of the generator', new TypeError('body is not a function')],
  ])('is not repeated for %s', async (_, failure) => {
    const { details, generator } = await advanced([failure])
    expect(details).toMatchObject({ status: 'failed', attempts: [{ stage: 'generate' }, { stage: 'upload' }] })
    expect(generator.pollCount).toBe(2)
  })

  it('is not made for an upload where a mirror has the video', async () => {
    const resolver = { name: 'mirror', resolve: async () => ({ url: 'https://mirror.example/a.mp4' }) }
    const openUrl = async () => new Blob(['bytes']).stream()
    const { details, generator } = await advanced([], { resolver, openUrl })
    expect(details).toMatchObject({ status: 'completed', result: { servedBy: 'uploader', isDegraded: false } })
    expect(generator.pollCount).toBe(2) // The last is for the resolver.
  })

  it('is repeated for seconds before a byte of an ended run is served', async () => {
    const store = memoryStore()
    const { pipeline } = await advanced([], { store, uploader: undefined })
    const clock = manualClock()
    const other = new SoraPipeline({
      generator: fakeTaskGenerator({ polls: [status(500), status(500), completed] }),
      store,
      clock,
    })
    const video = await other.openVideo('run_1')
    expect(await new Response(await clock.runUntil(video.open())).text()).toBe('bytes')
    const down = fakeTaskGenerator({ polls: Array.from({ length: 60 }, () => status(500)) })
    const failing = new SoraPipeline({ generator: down, store, clock })
    const opened = clock.runUntil((await failing.openVideo('run_1')).open())
    await expect(opened).rejects.toMatchObject({ status: 500 })
    expect(down.pollCount).toBe(4)
    await pipeline.close()
  })

  it('ends with the reader that waits for it', async () => {
    const store = memoryStore()
    await advanced([], { store, uploader: undefined })
    const generator = fakeTaskGenerator({ hangs: 'poll' })
    const video = await new SoraPipeline({ generator, store, clock: manualClock() }).openVideo('run_1')
    const reader = new AbortController()
    const opened = video.open({ signal: reader.signal })
    reader.abort(new Error('The client left'))
    await expect(opened).rejects.toThrow('The client left')
  })
})
