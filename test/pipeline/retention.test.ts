import { describe, expect, it } from 'vitest'
import {
  GenerationFailedError,
  memoryStore,
  SoraPipeline,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  type VideoRequest,
} from '../../src/index.js'
import { fakeGenerator, fakeSource, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const HOUR = 3_600_000
const request: VideoRequest = {
  prompt: 'A cat that nobody may see',
  user: 'ann@example.com',
  metadata: { order: 'order_7' },
  providerOptions: { note: 'a private note' },
  image: { bytes: Buffer.from('private pixels'), mediaType: 'image/png' },
}
const SECRETS = ['nobody may see', 'ann@example.com', 'order_7', 'private note', 'private pixels']
const video = { id: 'video_1', url: 'https://cdn.example/a.mp4', durationSeconds: 8 }
const refusal = new GenerationFailedError('Could not generate the video: out of credit')

function setUp({ maxEnded = 1000, ...options }: Partial<SoraPipelineOptions> & { readonly maxEnded?: number } = {}) {
  const clock = manualClock()
  const store = memoryStore({ clock, maxEnded })
  const base = { generator: fakeTaskGenerator({ video }), store, clock, pollSchedule: () => 1000, ...options }
  const pipeline = new SoraPipeline(base)
  const another = (more: Partial<SoraPipelineOptions> = {}) => new SoraPipeline({ ...base, ...more })
  const end = (id?: string) => clock.runUntil(pipeline.generate(request, id ? { id } : {}).catch((error) => error))
  const stored = async (id: string) => JSON.stringify((await store.load(id)) ?? null)
  return { maxEnded, clock, store, pipeline, another, end, stored, generator: base.generator }
}

/** What forgets ended runs: the caller, or the store as the next run ends. */
const EVICTIONS = {
  prune: {},
  'maxEnded: 0': { maxEnded: 0 },
}
async function evict({ clock, pipeline, maxEnded }: ReturnType<typeof setUp>) {
  await clock.advance(1)
  if (maxEnded > 0) await pipeline.prune({ endedBefore: clock.now() })
}

describe('prune', () => {
  it.each([
    ['a time in the future', (now: number) => ({ endedBefore: now + 1 })],
    ['NaN', () => ({ endedBefore: Number.NaN })],
    ['another name', () => ({ endedBefor: 1, endedBefore: 1 })],
    ['a string', () => ({ endedBefore: '2026-01-01' })],
    ['a Date', (now: number) => ({ endedBefore: new Date(now) })],
    ['Infinity', () => ({ endedBefore: Number.POSITIVE_INFINITY })],
    ['no instant', () => ({})],
    ['nothing', () => undefined],
    ['null', () => null],
  ])('refuses %s by name, and forgets nothing', async (_, given) => {
    const { clock, pipeline, end } = setUp()
    await end('run_1')
    await clock.advance(1)
    await expect(pipeline.prune(given(clock.now()) as never)).rejects.toMatchObject({
      name: 'InvalidRequestError',
      message: expect.stringContaining('endedBefore'),
      problems: [{ fix: expect.stringMatching(/endedBefore|epoch/) }],
    })
    expect(await pipeline.get('run_1')).toMatchObject({ request: { prompt: request.prompt } })
  })

  it('is refused for a store without prune(), with a clear error', async () => {
    const { clock, store, another } = setUp()
    const { prune: _, ...rest } = store
    await expect(another({ store: rest }).prune({ endedBefore: clock.now() })).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not prune the runs, this store has no prune()',
    })
  })

  it('counts what it forgets: runs that ended before the instant', async () => {
    const { clock, pipeline, end } = setUp()
    await end('run_1')
    await end()
    await clock.advance(HOUR)
    const border = clock.now()
    const late = pipeline.run(request, { id: 'run_3' })
    await clock.runUntil(late.result)
    expect(await pipeline.prune({ endedBefore: border })).toBe(2)
    expect(await pipeline.prune({ endedBefore: border })).toBe(0)
    expect(await pipeline.get('run_3')).toMatchObject({ request: { prompt: request.prompt } })
  })
})

