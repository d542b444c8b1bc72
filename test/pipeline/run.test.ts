import { describe, expect, it } from 'vitest'
import {
  fallback,
  type PipelineEvent,
  SoraPipeline,
  type Uploader,
  UpstreamHttpError,
  type VideoSource,
  withTimeout,
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

const request = { prompt: 'A cat playing piano' }
const types = (events: readonly PipelineEvent[]) =>
  events.map(({ type, ...event }) => ('stage' in event ? `${type} ${event.stage}` : type))

describe('a run with all four stages', () => {
  it('goes through them in order and gives the uploaded URL', async () => {
    const generator = fakeGenerator()
    const publisher = fakePublisher()
    const resolver = fakeResolver()
    const uploader = fakeUploader()
    const run = new SoraPipeline({ generator, publisher, resolver, uploader }).run(request)
    const result = await run.result
    expect(result).toMatchObject({
      runId: run.id,
      url: 'https://drive.google.com/file/d/xxx/view',
      servedBy: 'uploader',
      isDegraded: false,
      warnings: [],
      video: { id: 'gen_1' },
      publication: { id: 's_694fb875ab6881919a4d70e090a87522' },
      resolved: { url: 'https://oscdn2.dyysy.com/MP4/s_694fb875ab6881919a4d70e090a87522.mp4' },
      uploaded: { url: 'https://drive.google.com/file/d/xxx/view' },
    })
    expect(result.attempts.map(({ stage, strategy, outcome }) => `${stage} ${strategy} ${outcome}`)).toEqual([
      'generate fake-generator succeeded',
      'publish fake-publisher succeeded',
      'resolve fake-resolver succeeded',
      'upload fake-uploader succeeded',
    ])
    const events = await collect(run)
    expect(types(events)).toEqual([
      'run-started',
      'stage-started generate',
      'stage-completed generate',
      'stage-started publish',
      'stage-completed publish',
      'stage-started resolve',
      'stage-completed resolve',
      'stage-started upload',
      'stage-completed upload',
      'run-completed',
    ])
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index))
    expect(JSON.parse(JSON.stringify(events))).toEqual(events)
    expect(resolver.calls[0]?.input.publication?.id).toBe('s_694fb875ab6881919a4d70e090a87522')
    expect(uploader.calls[0]?.input).toMatchObject({
      url: 'https://oscdn2.dyysy.com/MP4/s_694fb875ab6881919a4d70e090a87522.mp4',
      isPublic: true,
    })
  })

  it('skips what is not configured, once each, and gives the generator its own URL', async () => {
    const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
    const pipeline = new SoraPipeline({ generator })
    const run = pipeline.run(request)
    expect(await run.result).toEqual({
      runId: run.id,
      url: 'https://cdn.example/a.mp4',
      servedBy: 'generator',
      video: { id: 'gen_1', url: 'https://cdn.example/a.mp4' },
      attempts: [{ stage: 'generate', strategy: 'mock', outcome: 'succeeded', durationMs: expect.any(Number) }],
      isDegraded: false,
      warnings: [],
      durationMs: expect.any(Number),
    })
    const skipped = (await collect(run)).filter(({ type }) => type === 'stage-skipped')
    expect(skipped).toMatchObject([
      { stage: 'publish', reason: 'not-configured' },
      { stage: 'resolve', reason: 'not-configured' },
      { stage: 'upload', reason: 'not-configured' },
    ])
    expect(await pipeline.generate(request)).toMatchObject({ url: 'https://cdn.example/a.mp4' })
  })

  it('starts without a reader, and gives every reader the same events whenever it comes', async () => {
    const clock = manualClock()
    const generator = fakeGenerator({ delayMs: 1000, progress: [{ ratio: 0.25 }, { ratio: 0.5 }, { phase: 'mixing' }] })
    const run = new SoraPipeline({ generator, clock }).run(request)
    const early = Array.from({ length: 5 }, () => collect(run))
    await clock.advance(500)
    expect(generator.calls).toHaveLength(1)
    const late = Array.from({ length: 5 }, () => collect(run))
    await clock.advance(500)
    const views = await Promise.all([...early, ...late, collect(run)])
    const progress = views[0]?.filter(({ type }) => type === 'stage-progressed')
    expect(progress).toMatchObject([{ ratio: 0.25, elapsedMs: 0 }, { ratio: 0.5 }, { phase: 'mixing' }])
    for (const view of views) expect(view).toEqual(views[0])
  })

  it('continues when a reader leaves its loop', async () => {
    const run = new SoraPipeline({ generator: fakeGenerator(), uploader: fakeUploader() }).run(request)
    for await (const event of run) if (event.type === 'stage-started') break
    await expect(run.result).resolves.toMatchObject({ servedBy: 'uploader' })
  })

  it('passes every event to a listener, and survives one that throws with a single warning', async () => {
    const seen: string[] = []
    const onEvent = ({ type }: PipelineEvent) => {
      seen.push(type)
      throw new Error('listener broke')
    }
    const run = new SoraPipeline({ generator: fakeGenerator(), onEvent }).run(request)
    await expect(run.result).resolves.toMatchObject({ servedBy: 'generator' })
    const events = await collect(run)
    expect(seen).toEqual(events.map(({ type }) => type))
    expect(events.filter(({ type }) => type === 'warning')).toMatchObject([
      { code: 'listener-failed', message: 'onEvent threw: listener broke' },
    ])
  })

  it('gives the strategy in progress and never lets the ratio go back', async () => {
    const generator = fakeGenerator({
      progress: [
        { ratio: 0.4 },
        { ratio: 0.2 },
        { ratio: Number.NaN, bytesDone: -1 },
        { ratio: 7, bytesDone: 3, bytesTotal: 4 },
      ],
    })
    const run = new SoraPipeline({ generator }).run(request)
    await run.result
    const progress = (await collect(run)).filter(({ type }) => type === 'stage-progressed')
    expect(progress.map((event) => ('ratio' in event ? event.ratio : undefined))).toEqual([
      0.4,
      0.4,
      undefined,
      undefined,
    ])
    expect(progress[3]).toMatchObject({ strategy: 'fake-generator', bytesDone: 3, bytesTotal: 4 })
    expect(progress[2]).not.toHaveProperty('bytesDone')
  })

  it('reports the strategies of each stage, and the one at work under its label', async () => {
    const generator = fakeGenerator({ name: 'mock', label: 'Mock' })
    const run = new SoraPipeline({ generator, uploader: fakeUploader({ name: 'drive' }) }).run(request)
    await run.result
    const events = await collect(run)
    expect(events[0]).toMatchObject({ type: 'run-started', stages: ['generate', 'upload'] })
    const stages = events.filter(({ type }) => type === 'stage-started' || type === 'stage-completed')
    expect(stages).toMatchObject([
      { stage: 'generate', strategy: 'mock', label: 'Mock' },
      { stage: 'generate', strategy: 'mock', label: 'Mock' },
      { stage: 'upload', strategy: 'drive', label: 'Google Drive' },
      { stage: 'upload', strategy: 'drive', label: 'Google Drive' },
    ])
    const plain = new SoraPipeline({ generator: { name: 'mock', generate: generator.generate } }).run(request)
    await plain.result
    const [started, first] = await collect(plain)
    expect(started).toMatchObject({ stages: ['generate'] })
    expect(first).not.toHaveProperty('label')
  })

  it('ignores invalid progress, and reports of a strategy that is no longer at work', async () => {
    const clock = manualClock()
    const late: Uploader = {
      name: 'late',
      upload: async (_, { report, warn, clock: own }) => {
        for (const odd of [null, 'half', undefined]) report(odd as never)
        own.sleep(5000).then(() => {
          report({ ratio: 0.9 })
          warn?.({ code: 'late', message: 'Too late' })
        })
        throw new Error('no way')
      },
    }
    const generator = fakeGenerator()
    const publisher = fakePublisher()
    const uploader = fallback(late, fakeUploader({ name: 'slow', delayMs: 9000 }))
    const run = new SoraPipeline({
      generator,
      publisher,
      uploader: withTimeout(uploader, { timeoutMs: 1000 }),
      clock,
    }).run(request)
    const { warnings } = await clock.runUntil(run.result)
    await clock.advance(10_000)
    expect(warnings).toEqual([])
    expect((await collect(run)).filter(({ type }) => type === 'stage-progressed')).toEqual([])
  })

  it('warns of one thing once, and of each thing', async () => {
    const said = [
      { code: 'odd', message: 'The size is odd' },
      { code: 'odd', message: 'The size is odd' },
      { code: 'odd', message: 'The length is odd' },
      { code: 'new', message: 'The length is odd' },
    ]
    const speaker: Uploader = {
      name: 'speaker',
      upload: async (_, { warn }) => {
        for (const warning of said) warn?.(warning)
        return { url: 'https://store.example/a.mp4' }
      },
    }
    const { warnings } = await new SoraPipeline({ generator: fakeGenerator(), uploader: speaker }).generate(request)
    expect(warnings).toEqual([said[0], said[2], said[3]].map((warning) => ({ ...warning, stage: 'upload' })))
  })

  it('passes warnings of strategies on to events and result', async () => {
    const generator = {
      name: 'mock',
      generate: async (
        _: unknown,
        { warn }: { warn?: ((warning: { code: string; message: string }) => void) | undefined },
      ) => {
        warn?.({ code: 'unsupported-option', message: 'The seed is ignored' })
        return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
      },
    }
    const run = new SoraPipeline({ generator }).run(request)
    const warning = { stage: 'generate', code: 'unsupported-option', message: 'The seed is ignored' }
    expect((await run.result).warnings).toEqual([warning])
    expect((await collect(run)).filter(({ type }) => type === 'warning')).toMatchObject([
      { ...warning, strategy: 'mock' },
    ])
  })
})

