import { describe, expect, it } from 'vitest'
import {
  ContentRejectedError,
  fallback,
  memoryStore,
  RunStateError,
  SoraPipeline,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  storedRuns,
} from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }

function setUp() {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const make = (options: SoraPipelineOptions) =>
    new SoraPipeline({ store, clock, pollSchedule: () => 1000, ...options })
  return { clock, store, make, runs: storedRuns(store, { clock }) }
}

/** A generator whose next start has no outcome, and the ones after it work. */
function lossy(name: string) {
  const inner = fakeTaskGenerator({ name })
  let isLost = true
  const start: typeof inner.start = async (given, context) => {
    if (!isLost) return inner.start(given, context)
    isLost = false
    throw new SubmissionUnknownError(`Could not learn whether it was accepted: ${name}`)
  }
  return { generator: { ...inner, upstream: `https://${name}.example`, start, poll: inner.poll }, inner }
}

const refusing = () => ({
  ...fakeTaskGenerator({ name: 'a' }),
  start: async () => {
    throw new Error('no capacity')
  },
})

describe('storedRuns', () => {
  it('explains a run in review, and settles it at its place in the chain', async () => {
    const { clock, make, runs } = setUp()
    const { generator, inner } = lossy('b')
    const pipeline = make({ generator: fallback(refusing(), generator) })
    const { result } = pipeline.run(request, { id: 'order 17', owner: 'ann' })
    await expect(clock.runUntil(result)).rejects.toMatchObject({ code: 'submission-unknown' })

    expect(await runs.list({ owner: 'ann' })).toMatchObject([{ id: 'order 17', status: 'needs-review' }])
    const details = await runs.inspect('order 17')
    expect(details).toMatchObject({
      status: 'needs-review',
      verdicts: ['operation', 'not-submitted'],
      submission: { number: 2, generator: 'b', upstream: 'https://b.example', sentAt: expect.any(Number) },
      candidates: [],
    })
    expect(details?.attempts.map(({ strategy, errorCode }) => [strategy, errorCode])).toEqual([
      ['a', 'unexpected'],
      ['b', 'submission-unknown'],
    ])
    expect(await pipeline.inspect('order 17')).toEqual(details)

    await runs.settle('order 17', 'not-submitted')
    expect(inner.startCount).toBe(0)
    expect(await runs.inspect('order 17')).toMatchObject({
      status: 'running',
      isAttended: false,
      verdicts: [],
      submission: { state: 'ready', number: 3, generator: 'b' },
    })
    const [run] = await pipeline.recover()
    await expect(clock.runUntil(run?.result ?? Promise.reject())).resolves.toMatchObject({ runId: 'order 17' })
    expect(inner.startCount).toBe(1)
  })

  it.each([
    [{}, {}, 7_200_000],
    [{ totalMs: 60_000 }, {}, 60_000],
    [{ totalMs: Number.POSITIVE_INFINITY }, {}, undefined],
    [{}, { deadlines: { totalMs: 5000 } }, 5000],
  ])('a settled run has the total time of its pipeline again: %j, %j', async (deadlines, options, totalMs) => {
    const { clock, store, make } = setUp()
    const { generator } = lossy('b')
    const pipeline = make({ generator, deadlines: { totalMs: 7_200_000, ...deadlines } })
    await clock.runUntil(pipeline.run(request, { id: 'one' }).result).catch(() => undefined)
    await clock.advance(1e8)
    await storedRuns(store, { clock, ...options }).settle('one', 'not-submitted')
    const loaded = await store.load('one')
    expect(loaded?.state.status).toBe('running')
    expect(loaded?.state.deadlineAt).toBe(totalMs === undefined ? undefined : clock.now() + totalMs)
  })

  it('gives a run the job that a person found, under the upstream of its submission', async () => {
    const { clock, make, runs } = setUp()
    const { generator, inner } = lossy('b')
    const pipeline = make({ generator: fallback(refusing(), generator) })
    await clock.runUntil(pipeline.run(request, { id: 'one' }).result).catch(() => undefined)
    await runs.settle('one', { operation: { id: 'task_9' } })
    const handle = { generator: 'b', upstream: 'https://b.example', operation: { id: 'task_9' } }
    expect(await runs.inspect('one')).toMatchObject({ submission: { state: 'accepted', handle } })
    const [run] = await pipeline.recover()
    await clock.runUntil(run?.result ?? Promise.reject())
    expect(inner.startCount).toBe(0)
  })

  it('refuses a job that another run has claimed', async () => {
    const { clock, store, make, runs } = setUp()
    const { generator } = lossy('b')
    const pipeline = make({ generator })
    await clock.runUntil(pipeline.run(request, { id: 'one' }).result).catch(() => undefined)
    const job = { id: 'task_9' }
    await pipeline.adopt({ generator: 'b', operation: job, startedAt: clock.now() }, { id: 'other' })
    await expect(runs.settle('one', { operation: job })).rejects.toThrow('another run has claimed the job')
    expect((await store.load('one'))?.state.status).toBe('needs-review')
  })

  it('refuses what needs no person, an unknown run, and an invalid verdict', async () => {
    const { clock, make, runs } = setUp()
    const pipeline = make({ generator: fakeTaskGenerator({ name: 'a', polls: 5 }) })
    const { result } = pipeline.run(request, { id: 'one' })
    await clock.advance(100)
    await expect(runs.settle('one', 'not-submitted')).rejects.toThrow('it is not in review but running')
    await clock.runUntil(result)
    await expect(runs.settle('one', 'not-submitted')).rejects.toThrow('it is not in review but completed')
    await expect(runs.settle('none', 'not-submitted')).rejects.toBeInstanceOf(RunStateError)
    for (const verdict of ['submitted', undefined, {}, { operation: () => 1 }]) {
      await expect(runs.settle('one', verdict as never)).rejects.toMatchObject({ code: 'request-invalid' })
    }
    await expect(runs.settle('', 'not-submitted')).rejects.toMatchObject({ code: 'request-invalid' })
  })

  it('accepts only a job for a failed run that may have one, and nothing for other failures', async () => {
    const { clock, make, runs } = setUp()
    const pipeline = make({ generator: fakeTaskGenerator({ polls: 1e6 }), deadlines: { generateMs: 5000 } })
    await clock.runUntil(pipeline.run(request, { id: 'late' }).result).catch(() => undefined)
    expect(await runs.inspect('late')).toMatchObject({
      status: 'failed',
      verdicts: ['operation'],
      submission: { state: 'accepted', handle: { operation: expect.anything() } },
      upstream: { state: 'running' },
    })
    await expect(runs.settle('late', 'not-submitted')).rejects.toMatchObject({
      code: 'run-state',
      message:
        'Could not settle the run as not submitted, it has failed and has or may have a job: late; settle it with the id of the right job, or retry it as another run, which pays another job',
    })
    const rejected = async () => {
      throw new ContentRejectedError('Could not make the video: not allowed')
    }
    const refused = make({ generator: { ...fakeTaskGenerator(), start: rejected } })
    await clock.runUntil(refused.run(request, { id: 'refused' }).result).catch(() => undefined)
    expect(await runs.inspect('refused')).toMatchObject({ status: 'failed', isRefused: true, verdicts: [] })
  })

  it('shows every URL, the post and the warnings of a completed run; erases, removes and prunes it', async () => {
    const { clock, make, runs } = setUp()
    const pipeline = make({ generator: fakeTaskGenerator({ name: 'a' }), uploader: fakeUploader() })
    await clock.runUntil(pipeline.run(request, { id: 'one' }).result)
    const { candidates = [] } = (await runs.inspect('one')) ?? {}
    expect(candidates.map(({ servedBy }) => servedBy)).toEqual(['generator', 'uploader'])
    await runs.erase('one')
    expect((await runs.inspect('one'))?.request.prompt).toBe('')
    await runs.remove('one')
    expect(await runs.inspect('one')).toBeUndefined()
    await expect(runs.remove('one')).rejects.toBeInstanceOf(RunStateError)
    await clock.advance(1000)
    expect(await runs.prune({ endedBefore: clock.now() })).toBe(1)
  })

  it('refuses what is not a store, and options that it does not know', () => {
    expect(() => storedRuns({} as never)).toThrow(/store is .*create\(\)/)
    expect(() => storedRuns(undefined as never)).toThrow(/store is nothing/)
    expect(() => storedRuns(memoryStore(), { generator: 1 } as never)).toThrow('generator is unknown')
  })
})
