import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHandler } from '../../src/http/index.js'
import {
  fallback,
  memoryStore,
  NetworkError,
  RateLimitError,
  SoraPipeline,
  SubmissionUnknownError,
} from '../../src/index.js'
import { type Instrumentation, instrument } from '../../src/otel/index.js'
import { METRICS } from '../../src/otel/metric-names.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { memoryExporters } from './memory-exporters.js'

const REQUEST = { prompt: 'A cat of the canary', model: 'sora-2', durationSeconds: 8, size: '1280x720', seed: 7 }

let exporters: ReturnType<typeof memoryExporters>
let instrumentation: Instrumentation | undefined
const start = (options = {}) => {
  const { tracerProvider, meterProvider } = exporters
  instrumentation = instrument({ tracerProvider, meterProvider, ...options })
  return instrumentation
}

beforeEach(() => {
  exporters = memoryExporters()
})
afterEach(async () => {
  instrumentation?.disable()
  instrumentation = undefined
  await exporters.stop()
})

describe('spans', () => {
  it('are one of the run, with one child for each attempt, by the names of the conventions', async () => {
    start()
    const jobs = fakeTaskGenerator({
      name: 'jobs',
      polls: 2,
      video: { id: 'gen_1', url: 'https://cdn.example/a.mp4?signature=canary', model: 'sora-2-2026' },
    })
    const pipeline = new SoraPipeline({
      generator: { ...jobs, upstream: 'https://api.example:8443/v1' },
      publisher: fakePublisher(),
      resolver: fakeResolver(),
      uploader: fallback(
        fakeUploader({ name: 'down', outcome: new NetworkError('Could not reach it') }),
        fakeUploader({ name: 'up' }),
      ),
      pollSchedule: () => 1,
    })
    const result = await pipeline.generate(REQUEST, { id: 'run_1' })
    const run = exporters.span('invoke_workflow sora-pipeline')
    expect(run).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      links: [],
      attributes: {
        'gen_ai.operation.name': 'invoke_workflow',
        'gen_ai.workflow.name': 'sora-pipeline',
        'gen_ai.request.model': 'sora-2',
        'sora_pipeline.run.id': 'run_1',
        'sora_pipeline.run.is_ended': true,
        'sora_pipeline.run.is_resumed': false,
        'sora_pipeline.served_by': result.servedBy,
        'sora_pipeline.is_degraded': false,
        'sora_pipeline.attempts': 5,
      },
    })
    expect(run.events).toMatchObject([
      {
        name: 'sora_pipeline.fallback',
        attributes: {
          'sora_pipeline.stage': 'upload',
          'sora_pipeline.strategy': 'down',
          'sora_pipeline.next_strategy': 'up',
        },
      },
    ])
    const generate = exporters.span('generate_content sora-2')
    expect(generate.kind).toBe(SpanKind.CLIENT)
    expect(generate.attributes).toEqual({
      'sora_pipeline.run.id': 'run_1',
      'sora_pipeline.stage': 'generate',
      'sora_pipeline.strategy': 'jobs',
      'gen_ai.operation.name': 'generate_content',
      'gen_ai.provider.name': 'jobs',
      'gen_ai.request.model': 'sora-2',
      'gen_ai.request.seed': 7,
      'gen_ai.output.type': 'video',
      'gen_ai.response.id': expect.any(String),
      'gen_ai.response.model': 'sora-2-2026',
      'server.address': 'api.example',
      'server.port': 8443,
      'sora_pipeline.request.duration_seconds': 8,
      'sora_pipeline.request.size': '1280x720',
    })
    const failed = exporters.span('upload down')
    expect(failed).toMatchObject({
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.ERROR, message: 'Could not reach it' },
      attributes: { 'error.type': 'network' },
    })
    const children = exporters.spans().filter((span) => span !== run)
    expect(children.map(({ name }) => name)).toEqual([
      'generate_content sora-2',
      'publish fake-publisher',
      'resolve fake-resolver',
      'upload down',
      'upload up',
    ])
    expect(new Set(children.map(({ parentSpanContext }) => parentSpanContext?.spanId))).toEqual(
      new Set([run.spanContext().spanId]),
    )
    expect(JSON.stringify(exporters.spans().map(({ attributes, events }) => [attributes, events]))).not.toContain(
      'canary',
    )
  })

  it('of the caller is the parent, and that of an attempt is the parent of those of its strategy', async () => {
    start()
    const { tracer } = exporters
    const pipeline = new SoraPipeline({
      generator: {
        name: 'traced',
        generate: async () => {
          await Promise.resolve()
          tracer.startSpan('inside').end()
          return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
        },
      },
    })
    const caller = tracer.startSpan('caller')
    await context.with(trace.setSpan(context.active(), caller), () => pipeline.generate(REQUEST))
    caller.end()
    const run = exporters.span('invoke_workflow sora-pipeline')
    expect(run.parentSpanContext?.spanId).toBe(caller.spanContext().spanId)
    expect(run.links).toEqual([])
    const inside = exporters.span('inside')
    expect(inside.parentSpanContext?.spanId).toBe(exporters.span('generate_content sora-2').spanContext().spanId)
    expect(inside.spanContext().traceId).toBe(caller.spanContext().traceId)
  })

  it('of a run that fails have the code of the error and the status, those of an aborted one only the code', async () => {
    start()
    const failing = new SoraPipeline({
      generator: fakeGenerator({ outcome: new SubmissionUnknownError('Could not say') }),
    })
    await failing.generate({ prompt: 'A cat' }).catch(() => undefined)
    const generator = fakeGenerator({ hangs: true })
    const run = new SoraPipeline({ generator }).run({ prompt: 'A cat' })
    await eventually(() => expect(generator.calls).toHaveLength(1))
    await run.cancel()
    expect(
      exporters.spans().map(({ name, status, attributes }) => [name, status.code, attributes['error.type']]),
    ).toEqual([
      ['generate_content', SpanStatusCode.ERROR, 'submission-unknown'],
      ['invoke_workflow sora-pipeline', SpanStatusCode.ERROR, 'submission-unknown'],
      ['generate_content', SpanStatusCode.UNSET, 'aborted'],
      ['invoke_workflow sora-pipeline', SpanStatusCode.UNSET, 'aborted'],
    ])
  })

  it('of the process that continues a run link to the span of the caller; neither span lasts over the restart', async () => {
    start()
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 3 })
    const first = new SoraPipeline({ generator, store, clock })
    const caller = exporters.tracer.startSpan('caller')
    context.with(trace.setSpan(context.active(), caller), () => first.run(REQUEST, { id: 'run_1' }))
    caller.end()
    await clock.advance(100)
    await first.close()
    const next = new SoraPipeline({ generator, store, clock })
    await clock.runUntil(next.resume('run_1').result)
    const runs = exporters.spans().filter(({ name }) => name === 'invoke_workflow sora-pipeline')
    const { traceId, spanId } = caller.spanContext()
    expect(runs.map(({ attributes, status }) => [attributes['sora_pipeline.run.is_ended'], status.code])).toEqual([
      [false, SpanStatusCode.UNSET],
      [true, SpanStatusCode.UNSET],
    ])
    expect(runs[0]?.links).toEqual([])
    expect(runs[0]?.spanContext().traceId).toBe(traceId)
    expect(runs[1]?.links).toMatchObject([{ context: { traceId, spanId } }])
    expect(runs[1]?.parentSpanContext).toBeUndefined()
    const attempts = exporters.spans().filter(({ name }) => name === 'generate_content sora-2')
    expect(attempts.map(({ attributes }) => attributes['sora_pipeline.attempt.is_unfinished'])).toEqual([
      true,
      undefined,
    ])
    const { [METRICS.operationDuration.name]: durations = [] } = await exporters.points()
    expect(durations.map(({ value }) => (value as { readonly count: number }).count)).toEqual([1])
  })

  it('of a run without an active span are the start of a trace, or children of the given caller; others link to it', async () => {
    start()
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 3 })
    const first = new SoraPipeline({ generator, store, clock })
    const given = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    first.run(REQUEST, { id: 'own' })
    first.run(REQUEST, { id: 'given', traceparent: given })
    await clock.advance(100)
    await first.close()
    const next = new SoraPipeline({ generator, store, clock })
    await clock.runUntil(Promise.all(['own', 'given'].map((id) => next.resume(id).result)))
    const ofRun = (id: string) =>
      exporters
        .spans()
        .filter(({ name, attributes }) => /^invoke/.test(name) && attributes['sora_pipeline.run.id'] === id)
    const [begun, continued] = ofRun('own')
    expect(begun?.links).toEqual([])
    expect(continued?.links[0]?.context.spanId).toBe(begun?.spanContext().spanId)
    const [child, linked] = ofRun('given')
    expect(child).toMatchObject({ links: [], parentSpanContext: { spanId: 'b7ad6b7169203331', isRemote: true } })
    expect(child?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(linked?.links.map(({ context: { spanId } }) => spanId)).toEqual(['b7ad6b7169203331'])
  })

  it('of a run with an active span and a given caller are children of the active one, and link to a caller of another trace', async () => {
    start()
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    const server = exporters.tracer.startSpan('server')
    const { traceId, spanId } = server.spanContext()
    const inServer = (id: string, traceparent: string) =>
      context.with(trace.setSpan(context.active(), server), () => pipeline.generate(REQUEST, { id, traceparent }))
    await inServer('same', `00-${traceId}-b7ad6b7169203331-01`)
    await inServer('other', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
    const runs = exporters.spans().filter(({ name }) => /^invoke/.test(name))
    expect(runs.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([spanId, spanId])
    expect(runs.map(({ links }) => links.map((link) => link.context.spanId))).toEqual([[], ['b7ad6b7169203331']])
  })

  it('of a run that is only created are where the process that advances it links to', async () => {
    start()
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store: memoryStore() })
    const server = exporters.tracer.startSpan('server')
    await context.with(trace.setSpan(context.active(), server), () => pipeline.create(REQUEST, { id: 'run_1' }))
    await pipeline.create(REQUEST, {
      id: 'run_2',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    for (const id of ['run_1', 'run_2']) while ((await pipeline.advance(id)).status === 'running');
    const runs = exporters.spans().filter(({ name }) => /^invoke/.test(name))
    const linked = (id: string) =>
      runs.filter(({ attributes, links }) => attributes['sora_pipeline.run.id'] === id && links.length > 0)
    expect(runs[0]?.parentSpanContext?.spanId).toBe(server.spanContext().spanId)
    expect(linked('run_1')[0]?.links[0]?.context.spanId).toBe(server.spanContext().spanId)
    expect(linked('run_2')[0]?.links[0]?.context.spanId).toBe('b7ad6b7169203331')
    expect(runs.at(-1)?.attributes['sora_pipeline.run.is_ended']).toBe(true)
  })

  it('of a request to a handler are children of the span of its client', async () => {
    start()
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    const handler = createHandler(pipeline, { public: true })
    const ask = async (headers: Record<string, string>) => {
      const body = JSON.stringify({ prompt: 'A cat' })
      const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }
      const { id } = (await (await handler(new Request('http://backend.example/v1/videos', init))).json()) as {
        id: string
      }
      await pipeline.resume(id).result
      return exporters.spans().find(({ attributes }) => attributes['sora_pipeline.run.id'] === id)
    }
    const ids = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331'
    const known = await ask({ traceparent: `00-${ids}-01` })
    expect(known?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    const keyed = await ask({ traceparent: `cc-${ids}-03-more`, 'idempotency-key': 'a' })
    expect(keyed?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    const ignored = await ask({ traceparent: `00-${ids.toUpperCase()}-01`, 'idempotency-key': 'b' })
    expect(ignored?.spanContext().traceId).not.toBe('0af7651916cd43dd8448eb211c80319c')
  })

  it('are also of the cancellation of a job, and of the removal of a post', async () => {
    start()
    const { tracer } = exporters
    const jobs = fakeTaskGenerator({ name: 'jobs', polls: 99 })
    const run = new SoraPipeline({
      generator: {
        ...jobs,
        upstream: 'https://api.example/v1',
        start: async () => ({ operation: { id: 'job_1' } }),
        cancel: async () => {
          await Promise.resolve()
          tracer.startSpan('inside').end()
          return 'too-late'
        },
      },
      pollSchedule: () => 60_000,
    }).run(REQUEST, { id: 'run_1' })
    for await (const event of run) if (event.type === 'stage-progressed') break
    await run.cancel()
    const cancelled = exporters.span('cancel jobs')
    expect(cancelled).toMatchObject({ kind: SpanKind.CLIENT, status: { code: SpanStatusCode.UNSET } })
    expect(cancelled.attributes).toEqual({
      'sora_pipeline.run.id': 'run_1',
      'sora_pipeline.stage': 'generate',
      'sora_pipeline.strategy': 'jobs',
      'sora_pipeline.cancel.outcome': 'too-late',
      'server.address': 'api.example',
      'gen_ai.response.id': 'job_1',
    })
    const ofRun = exporters.span('invoke_workflow sora-pipeline').spanContext().spanId
    expect(cancelled.parentSpanContext?.spanId).toBe(ofRun)
    expect(exporters.span('inside').parentSpanContext?.spanId).toBe(cancelled.spanContext().spanId)

    const unpublish = async () => {
      throw new NetworkError('Could not reach it')
    }
    await new SoraPipeline({
      generator: fakeGenerator(),
      publisher: { ...fakePublisher(), name: 'posts', unpublish },
      uploader: fakeUploader(),
      unpublishAfterUpload: true,
    }).generate(REQUEST)
    expect(exporters.span('unpublish posts')).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'Could not reach it' },
      attributes: { 'error.type': 'network', 'sora_pipeline.stage': 'publish' },
    })
  })

  it('have the prompt only with recordInputs', async () => {
    start()
    await new SoraPipeline({ generator: fakeGenerator(), recordInputs: true }).generate(REQUEST)
    expect(exporters.span('generate_content sora-2').attributes['gen_ai.input.messages']).toBe(
      '[{"role":"user","parts":[{"type":"text","content":"A cat of the canary"}]}]',
    )
  })

  it('end with disable, and none begins after it', async () => {
    const { disable } = start()
    const generator = fakeGenerator({ hangs: true })
    const run = new SoraPipeline({ generator }).run(REQUEST)
    await eventually(() => expect(generator.calls).toHaveLength(1))
    expect(exporters.spans()).toEqual([])
    disable()
    disable()
    expect(exporters.spans().map(({ name }) => name)).toEqual([
      'generate_content sora-2',
      'invoke_workflow sora-pipeline',
    ])
    await run.cancel()
    await new SoraPipeline({ generator: fakeGenerator() }).generate(REQUEST)
    expect(exporters.spans()).toHaveLength(2)
  })

  it('cost a run nothing without an SDK', async () => {
    instrumentation = instrument()
    const result = await new SoraPipeline({ generator: fakeGenerator() }).generate(REQUEST, { id: 'run_1' })
    expect(result.runId).toBe('run_1')
  })
})

