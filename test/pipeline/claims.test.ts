import { describe, expect, it } from 'vitest'
import {
  type MediaInput,
  memoryStore,
  type RunStore,
  SoraPipeline,
  SubmissionUnknownError,
  type TaskGenerator,
  type VideoRequest,
} from '../../src/index.js'
import { type FakeTaskGeneratorOptions, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const lost = new SubmissionUnknownError('Could not learn the outcome: host')
const byFind = { idempotency: 'none', lookup: 'fingerprint', settleMs: 5000 } as const
const X = { id: 'x' }
const Y = { id: 'y' }

function make(options: FakeTaskGeneratorOptions, change: Partial<TaskGenerator> = {}) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const generator = fakeTaskGenerator({ name: 'first', submission: byFind, ...options })
  const use = (more: Partial<TaskGenerator> = {}) =>
    new SoraPipeline({ generator: { ...generator, ...change, ...more }, store, clock, pollSchedule: () => 1000 })
  return { clock, store, generator, use, pipeline: use() }
}

const claimOf = (store: RunStore, operation: object, run: string) =>
  store.claim('job:first', JSON.stringify(operation), run)
const jobOf = async (store: RunStore, id: string) => (await store.load(id))?.state.submission

describe('a lookup', () => {
  it('filters out the jobs of other runs before it counts', async () => {
    const { clock, store, generator, pipeline } = make({ starts: [lost], found: [X, Y] })
    await claimOf(store, X, 'run_of_another')
    const run = pipeline.run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
    expect(await jobOf(store, 'run_1')).toMatchObject({ handle: { operation: Y } })
  })

  it('leaves more jobs than identical requests lost to a person', async () => {
    const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found: [X, Y, { id: 'z' }] })
    const runs = ['run_1', 'run_2'].map((id) => pipeline.run(request, { id }))
    for (const run of runs)
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    for (const { id } of runs) expect((await store.load(id))?.state.status).toBe('needs-review')
    expect(generator.startCount).toBe(2)
  })

  it.each([0, 160, 3000])('gives identical requests that lost their answers %i ms apart one job each', async (ms) => {
    const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found: [X, Y] })
    const first = pipeline.run(request, { id: 'run_1' })
    await clock.advance(ms)
    const second = pipeline.run(request, { id: 'run_2' })
    for (const { result } of [first, second])
      await expect(clock.runUntil(result)).resolves.toMatchObject({ servedBy: 'generator' })
    const jobs = await Promise.all(['run_1', 'run_2'].map((id) => jobOf(store, id)))
    expect(new Set(jobs.map((job) => JSON.stringify((job as { handle?: unknown }).handle)).values()).size).toBe(2)
    expect(generator.startCount).toBe(2)
  })

  it('gives three identical requests their two jobs, and sends the third again', async () => {
    const { clock, store, generator, pipeline } = make({ starts: [lost, lost, lost], found: [X, Y] })
    const runs = ['run_1', 'run_2', 'run_3'].map((id) => pipeline.run(request, { id }))
    for (const run of runs) await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    const jobs = await Promise.all(runs.map(({ id }) => jobOf(store, id)))
    const ids = jobs.map((job) => (job as { handle?: { operation?: { id?: string } } }).handle?.operation?.id)
    expect(ids.sort()).toEqual(['task_4', 'x', 'y'])
    expect(generator.startCount).toBe(4)
  })

  it('gives identical requests one job each in single steps', async () => {
    const { clock, generator, pipeline } = make({ starts: [lost, lost], found: [X, Y] })
    for (const id of ['run_1', 'run_2']) await pipeline.create(request, { id })
    for (let seconds = 0; seconds < 30; seconds += 1) {
      for (const id of ['run_1', 'run_2']) await clock.runUntil(pipeline.advance(id))
      await clock.advance(1000)
    }
    for (const id of ['run_1', 'run_2']) expect(await pipeline.get(id)).toMatchObject({ status: 'completed' })
    expect(generator.startCount).toBe(2)
  })

  it('gives one job to one of two identical requests whose answers were lost', async () => {
    const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found: [X] })
    const runs = ['run_1', 'run_2'].map((id) => pipeline.run(request, { id }))
    for (const run of runs) await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    const jobs = await Promise.all(runs.map(({ id }) => jobOf(store, id)))
    expect(jobs).toMatchObject([{ handle: { operation: X } }, { handle: { operation: { id: 'task_3' } } }])
    expect(generator.startCount).toBe(3)
  })

  it('does not share a job with another request that has the same prompt', async () => {
    const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found: [X] })
    const runs = [1, 2].map((durationSeconds) => pipeline.run({ ...request, durationSeconds }))
    for (const run of runs)
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    for (const { id } of runs) expect((await store.load(id))?.state.status).toBe('needs-review')
    expect(generator.startCount).toBe(2)
    expect(await claimOf(store, X, 'run_3')).toBe(true)
  })

  it.each<[string, Partial<VideoRequest>]>([
    ['blanks and line ends', { prompt: ' A cat\r\nplaying  piano\n' }],
    ['case and signs', { prompt: 'a cat, playing piano!' }],
    ['entities', { prompt: 'A cat&nbsp;playing&#32;piano' }],
    ['the form of letters', { prompt: 'Ａ cat playing piano' }],
    ['its place', { prompt: 'Another', providerOptions: { prompt: request.prompt } }],
  ])('takes no job that another run may have, whose prompt differs only in %s', async (_, other) => {
    const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found: [X] })
    const runs = [
      pipeline.run({ ...request, image: 'https://cdn.example/a.png' }, { id: 'run_1' }),
      pipeline.run({ ...request, ...other, image: 'https://cdn.example/b.png' }, { id: 'run_2' }),
    ]
    for (const { result } of runs)
      await expect(clock.runUntil(result)).rejects.toMatchObject({ code: 'submission-unknown' })
    for (const { id } of runs) expect((await store.load(id))?.state.status).toBe('needs-review')
    expect(generator.startCount).toBe(2)
  })

  describe('of two runs of one prompt with different images, whose answers were both lost,', () => {
    const address = (name: string) => `https://cdn.example/${name}.png`
    const bytes = (name: string) => ({ bytes: new TextEncoder().encode(name), mediaType: 'image/png' })
    const images: [string, (name: string) => MediaInput][] = [
      ['addresses', address],
      ['bytes', bytes],
    ]
    const cases = images.flatMap(([kind, imageOf]) =>
      [[X], [X, Y], [Y, X]].flatMap((found) => [0, 160].map((ms) => ({ kind, imageOf, found, ms }))),
    )

    it.each(cases)('takes no job: it may show the other image ($kind, $found, $ms ms apart)', async (given) => {
      const { imageOf, found, ms } = given
      const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found })
      const first = pipeline.run({ ...request, image: imageOf('a') }, { id: 'run_1' })
      await clock.advance(ms)
      const second = pipeline.run({ ...request, image: imageOf('b') }, { id: 'run_2' })
      for (const { result } of [first, second])
        await expect(clock.runUntil(result)).rejects.toMatchObject({ code: 'submission-unknown' })
      for (const { id } of [first, second]) expect((await store.load(id))?.state.status).toBe('needs-review')
      expect(generator.startCount).toBe(2)
    })

    it('takes a job alone that was listed before the other run sent its submission', async () => {
      const { clock, store, generator, pipeline } = make({ starts: [lost, lost], found: [X] })
      const first = pipeline.run({ ...request, image: address('a') }, { id: 'run_1' })
      await clock.advance(3000)
      const second = pipeline.run({ ...request, image: address('b') }, { id: 'run_2' })
      for (const { result } of [first, second]) await clock.runUntil(result)
      expect(await jobOf(store, 'run_1')).toMatchObject({ handle: { operation: X } })
      expect(await jobOf(store, 'run_2')).toMatchObject({ handle: { operation: { id: 'task_3' } } })
      expect(generator.startCount).toBe(3)
    })

    it('takes none in single steps either, also after another process took over', async () => {
      const { clock, generator, pipeline, use } = make({ starts: [lost, lost], found: [X, Y] })
      await pipeline.create({ ...request, image: address('a') }, { id: 'run_1' })
      await pipeline.create({ ...request, image: address('b') }, { id: 'run_2' })
      for (let seconds = 0; seconds < 30; seconds += 1) {
        const worker = seconds % 2 === 0 ? pipeline : use()
        for (const id of ['run_1', 'run_2']) await clock.runUntil(worker.advance(id))
        await clock.advance(1000)
      }
      for (const id of ['run_1', 'run_2']) expect(await pipeline.get(id)).toMatchObject({ status: 'needs-review' })
      expect(generator.startCount).toBe(2)
    })
  })

  it('does not conclude from claims of a run that died in the middle of its own lookup', async () => {
    const { clock, store, generator, use } = make({ starts: [lost, lost], found: [X, Y] })
    const dead = use({ find: () => new Promise(() => undefined) }).run(request, { id: 'run_1' })
    await clock.advance(6000)
    for (const job of [X, Y]) await claimOf(store, job, 'run_1')
    const run = use().run(request, { id: 'run_2' })
    await clock.advance(20_000)
    expect(await jobOf(store, 'run_2')).toMatchObject({ state: 'unknown' })
    expect(generator.startCount).toBe(2)
    await Promise.all([dead.cancel(), run.cancel(), clock.advance(60_000)])
  })

  it('does not take the job that a submission under way has just created', async () => {
    const { clock, store, generator, use } = make({ starts: [lost], found: [X] })
    let answer: () => void = () => undefined
    const slow: TaskGenerator['start'] = () =>
      new Promise((resolve) => {
        answer = () => resolve({ operation: X })
      })
    const other = use({ start: slow }).run(request, { id: 'run_1' })
    await clock.advance(10)
    const run = use().run(request, { id: 'run_2' })
    await clock.advance(8000)
    expect(await jobOf(store, 'run_2')).toMatchObject({ state: 'unknown' })
    answer()
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    await expect(clock.runUntil(other.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(await jobOf(store, 'run_1')).toMatchObject({ handle: { operation: X } })
    expect(await jobOf(store, 'run_2')).toMatchObject({ handle: { operation: { id: 'task_2' } } })
    expect(generator.startCount).toBe(2)
  })

  it('takes a job when the other run with its prompt has one', async () => {
    const { clock, store, pipeline } = make({ starts: ['accepted', lost], found: [{ id: 'task_1' }, X] })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)
    await clock.runUntil(pipeline.run(request, { id: 'run_2' }).result)
    expect(await jobOf(store, 'run_2')).toMatchObject({ handle: { operation: X } })
  })

  it.each<[string, object, object, boolean?]>([
    [
      'less of the job than that run',
      { id: 'x', pollUrl: '/x', data: { model: 'm' } },
      { id: 'x', data: { model: 'm' } },
    ],
    ['more of it', { id: 'x' }, { id: 'x', data: { model: 'm' } }],
    ['other things of it', { id: 'x', pollUrl: '/x' }, { id: 'x', data: { model: 'm' } }],
    ['other things of it, and its claim was not saved', { id: 'x', n: 1 }, { id: 'x', n: 2 }, true],
  ])(
    'does not take the job of a run with another image, where it knows %s',
    async (_, accepted, found, isUnclaimed = false) => {
      const { clock, store, generator, use } = make({ starts: [lost], found: [found as never] })
      const takes = use({ start: async () => ({ operation: accepted as never }) })
      const claim = store.claim
      if (isUnclaimed) store.claim = () => Promise.reject(new Error('down'))
      await clock.runUntil(takes.run({ ...request, image: 'https://cdn.example/a.png' }, { id: 'run_1' }).result)
      store.claim = claim
      await clock.runUntil(use().run({ ...request, image: 'https://cdn.example/b.png' }, { id: 'run_2' }).result)
      expect(await jobOf(store, 'run_1')).toMatchObject({ handle: { operation: accepted } })
      expect(await jobOf(store, 'run_2')).toMatchObject({ handle: { operation: { id: 'task_2' } } })
      expect(generator.startCount).toBe(2)
    },
  )

  it('does not take the job of a run whose claim could not be saved', async () => {
    const { clock, store, generator, use } = make({ starts: ['accepted', lost], found: [{ id: 'task_1' }] })
    const claim = store.claim
    store.claim = () => Promise.reject(new Error('down'))
    await clock.runUntil(use().run(request, { id: 'run_1' }).result)
    store.claim = claim
    await clock.runUntil(use().run(request, { id: 'run_2' }).result)
    expect(await jobOf(store, 'run_2')).toMatchObject({ handle: { operation: { id: 'task_3' } } })
    expect(generator.startCount).toBe(3)
  })

  it.each(['ends in review', 'is aborted'])('does not take what a run that %s may have paid for', async (how) => {
    const { clock, store, generator, use } = make({ starts: [lost, lost], found: [X] })
    const first = use(how === 'is aborted' ? {} : { submission: { idempotency: 'none', lookup: 'none' } }).run(
      request,
      { id: 'run_1' },
    )
    await clock.advance(10)
    if (how === 'is aborted') await first.cancel()
    await clock.advance(10)
    const run = use().run(request, { id: 'run_2' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await store.load('run_2'))?.state.status).toBe('needs-review')
    expect(generator.startCount).toBe(2)
  })

  it.each([-3_600_000, 3_600_000])('does not take it on a clock that is %i ms off either', async (offMs) => {
    const { clock, store, generator } = make({ starts: [lost, lost], found: [X] })
    const options = { clock, store, pollSchedule: () => 1000 }
    const unsure = { ...generator, submission: { idempotency: 'none', lookup: 'none' } as const }
    const first = new SoraPipeline({ ...options, generator: unsure }).run(request, { id: 'run_1' })
    await expect(clock.runUntil(first.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    const stepped = { ...clock, now: () => clock.now() + offMs }
    const run = new SoraPipeline({ ...options, generator, clock: stepped }).run(request, { id: 'run_2' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(generator.startCount).toBe(2)
  })

  it('goes to a person when it proves nothing', async () => {
    const { clock, store, generator, pipeline } = make({ starts: [lost] }, { find: async () => 'unclear' })
    const run = pipeline.run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await store.load('run_1'))?.state.status).toBe('needs-review')
    expect(generator.startCount).toBe(1)
  })
})

describe('a job that was accepted', () => {
  it('goes to a person when another run claimed it', async () => {
    const { clock, store, generator, pipeline } = make({})
    await claimOf(store, { id: 'task_1' }, 'run_of_another')
    const run = pipeline.run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      handle: { generator: 'first', operation: { id: 'task_1' } },
    })
    expect(await store.load('run_1')).toMatchObject({
      state: { status: 'needs-review', error: { handle: { operation: { id: 'task_1' } } } },
    })
    expect([generator.startCount, generator.pollCount]).toEqual([1, 0])
  })

  describe('while the store could not claim it', () => {
    /** A run with such a job, and what lets its claim through. */
    async function withUnclaimed(polls: number) {
      const world = make({ polls })
      const { store, clock, pipeline } = world
      const { claim } = store
      const asked: string[] = []
      let isDown = true
      store.claim = (namespace, key, runId) => {
        asked.push(key)
        return isDown ? Promise.reject(new Error('down')) : claim(namespace, key, runId)
      }
      const run = pipeline.run(request, { id: 'run_1' })
      await clock.advance(1500)
      const letThrough = () => {
        isDown = false
      }
      return { ...world, run, asked, letThrough }
    }

    it('is claimed at the first poll half a minute later, and the store shows it', async () => {
      const { clock, store, run, letThrough } = await withUnclaimed(Number.POSITIVE_INFINITY)
      expect(await jobOf(store, 'run_1')).toMatchObject({ state: 'accepted', isUnclaimed: true })
      letThrough()
      await clock.advance(28_000)
      expect(await jobOf(store, 'run_1')).toMatchObject({ isUnclaimed: true })
      await clock.advance(2000)
      expect(await jobOf(store, 'run_1')).not.toHaveProperty('isUnclaimed')
      expect(await claimOf(store, { id: 'task_1' }, 'run_2')).toBe(false)
      run.cancel()
    })

    it('is claimed by the next process at its first poll', async () => {
      const { clock, store, use, letThrough, pipeline } = await withUnclaimed(Number.POSITIVE_INFINITY)
      const closed = pipeline.close({ graceMs: 1000 })
      await clock.advance(1000)
      await closed
      letThrough()
      use().resume('run_1')
      await clock.advance(2000)
      expect(await claimOf(store, { id: 'task_1' }, 'run_2')).toBe(false)
    })

    it('is claimed with its video', async () => {
      const { clock, store, run, letThrough } = await withUnclaimed(2)
      letThrough()
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
      expect(await claimOf(store, { id: 'task_1' }, 'run_2')).toBe(false)
    })

    it.each([2, 100])('goes to a person when another run took it, also with its video (%i polls)', async (polls) => {
      const { clock, store, run, letThrough } = await withUnclaimed(polls)
      letThrough()
      await claimOf(store, { id: 'task_1' }, 'run_of_another')
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({
        code: 'submission-unknown',
        handle: { operation: { id: 'task_1' } },
      })
      expect((await store.load('run_1'))?.state).toMatchObject({
        status: 'needs-review',
        submission: { handle: { operation: { id: 'task_1' } } },
      })
    })

    it('does not hold its run up: a claim that fails is tried twice a minute', async () => {
      const { clock, run, asked } = await withUnclaimed(100)
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
      expect(asked).toHaveLength(1 + 3 + 1) // At first, at 30, 60 and 90 seconds, with the video.
    })
  })
})
