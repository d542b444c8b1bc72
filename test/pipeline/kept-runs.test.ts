import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type SoraPipelineOptions, UpstreamHttpError } from '../../src/index.js'
import {
  fakeGenerator,
  fakeResolver,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat playing piano' }

function setUp(options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const store = memoryStore()
  const pipeline = new SoraPipeline({ generator: fakeGenerator(), store, clock, pollSchedule: () => 1000, ...options })
  return { clock, store, pipeline }
}

describe('what is known of a run', () => {
  it('is undefined for an id that the store does not know', async () => {
    expect(await setUp().pipeline.get('run_unknown')).toBeUndefined()
  })

  it('has its owner, its request and how far it is, and its result at the end', async () => {
    const ratio = 0.4
    const polls = [{ state: 'queued' }, { state: 'running', ratio }, { state: 'running', ratio }] as const
    const { clock, pipeline, store } = setUp({ generator: fakeTaskGenerator({ polls }) })
    const run = pipeline.run(request, { id: 'run_1', owner: 'ann' })
    await clock.advance(3100)
    const known = { id: 'run_1', owner: 'ann', status: 'running', request, isAttended: true }
    expect(await pipeline.get('run_1')).toMatchObject({ ...known, progress: { stage: 'generate', ratio: 0.4 } })
    // Another process reads the same, from the store alone.
    const other = new SoraPipeline({ generator: fakeGenerator(), store, clock })
    expect(await other.get('run_1')).toMatchObject({ ...known, progress: { stage: 'generate', ratio: 0.4 } })
    const result = await clock.runUntil(run.result)
    const record = await pipeline.get('run_1')
    expect(record).toMatchObject({ status: 'completed', isAttended: false, result: { url: result.url } })
    expect(record?.endedAt).toBe(clock.now())
    expect(record).not.toHaveProperty('progress')
    expect(record?.result?.video).not.toHaveProperty('source')
  })

  it('has what a generator of one long call reports, before anything of it is saved', async () => {
    const generator = fakeGenerator({ progress: [{ ratio: 0.25, phase: 'rendering' }], hangs: true })
    const { clock, pipeline } = setUp({ generator })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    const progress = { stage: 'generate', ratio: 0.25, phase: 'rendering' }
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'running', progress })
    await run.cancel()
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'failed', error: { code: 'aborted' } })
  })

  it('reports that no worker holds it once the lease of a dead process has passed', async () => {
    const later = manualClock()
    const store = memoryStore({ clock: later })
    const { clock, pipeline } = setUp({ generator: fakeTaskGenerator({ polls: 1000 }), leaseMs: 1000, store })
    pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    await later.advance(1000)
    const other = new SoraPipeline({ generator: fakeGenerator(), store, clock: later })
    expect(await other.get('run_1')).toMatchObject({ status: 'running', isAttended: false })
  })
})

describe('the list of runs', () => {
  it('has those of one owner, newest first, page by page', async () => {
    const { clock, pipeline } = setUp()
    for (const [index, owner] of ['ann', 'bob', 'ann', 'ann'].entries()) {
      await clock.advance(10)
      await clock.runUntil(pipeline.run(request, { id: `run_${index}`, owner }).result)
    }
    const first = await pipeline.list({ owner: 'ann', order: 'newest-first', limit: 2 })
    expect(first.map(({ id }) => id)).toEqual(['run_3', 'run_2'])
    const second = await pipeline.list({ owner: 'ann', order: 'newest-first', limit: 2, after: 'run_2' })
    expect(second.map(({ id }) => id)).toEqual(['run_0'])
    expect((await pipeline.list({ order: 'oldest-first', limit: 9 })).map(({ id }) => id)).toEqual([
      'run_0',
      'run_1',
      'run_2',
      'run_3',
    ])
  })

  it('fails with a clear error when the store has none', async () => {
    const { list: _, ...plain } = memoryStore()
    const { pipeline } = setUp({ store: plain })
    const error = await pipeline.list({ order: 'newest-first', limit: 1 }).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'run-state', message: 'Could not list the runs, this store has no list()' })
  })
})

describe('an owner', () => {
  it('cannot reach the run of another by its id', async () => {
    const { clock, pipeline } = setUp({ generator: fakeTaskGenerator({ polls: 3 }) })
    const mine = pipeline.run(request, { id: 'run_1', owner: 'ann' })
    const theirs = pipeline.run(request, { id: 'run_1', owner: 'bob' })
    await expect(clock.runUntil(theirs.result)).rejects.toMatchObject({ code: 'run-state' })
    await clock.runUntil(mine.result)
  })

  it('has the same run for the same request, and not that of another, also once it has begun', async () => {
    const { clock, pipeline } = setUp({ generator: fakeTaskGenerator({ polls: 3 }) })
    const mine = pipeline.run(request, { id: 'run_1', owner: 'ann' })
    await clock.advance(500)
    expect(pipeline.run({ ...request }, { id: 'run_1', owner: 'ann' })).toBe(mine)
    expect(pipeline.resume('run_1')).toBe(mine)
    for (const owner of ['bob', undefined]) {
      const { result } = pipeline.run(request, { id: 'run_1', owner })
      await expect(result).rejects.toMatchObject({
        message: 'Could not join the run, it belongs to another owner: run_1',
      })
    }
    await clock.runUntil(mine.result)
  })

  it.each(['', 'x'.repeat(256), 7])('cannot be %j', (owner) => {
    const { pipeline } = setUp()
    expect(() => pipeline.run(request, { owner: owner as string })).toThrow(/owner/)
  })
})