describe.each(Object.entries(EVICTIONS))('a run that is forgotten by %s', (_, options) => {
  it('is not one that is running or in review', async () => {
    const starts = [new SubmissionUnknownError('Could not learn the outcome: host'), 'accepted'] as const
    const world = setUp({ ...options, generator: fakeTaskGenerator({ starts, video }) })
    const { clock, pipeline, another } = world
    await clock.runUntil(pipeline.generate(request, { id: 'review' }).catch(() => undefined))
    const running = another({ generator: fakeTaskGenerator({ polls: 30 }) }).run(request, { id: 'running' })
    await clock.advance(100)
    await clock.runUntil(pipeline.generate({ prompt: 'another' }))
    await evict(world)
    await clock.advance(1000)
    expect(await pipeline.get('review')).toMatchObject({ status: 'needs-review', request: { prompt: request.prompt } })
    expect(await pipeline.get('running')).toMatchObject({ status: 'running', request: { prompt: request.prompt } })
    await clock.runUntil(running.result)
    await clock.runUntil((await pipeline.settle('review', 'not-submitted')).result)
  })

  it('answers under an id of the caller for 24 hours: its URL, and nothing is submitted', async () => {
    const world = setUp(options)
    const { clock, pipeline, another, end, stored, generator } = world
    const { url } = await end('run_1')
    await evict(world)
    await clock.advance(24 * HOUR - 1000)
    await evict(world)
    expect(await pipeline.get('run_1')).toMatchObject({ id: 'run_1', status: 'completed', result: { url } })
    for (const each of [pipeline, another()]) {
      expect((await clock.runUntil(each.run(request, { id: 'run_1' }).result)).url).toBe(url)
      expect((await clock.runUntil(each.resume('run_1').result)).url).toBe(url)
      expect(await collect(each.resume('run_1'))).toMatchObject([{ type: 'run-resumed' }, { type: 'run-completed' }])
      await expect(clock.runUntil(each.run({ prompt: 'other' }, { id: 'run_1' }).result)).rejects.toMatchObject({
        message: 'Could not join the run, its id belongs to a different request: run_1',
      })
      await expect(clock.runUntil(each.run(request, { id: 'run_1', owner: 'bob' }).result)).rejects.toMatchObject({
        message: 'Could not join the run, it belongs to another owner: run_1',
      })
    }
    for (const secret of SECRETS) expect(await stored('run_1')).not.toContain(secret)
    expect((generator as ReturnType<typeof fakeTaskGenerator>).startCount).toBe(1)
  })

  it('answers with its error, its code and whether it was aborted', async () => {
    const failing = setUp({ ...options, generator: fakeTaskGenerator({ starts: [refusal] }) })
    const error = await failing.end('run_1')
    await evict(failing)
    expect(await failing.pipeline.get('run_1')).toMatchObject({
      status: 'failed',
      error: { code: 'generation-failed' },
    })
    for (const run of [failing.another().run(request, { id: 'run_1' }), failing.another().resume('run_1')]) {
      await expect(failing.clock.runUntil(run.result)).rejects.toMatchObject({
        code: error.code,
        message: error.message,
      })
    }
    const aborted = setUp({ ...options, generator: fakeTaskGenerator({ polls: 1000 }) })
    const run = aborted.pipeline.run(request, { id: 'run_1' })
    await aborted.clock.advance(100)
    await aborted.clock.runUntil(run.cancel())
    await evict(aborted)
    const again = aborted.another().resume('run_1')
    await expect(aborted.clock.runUntil(again.result)).rejects.toMatchObject({ code: 'aborted' })
    expect((await collect(again)).at(-1)).toMatchObject({ type: 'run-failed', isAborted: true })
  })

  it('is removed after 24 hours, and its id is free', async () => {
    const world = setUp(options)
    const { clock, pipeline, store, end, another, generator } = world
    await end('run_1')
    await evict(world)
    await clock.advance(24 * HOUR + 1)
    // A memory store knows no wall clock: it sweeps as runs end.
    await end('run_2')
    await evict(world)
    expect(await store.load('run_1')).toBeUndefined()
    expect(await pipeline.get('run_1')).toBeUndefined()
    await expect(clock.runUntil(another().resume('run_1').result)).rejects.toMatchObject({ code: 'run-state' })
    await clock.runUntil(another().run({ prompt: 'other' }, { id: 'run_1' }).result)
    expect((generator as ReturnType<typeof fakeTaskGenerator>).startCount).toBe(3)
  })

  it('is removed at once without an id of the caller', async () => {
    const world = setUp(options)
    const { runId } = await world.end()
    await evict(world)
    expect(await world.store.load(runId)).toBeUndefined()
    expect(await world.pipeline.list({ order: 'newest-first', limit: 10 })).toEqual([])
  })

  it('keeps its claims of jobs for 24 hours', async () => {
    const world = setUp(options)
    const { clock, store, end } = world
    const { runId } = await end()
    await evict(world)
    const claim = () => store.claim('job:fake-task-generator', JSON.stringify({ id: 'task_1' }), 'other')
    expect(await store.load(runId)).toBeUndefined()
    expect(await claim()).toBe(false)
    await clock.advance(24 * HOUR - 10_000)
    await evict(world)
    expect(await claim()).toBe(false)
    await clock.advance(10_001)
    await end()
    await evict(world)
    expect(await claim()).toBe(true)
  })

  it('answers that its video is only behind a key', async () => {
    const source = fakeSource({ bytes: Buffer.from('video') })
    const generator = fakeGenerator({ outcome: { id: 'video_1', source } })
    const world = setUp({ ...options, generator })
    expect(await world.end('run_1')).toMatchObject({ code: 'no-usable-url' })
    await evict(world)
    const again = world.another().run(request, { id: 'run_1' })
    await expect(world.clock.runUntil(again.result)).rejects.toMatchObject({ code: 'no-usable-url' })
    expect(generator.calls).toHaveLength(1)
  })
})