describe('the later stages', () => {
  const failure = new UpstreamHttpError('Could not do it, the answer was HTTP 500: host', { status: 500 })
  const cases = [
    { fails: ['upload'], servedBy: 'resolver' },
    { fails: ['resolve', 'upload'], servedBy: 'generator' },
    { fails: ['publish', 'resolve', 'upload'], servedBy: 'generator' },
    { fails: ['publish'], servedBy: 'uploader' },
    { fails: ['publish', 'upload'], servedBy: 'resolver' },
  ]
  it.each(cases)('degrades when $fails fails and serves the $servedBy URL', async ({ fails, servedBy }) => {
    const outcome = (stage: string) => (fails.includes(stage) ? { outcome: failure } : {})
    const run = new SoraPipeline({
      generator: fakeGenerator(),
      publisher: fakePublisher(outcome('publish')),
      resolver: fakeResolver(outcome('resolve')),
      uploader: fakeUploader(outcome('upload')),
    }).run(request)
    expect(await run.result).toMatchObject({ servedBy, isDegraded: true })
    const events = await collect(run)
    expect(
      events.filter(({ type }) => type === 'stage-failed').map((event) => 'stage' in event && event.stage),
    ).toEqual(fails)
    expect(events.filter(({ type }) => type === 'attempt-failed')).toHaveLength(fails.length)
    expect(events.at(-1)?.type).toBe('run-completed')
  })

  it('gives the resolver the video alone when publishing failed, and the uploader the generated bytes when resolving did', async () => {
    const resolver = fakeResolver({ outcome: failure })
    const uploader = fakeUploader()
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      publisher: fakePublisher({ outcome: failure }),
      resolver,
      uploader,
    })
    await pipeline.generate(request)
    expect(resolver.calls[0]?.input).toEqual({ video: expect.objectContaining({ id: 'gen_1' }) })
    expect(uploader.calls[0]?.input.url).toContain('videos.openai.com')
  })

  it.each([
    ['an uploader', { uploader: { name: 'bad', upload: async () => ({ url: 'nowhere' }) } }],
    ['a resolver', { resolver: { name: 'bad', resolve: async () => ({ url: 'file:///etc/passwd' }) } }],
    ['a publisher', { publisher: { name: 'bad', publish: async () => ({ id: '' }) } }],
    ['a publisher without a result', { publisher: { name: 'bad', publish: async () => undefined as never } }],
  ])('does not trust %s with an unusable result', async (_, strategy) => {
    const run = new SoraPipeline({ generator: fakeGenerator(), ...strategy }).run(request)
    expect(await run.result).toMatchObject({ servedBy: 'generator', isDegraded: true })
    expect(await collect(run)).toContainEqual(
      expect.objectContaining({ type: 'stage-failed', error: expect.objectContaining({ code: 'upstream-response' }) }),
    )
  })

  it('gives a hanging stage its deadline and continues', async () => {
    const clock = manualClock()
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      resolver: fakeResolver({ hangs: true }),
      uploader: fakeUploader(),
      deadlines: { resolveMs: 5000 },
      clock,
    })
    const run = pipeline.run(request)
    await clock.advance(4999)
    expect((await Promise.race([run.result, 'waiting'])) as unknown).toBe('waiting')
    await clock.advance(1)
    expect(await run.result).toMatchObject({ servedBy: 'uploader', isDegraded: true })
    expect(await collect(run)).toContainEqual(
      expect.objectContaining({
        type: 'stage-failed',
        stage: 'resolve',
        durationMs: 5000,
        error: expect.objectContaining({ code: 'stage-timeout', message: 'Could not resolve in time: 5000 ms' }),
      }),
    )
  })

  it('warns when the post is not taken back in time', async () => {
    const clock = manualClock()
    const publisher = { ...fakePublisher(), unpublish: () => new Promise<void>(() => undefined) }
    const deadlines = { publishMs: 7000 }
    const options = { generator: fakeGenerator(), publisher, uploader: fakeUploader(), deadlines, clock }
    const run = new SoraPipeline({ ...options, unpublishAfterUpload: true }).run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({
      durationMs: 7000,
      warnings: [
        {
          code: 'unpublish-failed',
          message: 'Could not remove the post: Could not publish in time: 7000 ms',
          stage: 'publish',
        },
      ],
    })
  })

  it('completes with the best URL when the overall deadline passes after the generation', async () => {
    const clock = manualClock()
    const pipeline = new SoraPipeline({
      generator: fakeGenerator({ delayMs: 4000 }),
      publisher: fakePublisher({ delayMs: 3000 }),
      resolver: fakeResolver(),
      uploader: fakeUploader(),
      deadlines: { totalMs: 6000 },
      clock,
    })
    const run = pipeline.run(request)
    await clock.advance(6000)
    expect(await run.result).toMatchObject({ servedBy: 'generator', isDegraded: true, durationMs: 6000 })
    const skipped = (await collect(run)).filter(({ type }) => type === 'stage-skipped')
    expect(skipped).toMatchObject([
      { stage: 'resolve', reason: 'deadline' },
      { stage: 'upload', reason: 'deadline' },
    ])
  })

  it('takes the post back after an upload when configured, and only warns when that fails', async () => {
    const taken: string[] = []
    const publisher = {
      ...fakePublisher(),
      unpublish: async ({ id }: { id: string }) => {
        taken.push(id)
        if (taken.length > 1) throw new Error('gone')
      },
    }
    const options = { generator: fakeGenerator(), publisher, uploader: fakeUploader(), unpublishAfterUpload: true }
    const pipeline = new SoraPipeline(options)
    expect((await pipeline.generate(request)).warnings).toEqual([])
    expect(taken).toEqual(['s_694fb875ab6881919a4d70e090a87522'])
    const second = await pipeline.generate(request)
    expect(second).toMatchObject({ servedBy: 'uploader', isDegraded: false })
    expect(second.warnings).toMatchObject([{ code: 'unpublish-failed', message: 'Could not remove the post: gone' }])
    await new SoraPipeline({ ...options, uploader: fakeUploader({ outcome: failure }) }).generate(request)
    expect(taken).toHaveLength(2)
    await new SoraPipeline({ ...options, unpublishAfterUpload: false }).generate(request)
    await new SoraPipeline({ ...options, unpublishAfterUpload: undefined }).generate(request)
    expect(taken).toHaveLength(2)
    const { unpublish: _without, ...keeping } = publisher
    expect((await new SoraPipeline({ ...options, publisher: keeping }).generate(request)).warnings).toMatchObject([
      {
        message:
          'Could not remove the post: Could not unpublish, the publisher does not implement unpublish(): fake-publisher',
      },
    ])
  })

  it('uploads the generated video when the resolved URL cannot be opened, and stays with it', async () => {
    const opened: string[] = []
    const bytes = (text: string) => new Blob([text]).stream()
    const source = {
      isPublic: false,
      byteLength: 9,
      open: async ({ offset = 0 } = {}) => {
        opened.push(`source at ${offset}`)
        return bytes('generated'.slice(offset))
      },
    }
    const uploader = {
      name: 'reader',
      upload: async (given: VideoSource) => {
        expect(given).toMatchObject({ url: expect.stringContaining('oscdn2'), byteLength: 77, isPublic: true })
        const first = await new Response(await given.open()).text()
        const rest = await new Response(await given.open({ offset: 4 })).text()
        expect(given.byteLength).toBe(9)
        return { url: `https://store.example/${first}-${rest}` }
      },
    }
    const openUrl = async (url: string) => {
      opened.push(url)
      throw failure
    }
    const generator = fakeGenerator({ outcome: { id: 'gen_1', source } })
    const resolver = fakeResolver({ outcome: { url: 'https://oscdn2.dyysy.com/a.mp4', byteLength: 77 } })
    const result = await new SoraPipeline({ generator, resolver, uploader, openUrl }).generate(request)
    expect(result).toMatchObject({ url: 'https://store.example/generated-rated', isDegraded: false })
    expect(result.warnings).toMatchObject([{ code: 'source-replaced', stage: 'upload' }])
    expect(opened).toEqual(['https://oscdn2.dyysy.com/a.mp4', 'source at 0', 'source at 4'])
  })

  it('copies from the resolved URL when it opens, also after a cut', async () => {
    const opened: number[] = []
    const openUrl = async (_: string, { offset = 0 }: { offset?: number | undefined }) => {
      opened.push(offset)
      return new Blob(['resolved'.slice(offset)]).stream()
    }
    const uploader = {
      name: 'reader',
      upload: async (given: VideoSource) => {
        const parts = [await given.open(), await given.open({ offset: 3 })].map((stream) => new Response(stream).text())
        expect([given.byteLength, given.mediaType, given.expiresAt]).toEqual([8, 'video/mp4', 99])
        return { url: `https://store.example/${(await Promise.all(parts)).join('-')}` }
      },
    }
    const resolved = { url: 'https://cdn.example/a.mp4', byteLength: 8, mediaType: 'video/mp4', expiresAt: 99 }
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      resolver: fakeResolver({ outcome: resolved }),
      uploader,
      openUrl,
    })
    expect((await pipeline.generate(request)).url).toBe('https://store.example/resolved-olved')
    expect(opened).toEqual([0, 3])
  })

  it('fails with the source at hand when the video is only behind a key and nothing uploaded it', async () => {
    const source = {
      isPublic: false,
      url: 'https://api.example/v1/videos/1/content',
      open: async () => new Blob(['x']).stream(),
    }
    const generator = fakeTaskGenerator({ video: { id: 'video_1', source }, polls: 0 })
    const run = new SoraPipeline({ generator, clock: manualClock(), pollSchedule: () => 0 }).run(request)
    await expect(run.result).rejects.toMatchObject({
      code: 'no-usable-url',
      source,
      handle: { generator: 'fake-task-generator', operation: { id: 'task_1' } },
    })
    const last = (await collect(run)).at(-1)
    expect(last).toMatchObject({ type: 'run-failed', upstream: { state: 'finished' } })
    expect(JSON.stringify(last)).not.toContain('/content')
    const uploader = fakeUploader()
    const uploaded = new SoraPipeline({ generator, uploader, pollSchedule: () => 0 }).generate(request)
    await expect(uploaded).resolves.toMatchObject({ servedBy: 'uploader' })
    const input = uploader.calls[0]?.input
    expect(input).toMatchObject({ isPublic: false, url: source.url })
    expect(await new Response(await input?.open()).text()).toBe('x')
  })

  it('serves the public address of a source', async () => {
    const source = { isPublic: true, url: 'https://cdn.example/a.mp4', open: async () => new Blob(['x']).stream() }
    const generator = fakeGenerator({ outcome: { id: 'gen_1', source } })
    await expect(new SoraPipeline({ generator }).generate(request)).resolves.toMatchObject({ url: source.url })
  })
})