describe('a run that was resumed', () => {
  it('is joined by its request in the same process, with one job and one worker', async () => {
    const generator = fakeTaskGenerator({ polls: 5 })
    const { clock, pipeline, store } = setUp({ generator, leaseMs: 1000 })
    const dead = manualClock({ now: clock.now() - 60_000 })
    new SoraPipeline({ generator, store, clock: dead, pollSchedule: () => 1000 }).run(request, { id: 'run_1' })
    await dead.advance(10)
    const resumed = pipeline.resume('run_1')
    const early = pipeline.run(request, { id: 'run_1' })
    await clock.advance(10)
    expect(pipeline.run(request, { id: 'run_1' })).toBe(resumed)
    const [a, b] = await clock.runUntil(Promise.all([resumed.result, early.result]))
    expect(a.url).toBe(b.url)
    expect(generator.startCount).toBe(1)
    expect(generator.pollCount).toBeLessThanOrEqual(7)
  })
})

describe('the video of a run', () => {
  const source = (text: string) => ({ isPublic: false, open: async () => new Blob([text]).stream() })

  it('is opened long after, behind the key of the generator', async () => {
    const generator = fakeTaskGenerator({ polls: 0, video: { id: 'video_1', source: source('private') } })
    const { clock, pipeline, store } = setUp({ generator })
    await expect(clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)).rejects.toMatchObject({
      code: 'no-usable-url',
    })
    const other = new SoraPipeline({ generator, store, clock: manualClock() })
    const video = await other.openVideo('run_1')
    expect(await new Response(await video.open()).text()).toBe('private')
    await expect(other.resume('run_1').result).rejects.toMatchObject({ code: 'no-usable-url', source: {} })
  })

  it('is requested again when its address behind the key has expired', async () => {
    const expired = {
      isPublic: false,
      open: async () => Promise.reject(new UpstreamHttpError('Could not open', { status: 403 })),
    }
    const sources = [expired, source('anew')]
    const video = () => ({ id: 'video_1', source: sources.shift() ?? source('too late') })
    const { clock, pipeline } = setUp({ generator: fakeTaskGenerator({ polls: 0, video }) })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    const opened = await (await pipeline.openVideo('run_1')).open()
    expect(await new Response(opened).text()).toBe('anew')
  })

  it('is opened by its public URL if a generator without jobs returned it as a source', async () => {
    const url = 'https://cdn.example/video_1.mp4'
    const video = { id: 'video_1', source: { ...source('the first time'), isPublic: true, url } }
    const openUrl = async (opened: string) => new Blob([opened]).stream()
    const generator = { name: 'g', generate: async () => video }
    const { clock, pipeline } = setUp({ generator, openUrl })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)
    const opened = await pipeline.openVideo('run_1')
    expect(await new Response(await opened.open()).text()).toBe(url)
  })

  it('has its length once it was opened, also after the run was resumed', async () => {
    const generator = fakeTaskGenerator({
      polls: 0,
      video: { id: 'video_1', source: fakeSource({ byteLength: 1000 }) },
    })
    const { clock, pipeline } = setUp({ generator })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    await expect(pipeline.resume('run_1').result).rejects.toMatchObject({ code: 'no-usable-url' })
    const video = await pipeline.openVideo('run_1')
    await (await video.open()).cancel()
    expect(video).toMatchObject({ byteLength: 1000, mediaType: 'video/mp4' })
  })

  it('comes from the mirror, else from the generator, else from the copy', async () => {
    const dead = new Set<string>()
    const openUrl = async (url: string) => {
      if (dead.has(url)) throw new Error(`dead: ${url}`)
      return new Blob([url]).stream()
    }
    const resolver = fakeResolver({ outcome: { url: 'https://mirror.example/a' } })
    const uploader = fakeUploader({ outcome: { url: 'https://store.example/a' } })
    const generator = fakeTaskGenerator({ video: { id: 'video_1', url: 'https://cdn.example/a' } })
    const { clock, pipeline } = setUp({ generator, resolver, uploader, openUrl })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)
    const read = async () => new Response(await (await pipeline.openVideo('run_1')).open()).text()
    for (const url of ['https://mirror.example/a', 'https://cdn.example/a', 'https://store.example/a']) {
      expect(await read()).toBe(url)
      dead.add(url)
    }
    await expect(read()).rejects.toThrow('dead')
  })

  it.each([
    ['the generator continues after another poll, where the file is as long', false, 1, undefined],
    ['a mirror fails without a poll, where another file may be as long', true, 0, 'Could not open the URL: 403'],
  ])('that ends in the middle at %s', async (_, isMirrored, asked, message) => {
    const bytes = new TextEncoder().encode('bytes')
    let opens = 0
    const open = async () => {
      opens += 1
      if (opens === 2) throw new UpstreamHttpError('Could not open the URL: 403', { status: 403 })
      return new Blob([bytes]).stream()
    }
    const own = { isPublic: false, byteLength: bytes.length, open }
    const generator = fakeTaskGenerator({ polls: 0, video: { id: 'video_1', source: own } })
    const outcome = { url: 'https://mirror.example/a', byteLength: bytes.length }
    const { clock, pipeline } = setUp({
      generator,
      openUrl: open,
      resolver: fakeResolver({ outcome: isMirrored ? outcome : new Error('no mirror') }),
    })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    const before = generator.pollCount
    const video = await pipeline.openVideo('run_1')
    await (await video.open()).cancel()
    const again = video.open().then((stream) => new Response(stream).text())
    await (message === undefined ? expect(again).resolves.toBe('bytes') : expect(again).rejects.toThrow(message))
    expect(generator.pollCount - before).toBe(asked)
    expect(video).toMatchObject({ isPublic: false })
  })

  it('is missing for a run without one', async () => {
    const { clock, pipeline } = setUp({ generator: fakeGenerator({ outcome: new Error('no') }) })
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    await expect(pipeline.openVideo('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not open the video, the run has none: run_1',
    })
    await expect(pipeline.openVideo('run_2')).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not find the run, the store does not know it: run_2',
    })
  })
})

