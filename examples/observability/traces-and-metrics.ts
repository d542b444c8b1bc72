// Traces and metrics of two runs, sent to an OTLP collector such as Jaeger, Grafana Alloy or the OpenTelemetry Collector. Its
// address is OTEL_EXPORTER_OTLP_ENDPOINT, http://localhost:4318 by default.
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { fallback, SoraPipeline } from 'sora-pipeline'
import { instrument } from 'sora-pipeline/otel'
import { startSandbox } from 'sora-pipeline/sandbox'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

// The SDK comes first: NodeSDK of @opentelemetry/sdk-node does the same in one call.
const resource = resourceFromAttributes({ 'service.name': 'videos' })
const tracerProvider = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
})
const meterProvider = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })],
})
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(tracerProvider)
metrics.setGlobalMeterProvider(meterProvider)

// The first mirror is broken, so that the trace has a fallback.
const sandbox = await startSandbox({ speed: 4, faults: { 'mirror-1': { kind: 'reset' } } })
const mirror = (name: string, host = '') => mirrorResolver({ name, hosts: [host], path: '/MP4/{videoId}.mp4' })
const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox.videosApi),
  resolver: fallback(mirror('mirror-1', sandbox.mirrors[0]), mirror('mirror-2', sandbox.mirrors[1])),
})
const instrumentation = instrument({ pipeline })

await trace.getTracer('example').startActiveSpan('make two videos', async (span) => {
  const { url } = await pipeline.generate({ prompt: 'A cat playing piano' })
  console.log(url)
  const run = pipeline.run({ prompt: 'A long film' })
  for await (const { type } of run) if (type === 'stage-progressed') break
  await run.cancel() // A span of its own shows what the server answered.
  span.end()
  console.log(`trace ${span.spanContext().traceId}`)
})

await pipeline.close()
instrumentation.disable()
// Sends what is not sent yet.
const sent = await Promise.allSettled([tracerProvider.shutdown(), meterProvider.shutdown()])
for (const outcome of sent) {
  if (outcome.status === 'fulfilled') continue
  console.error(`Could not send to the collector: ${outcome.reason.message}; set OTEL_EXPORTER_OTLP_ENDPOINT`)
  process.exitCode = 1
}
await sandbox.close()
