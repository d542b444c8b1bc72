import { channel, tracingChannel } from 'node:diagnostics_channel'
import { type Context, type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { PipelineEvent } from '../contracts/events.js'
import { rule, withMethods } from '../contracts/option-rules.js'
import { configOfPipeline } from '../pipeline/pipeline-config.js'
import { healthOf } from '../pipeline/pipeline-health.js'
import type { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { AttemptSpans } from './attempt-spans.js'
import { CleanupSpans } from './cleanup-spans.js'
import { startGauges } from './health-gauges.js'
import { RunMetrics } from './run-metrics.js'
import { RunSpans } from './run-spans.js'
import { activeContextStore } from './trace-context.js'

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /**
   * The pipeline whose figures are reported as gauges: runs in review, age of the oldest due run, age of the heartbeat. Each
   * collection reads the store: one `due`, and one `list` with up to 1,000 runs. Of several pipelines that share a store, give one.
   * @defaultValue none: no gauges; spans, histograms and counters cover every pipeline of the process
   */
  readonly pipeline?: SoraPipeline | undefined
  /** Creates the spans. @defaultValue the global provider of `@opentelemetry/api` */
  readonly tracerProvider?: TracerProvider | undefined
  /**
   * Creates the metrics.
   * @defaultValue the global provider of `@opentelemetry/api`; call `instrument` after the SDK has registered it
   */
  readonly meterProvider?: MeterProvider | undefined
}

/** What {@link instrument} started. */
export interface Instrumentation {
  /** Stops it, and ends the spans in progress. Does nothing the second time. */
  disable(): void
}

const RULES: OptionRules<InstrumentOptions> = {
  pipeline: rule((value) => configOfPipeline(value) !== undefined, 'give a SoraPipeline'),
  tracerProvider: withMethods('getTracer'),
  meterProvider: withMethods('getMeter'),
}

const NAME = 'sora-pipeline'

/**
 * Reports all runs of this process to OpenTelemetry, from the diagnostics channels of the library. Needs the package
 * `@opentelemetry/api` 1.9 or later, and an SDK that exports. Call it once; every further call reports everything again.
 *
 * - **Spans**: `invoke_workflow sora-pipeline` for the work of the process on a run, `generate_content {model}` for each attempt of
 *   a generator with the names of the GenAI conventions, and `publish`, `resolve` and `upload` with the name of the strategy.
 *   `cancel` of a job and `unpublish` of a post have spans with the name of the strategy too. Fallbacks and warnings are events of
 *   the run's span. A strategy is called in the context of its span, so that spans of its HTTP client are children. `error.type`
 *   is the code of the error.
 * - **Across processes**: the active span, or else the `traceparent` of the caller, is the parent of the run's span;
 *   `createHandler` reads that header. It is kept with the run, and every other process that works on the run has a span of its
 *   own with a link to it; no span lasts over a restart.
 * - **Metrics**: `gen_ai.client.operation.duration`, `sora_pipeline.runs`, `.degraded_runs`, `.fallbacks` and `.uploaded`; with
 *   `pipeline` also the gauges.
 *
 * Spans and metrics have no prompt (unless the pipeline has `recordInputs`), no URL of a video and no secret.
 *
 * @throws ConfigurationError when an option is invalid.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { instrument } from 'sora-pipeline/otel'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * const instrumentation = instrument({ pipeline })
 * await pipeline.generate({ prompt: 'A cat playing piano' })
 * instrumentation.disable()
 * ```
 */
export function instrument(options: InstrumentOptions = {}): Instrumentation {
  checkOptions('instrument', options, RULES)
  const { pipeline, tracerProvider = trace, meterProvider = metrics } = options
  const tracer = tracerProvider.getTracer(NAME)
  const meter = meterProvider.getMeter(NAME)
  const counted = new RunMetrics(meter)
  const runs = new RunSpans(tracer, counted)
  const attempts = new AttemptSpans(tracer, counted)
  const cleanups = new CleanupSpans(tracer)
  const stops = [
    follow('sora-pipeline:run', runs),
    follow('sora-pipeline:attempt', attempts),
    follow('sora-pipeline:cleanup', cleanups),
    hear((event) => {
      counted.hear(event)
      runs.hear(event)
    }),
  ]
  const config = configOfPipeline(pipeline)
  if (config) stops.push(startGauges(meter, healthOf(config)))
  return {
    disable: () => {
      for (const stop of stops.splice(0)) stop()
      attempts.close()
      cleanups.close()
      runs.close()
    },
  }
}

function follow<Message extends object>(
  name: string,
  spans: { readonly begin: (message: Message) => Context; readonly end: (message: Message) => void },
): () => void {
  const { start, asyncEnd } = tracingChannel<Context, Message>(name)
  const store = activeContextStore()
  const end = (message: unknown) => spans.end(message as Message)
  start.bindStore(store, spans.begin)
  asyncEnd.subscribe(end)
  return () => {
    start.unbindStore(store)
    asyncEnd.unsubscribe(end)
  }
}

function hear(listen: (event: PipelineEvent) => void): () => void {
  const events = channel('sora-pipeline:event')
  const note = (event: unknown) => listen(event as PipelineEvent)
  events.subscribe(note)
  return () => {
    events.unsubscribe(note)
  }
}
