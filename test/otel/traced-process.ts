import { writeSync } from 'node:fs'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { fallback, GenerationFailedError, type Generator, SoraPipeline } from 'sora-pipeline'
import { instrument } from 'sora-pipeline/otel'
import { fileStore } from 'sora-pipeline/stores'

// A process that starts a run, or resumes it, and exports its spans; test/otel/otlp.test.ts starts and kills it.

/** What the process does. */
export interface TracedTask {
  readonly job: 'start' | 'resume'
  /** Origin of the collector. */
  readonly origin: string
  readonly directory: string
  readonly secret: string
}

const { job, origin, directory, secret } = JSON.parse(process.argv[2] ?? '') as TracedTask
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const spanExporter = new OTLPTraceExporter({ url: `${origin}/v1/traces` })
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] })
trace.setGlobalTracerProvider(tracerProvider)
const metricExporter = new OTLPMetricExporter({ url: `${origin}/v1/metrics` })
const meterProvider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: metricExporter })] })

const broken: Generator = {
  name: 'broken',
  generate: () => Promise.reject(new GenerationFailedError(`Could not generate: Authorization: Bearer ${secret}`)),
}
const jobs: Generator = {
  name: 'jobs',
  upstream: 'https://jobs.example/v1',
  start: async () => ({ operation: { id: 'job_1' } }),
  poll: async () =>
    job === 'start'
      ? { state: 'running', ratio: 0.5 }
      : { state: 'completed', video: { id: 'gen_1', url: `https://cdn.example/a.mp4?token=${secret}` } },
}
const pipeline = new SoraPipeline({
  generator: fallback(broken, jobs),
  store: fileStore({ directory }),
  leaseMs: 500,
  pollSchedule: () => 50,
})
instrument({ meterProvider, pipeline })

const request = { prompt: `A cat of ${secret}`, model: 'sora-2' }
if (job === 'start') {
  const caller = trace.getTracer('backend').startSpan('POST /videos')
  const run = context.with(trace.setSpan(context.active(), caller), () => pipeline.run(request, { id: 'run_1' }))
  caller.end()
  for await (const event of run) if (event.type === 'stage-progressed' && event.ratio === 0.5) break
  await tracerProvider.forceFlush()
  // The job runs until the process is killed.
  writeSync(1, `${JSON.stringify({ isAccepted: true })}\n`)
} else {
  const result = await pipeline.resume('run_1').result
  await pipeline.close()
  await tracerProvider.shutdown()
  await meterProvider.shutdown()
  writeSync(1, `${JSON.stringify({ runId: result.runId })}\n`)
}