describe('erase', () => {
  it('takes the prompt out of what upstreams quoted of it', async () => {
    const prompt = 'My neighbour at the window'
    const store = memoryStore()
    const refusal = new GenerationFailedError(`Could not generate: "${prompt}" is not fine`)
    const generator = fakeTaskGenerator({ polls: [{ state: 'failed', error: refusal }] })
    const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => 1 })
    await pipeline.run({ prompt }, { id: 'run_1' }).result.catch(() => undefined)
    expect(JSON.stringify(await store.load('run_1'))).toContain(`\\"${prompt}`)
    await pipeline.erase('run_1')
    const erased = await store.load('run_1')
    expect(JSON.stringify(erased)).not.toContain(prompt)
    expect(erased?.state.error).toMatchObject({ message: expect.stringContaining('"[erased]" is not fine') })
  })

  it('removes the prompt, the media and all other input; the outcome stays', async () => {
    const uploader = fakeUploader()
    const { clock, pipeline, another, store, end, stored, generator } = setUp({ uploader })
    const { url } = await end('run_1')
    await pipeline.erase('run_1')
    await pipeline.erase('run_1')
    for (const each of [pipeline, another()]) {
      const [record, listed] = [await each.get('run_1'), await each.list({ order: 'newest-first', limit: 10 })]
      expect(record).toMatchObject({ status: 'completed', request: { prompt: '' }, result: { url } })
      expect(listed).toEqual([record])
      for (const secret of SECRETS) expect(JSON.stringify([record, listed])).not.toContain(secret)
      expect((await clock.runUntil(each.resume('run_1').result)).url).toBe(url)
      expect((await clock.runUntil(each.run(request, { id: 'run_1' }).result)).url).toBe(url)
    }
    for (const secret of SECRETS) expect(await stored('run_1')).not.toContain(secret)
    expect(await store.dropMedia?.('run_1')).toBeUndefined()
    expect((generator as ReturnType<typeof fakeTaskGenerator>).startCount).toBe(1)
  })

  it('leaves the video openable', async () => {
    const opened: string[] = []
    const openUrl: SoraPipelineOptions['openUrl'] = async (url) => {
      opened.push(url)
      return new Blob(['bytes']).stream()
    }
    const { pipeline, end } = setUp({ openUrl })
    await end('run_1')
    await pipeline.erase('run_1')
    const source = await pipeline.openVideo('run_1')
    expect(await new Response(await source.open()).text()).toBe('bytes')
    expect(opened).toEqual([video.url])
  })

  it('removes media that stayed because the store failed when the run ended', async () => {
    const { clock, store, another, pipeline } = setUp()
    const flaky = another({ store: { ...store, dropMedia: () => Promise.reject(new Error('ECONNRESET')) } })
    const { warnings } = await clock.runUntil(flaky.generate(request, { id: 'run_1' }))
    expect(warnings).toMatchObject([{ code: 'store-unavailable' }])
    const state = (await store.load('run_1'))?.state as { request?: { image?: { sha256: string } } }
    const sha256 = state.request?.image?.sha256 ?? ''
    expect(Buffer.from((await store.getMedia?.(sha256)) ?? []).toString()).toBe('private pixels')
    await pipeline.erase('run_1')
    expect(await store.getMedia?.(sha256)).toBeUndefined()
  })

  it('is refused for a run that is running, in review, or not known', async () => {
    const starts = [new SubmissionUnknownError('Could not learn the outcome: host'), 'accepted'] as const
    const { clock, pipeline, another } = setUp({ generator: fakeTaskGenerator({ starts, polls: 100, video }) })
    await clock.runUntil(pipeline.generate(request, { id: 'review' }).catch(() => undefined))
    pipeline.run(request, { id: 'running' })
    await clock.advance(100)
    for (const each of [pipeline, another()]) {
      await expect(each.erase('review')).rejects.toMatchObject({
        code: 'run-state',
        message: 'Could not erase the run, it is in review; settle it: review',
      })
      await expect(each.erase('running')).rejects.toMatchObject({
        code: 'run-state',
        message: 'Could not erase the run, it is running; cancel it: running',
      })
      await expect(each.erase('unknown')).rejects.toMatchObject({
        message: 'Could not erase the run, the store does not know it: unknown',
      })
    }
    await expect(pipeline.erase('')).rejects.toMatchObject({ code: 'request-invalid' })
    expect(await pipeline.get('running')).toMatchObject({ request: { prompt: request.prompt } })
  })
})