describe('metrics', () => {
  it('count runs by outcome, fallbacks, degraded runs and bytes, and measure generations', async () => {
    start()
    const clock = manualClock()
    const limited = new RateLimitError('Could not submit', { status: 429 })
    const pipeline = new SoraPipeline({
      generator: fallback(
        fakeTaskGenerator({ name: 'limited', starts: [limited] }),
        fakeTaskGenerator({ name: 'jobs', polls: 3 }),
      ),
      uploader: {
        name: 'counting',
        upload: async (_, { report }) => {
          report({ bytesDone: 500 })
          report({ bytesDone: 1500 })
          return { url: 'https://store.example/a.mp4' }
        },
      },
      clock,
      pollSchedule: () => 10_000,
    })
    await clock.runUntil(pipeline.generate(REQUEST))
    const degraded = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: fakeUploader({ outcome: new Error('no disk') }),
    })
    await degraded.generate(REQUEST)
    const sized = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: { name: 'sized', upload: async () => ({ url: 'https://store.example/b.mp4', byteLength: 7 }) },
    })
    await sized.generate(REQUEST, { id: 'run_1' })
    // Read once more, which is no second end.
    await sized.resume('run_1').result
    const points = await exporters.points()
    const of = (metric: { readonly name: string }) =>
      (points[metric.name] ?? []).map(({ attributes, value }) => [attributes, value])
    expect(of(METRICS.runs)).toEqual([[{ 'sora_pipeline.outcome': 'completed' }, 3]])
    expect(of(METRICS.degradedRuns)).toEqual([[{ 'sora_pipeline.served_by': 'generator' }, 1]])
    expect(of(METRICS.fallbacks)).toEqual([
      [
        {
          'sora_pipeline.stage': 'generate',
          'sora_pipeline.strategy': 'limited',
          'sora_pipeline.next_strategy': 'jobs',
        },
        1,
      ],
    ])
    expect(of(METRICS.uploaded)).toEqual([
      [{ 'sora_pipeline.strategy': 'counting' }, 1500],
      [{ 'sora_pipeline.strategy': 'sized' }, 7],
    ])
    const durations = points[METRICS.operationDuration.name] ?? []
    expect(
      durations.map(({ attributes, value }) => [attributes['gen_ai.provider.name'], attributes['error.type'], value]),
    ).toEqual([
      ['limited', 'rate-limited', expect.objectContaining({ count: 1 })],
      ['jobs', undefined, expect.objectContaining({ count: 1, sum: 40 })],
      ['fake-generator', undefined, expect.objectContaining({ count: 2 })],
    ])
  })

  it('count a run in review, an aborted one and one that the store refused', async () => {
    start()
    const unknown = new SoraPipeline({
      generator: fakeGenerator({ outcome: new SubmissionUnknownError('Could not say') }),
    })
    await unknown.generate(REQUEST).catch(() => undefined)
    await new SoraPipeline({ generator: fakeGenerator({ hangs: true }) }).run(REQUEST).cancel()
    const store = { ...memoryStore(), create: () => Promise.reject(new Error('no disk')) }
    await new SoraPipeline({ generator: fakeGenerator(), store }).generate(REQUEST).catch(() => undefined)
    const { [METRICS.runs.name]: runs = [] } = await exporters.points()
    expect(runs.map(({ attributes }) => attributes)).toEqual([
      { 'sora_pipeline.outcome': 'needs-review', 'error.type': 'submission-unknown' },
      { 'sora_pipeline.outcome': 'aborted', 'error.type': 'aborted' },
      { 'sora_pipeline.outcome': 'failed', 'error.type': 'run-state' },
    ])
  })

  it('are gauges of a pipeline: runs in review, the oldest due run and the heartbeat', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const lost = new SoraPipeline({
      generator: fakeGenerator({ outcome: new SubmissionUnknownError('Could not say') }),
      store,
      clock,
    })
    await lost.generate(REQUEST).catch(() => undefined)
    const left = new SoraPipeline({
      generator: fakeTaskGenerator({ polls: 9 }),
      store,
      clock,
      pollSchedule: () => 1000,
    })
    left.run(REQUEST)
    await clock.advance(100)
    await left.close()
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store, clock })
    start({ pipeline })
    const values = async () => {
      const points = await exporters.points()
      return [METRICS.runsInReview, METRICS.oldestDueAge, METRICS.heartbeatAge].map(
        ({ name }) => points[name]?.[0]?.value,
      )
    }
    await clock.advance(5000)
    expect(await values()).toEqual([1, expect.closeTo(4.1, 0), undefined])
    await pipeline.generate(REQUEST)
    await clock.advance(2000)
    expect(await values()).toEqual([1, expect.closeTo(6.1, 0), 2])
  })

  it('leave out what the store cannot answer', async () => {
    const { list: _list, ...store } = memoryStore()
    store.due = () => Promise.reject(new Error('no disk'))
    start({ pipeline: new SoraPipeline({ generator: fakeGenerator(), store }) })
    const points = await exporters.points()
    expect(points[METRICS.runsInReview.name]).toBeUndefined()
    expect(points[METRICS.oldestDueAge.name]).toBeUndefined()
  })
})
