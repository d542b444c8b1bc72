import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat' }
const video = { id: 'video_1', url: 'https://cdn.example/a.mp4' }

function start(options: Partial<SoraPipelineOptions>, clock = manualClock(), storeClock = clock) {
  const store = memoryStore({ clock: storeClock })
  const make = (more: Partial<SoraPipelineOptions> = {}) =>
    new SoraPipeline({ generator: fakeGenerator(), pollSchedule: () => 1000, ...options, store, clock, ...more })
  const pipeline = make()
  const from = clock.now()
  return { clock, from, make, pipeline, run: pipeline.run(request, { id: 'run_1' }), read: () => pipeline.get('run_1') }
}

describe('the record of a run', () => {
  it('reports how far the generator is, and that a worker holds it', async () => {
    const generator = fakeTaskGenerator({ polls: Array.from({ length: 9 }, () => ({ state: 'running', ratio: 0.4 })) })
    const { clock, from, make, run, read } = start({ generator })
    await clock.advance(2500)
    const record = await read()
    // As another process reads it; polls are not saved, so that the next one is known to this process alone.
    expect(await make().get('run_1')).toEqual({ ...record, wakeAt: from + 1000 })
    expect(record).toEqual({
      id: 'run_1',
      status: 'running',
      request,
      startedAt: from,
      wakeAt: from + 3000,
      isAttended: true,
      stage: 'generate',
      progress: { stage: 'generate', ratio: 0.4, phase: 'running' },
    })
    await run.cancel()
  })

  it('reports when no worker holds it any more', async () => {
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const later = manualClock()
    const first = start({ generator }, manualClock(), later)
    await first.clock.advance(1500)
    expect(await first.make({ clock: later }).get('run_1')).toMatchObject({ status: 'running', isAttended: true })
    // The clock of the store; that of the first process stands still, as it does for one that died.
    await later.advance(10_000)
    expect(await first.make({ clock: later }).get('run_1')).toMatchObject({ status: 'running', isAttended: false })
    await first.run.cancel()
  })

  it('reports the current stage and what the generator made, not how far an earlier stage was', async () => {
    const uploader = fakeUploader({ hangs: true })
    const generator = fakeTaskGenerator({
      polls: [{ state: 'running', ratio: 0.4 }],
      video: { ...video, model: 'sora-2' },
    })
    const { clock, run, read } = start({ generator, uploader })
    await clock.advance(3000)
    const record = await read()
    expect(record).toMatchObject({ stage: 'upload', isAttended: true, video: { id: 'video_1', model: 'sora-2' } })
    expect(record?.video).not.toHaveProperty('url')
    expect(record).not.toHaveProperty('progress')
    await run.cancel()
  })

  it('counts the removal of a post as a part of the upload', async () => {
    const publisher = { ...fakePublisher(), unpublish: () => new Promise<never>(() => undefined) }
    const { clock, run, read } = start({ publisher, uploader: fakeUploader(), unpublishAfterUpload: true })
    await clock.advance(100)
    expect(await read()).toMatchObject({ status: 'running', stage: 'upload' })
    await run.cancel()
  })

  it('has the result of a run that has completed, and until when its URL may work', async () => {
    const expiresAt = manualClock().now() + 3_600_000
    const { clock, from, run, read } = start({
      generator: fakeGenerator({ outcome: { ...video, expiresAt }, delayMs: 700 }),
    })
    await clock.runUntil(run.result)
    await clock.advance(5000)
    const record = await read()
    expect(record).toMatchObject({
      status: 'completed',
      isAttended: false,
      endedAt: from + 700,
      result: { url: video.url, durationMs: 700 },
      urlExpiresAt: expiresAt,
    })
    for (const field of ['stage', 'progress', 'error', 'owner']) expect(record).not.toHaveProperty(field)
    const lasting = start({ generator: fakeGenerator({ outcome: video }) })
    await lasting.clock.runUntil(lasting.run.result)
    expect(await lasting.read()).not.toHaveProperty('urlExpiresAt')
  })

  it('has the error of a run that has failed', async () => {
    const { clock, run, read } = start({ generator: fakeGenerator({ outcome: new Error('no credit') }) })
    await expect(clock.runUntil(run.result)).rejects.toThrow('no credit')
    const record = await read()
    expect(record).toMatchObject({ status: 'failed', isAttended: false, error: { code: 'generation-failed' } })
    for (const field of ['stage', 'result', 'video']) expect(record).not.toHaveProperty(field)
  })

  it('cannot be read while the store is down, and a list neither', async () => {
    const cause = new Error('ECONNREFUSED')
    const down = () => Promise.reject(cause)
    const store = { ...memoryStore(), load: down, list: down }
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store })
    await expect(pipeline.get('run_1')).rejects.toMatchObject({
      message: 'Could not read the run, the store is down: run_1',
      cause,
    })
    await expect(pipeline.list({ order: 'newest-first', limit: 10 })).rejects.toMatchObject({
      message: 'Could not list the runs, the store is down',
      cause,
    })
    const { list: _without, ...plain } = memoryStore()
    await expect(
      new SoraPipeline({ generator: fakeGenerator(), store: plain }).list({ order: 'newest-first', limit: 10 }),
    ).rejects.toThrow('Could not list the runs, this store has no list')
  })
})