describe('a run that is removed', () => {
  it('is stopped first, is no longer found, and its state stays', async () => {
    const generator = fakeTaskGenerator({ polls: 1000 })
    const { clock, pipeline, store } = setUp({ generator })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(3000)
    await clock.runUntil(pipeline.remove('run_1'))
    expect(generator.cancelCount).toBe(1)
    expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed', isAborted: true })
    expect(await pipeline.get('run_1')).toBeUndefined()
    expect(await pipeline.list({ order: 'newest-first', limit: 9 })).toEqual([])
    await expect(pipeline.openVideo('run_1')).rejects.toMatchObject({ code: 'run-state' })
    await expect(pipeline.remove('run_1')).rejects.toMatchObject({ code: 'run-state' })
    expect((await store.load('run_1'))?.state).toMatchObject({ status: 'failed', removedAt: clock.now() })
  })

  it('is stopped also when another process works on it', async () => {
    const generator = fakeTaskGenerator({ polls: 1000 })
    const { clock, pipeline, store } = setUp({ generator })
    const run = pipeline.run(request, { id: 'run_1' })
    await clock.advance(3000)
    const other = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    await clock.runUntil(other.remove('run_1'))
    await clock.runUntil(run.result.catch(() => undefined))
    expect(generator.cancelCount).toBeGreaterThan(0)
    expect(await other.get('run_1')).toBeUndefined()
  })
})

describe('a video that one long call gave without a public URL', () => {
  const generator = () =>
    fakeGenerator({
      outcome: (_, call) => ({
        id: `gen_${call}`,
        source: { isPublic: false, open: async () => new Blob([`bytes ${call}`]).stream() },
      }),
    })

  it('is opened in this process, for the latest 20 runs', async () => {
    const { pipeline } = setUp({ generator: generator() })
    for (let index = 0; index < 21; index += 1) {
      await pipeline.run(request, { id: `run_${index}` }).result.catch(() => undefined)
    }
    const read = async (id: string) => new Response(await (await pipeline.openVideo(id)).open()).text()
    expect(await read('run_1')).toBe('bytes 1')
    expect(await read('run_20')).toBe('bytes 20')
    await expect(read('run_0')).rejects.toThrow()
    await pipeline.remove('run_20')
    await expect(read('run_20')).rejects.toMatchObject({ code: 'run-state' })
  })

  it('is still opened after the run was resumed, as for its events', async () => {
    const { pipeline } = setUp({ generator: generator() })
    await pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined)
    await expect(pipeline.resume('run_1').result).rejects.toMatchObject({ code: 'no-usable-url' })
    expect(await new Response(await (await pipeline.openVideo('run_1')).open()).text()).toBe('bytes 0')
  })

  it('is lost after a restart, and the error reports it', async () => {
    const { clock, pipeline, store } = setUp({ generator: generator() })
    await pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined)
    const other = new SoraPipeline({ generator: generator(), store, clock })
    const video = await other.openVideo('run_1')
    await expect(video.open()).rejects.toMatchObject({ code: 'upstream-response' })
  })
})
