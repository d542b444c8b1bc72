import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

/** Providers that keep what they export, and an active context; `stop` removes all of it. */
export function memoryExporters() {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const spanExporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  const spans = () => spanExporter.getFinishedSpans()
  return {
    tracerProvider,
    meterProvider,
    tracer: tracerProvider.getTracer('test'),
    spans,
    /** The span of a name; fails if there is none, or several. */
    span: (name: string): ReadableSpan => {
      const [found, ...more] = spans().filter((each) => each.name === name)
      if (found === undefined || more.length > 0) throw new Error(`${name}: ${spans().map((each) => each.name)}`)
      return found
    },
    /** The points of each metric, by name. */
    points: async (): Promise<Record<string, readonly DataPoint<unknown>[]>> => {
      metricExporter.reset()
      await reader.forceFlush()
      const found = metricExporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
      return Object.fromEntries(found.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]))
    },
    stop: async () => {
      await tracerProvider.shutdown()
      await meterProvider.shutdown()
      context.disable()
      trace.disable()
      metrics.disable()
    },
  }
}
