import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { PipelineEvent } from '../contracts/events.js'
import type { RunTrace } from '../pipeline/tracing/trace-messages.js'
import type { RunMetrics } from './run-metrics.js'
import { requestAttributes } from './span-attributes.js'
import { spanContextOf, traceparentOf } from './trace-context.js'

interface OpenRun {
  readonly span: Span
  /** Ids of the spans to which the place of the span in its trace leads: itself, its parent, and the caller of that. */
  readonly knownIds: readonly (string | undefined)[]
}

/** One span for the work of this process on a run. */
export class RunSpans {
  readonly #tracer: Tracer
  readonly #metrics: RunMetrics
  readonly #open = new Map<RunTrace, OpenRun>()
  // The latest of several that work on one run.
  readonly #byRunId = new Map<string, OpenRun>()

  constructor(tracer: Tracer, metrics: RunMetrics) {
    this.#tracer = tracer
    this.#metrics = metrics
  }

  /** Starts a span, and keeps the trace of the caller with a new run. */
  readonly begin = (message: RunTrace): Context => {
    const active = context.active()
    const local = trace.getSpanContext(active)
    const caller = message.isResumed ? undefined : spanContextOf(message.traceparent)
    // A span of this process is closer to the run than its remote caller.
    const isLocal = local !== undefined && isSpanContextValid(local)
    const parent = isLocal ? local : caller
    const within = isLocal || caller === undefined ? active : trace.setSpanContext(active, caller)
    const attributes = {
      'gen_ai.operation.name': 'invoke_workflow',
      'gen_ai.workflow.name': 'sora-pipeline',
      'sora_pipeline.run.id': message.runId,
    }
    const span = this.#tracer.startSpan(
      'invoke_workflow sora-pipeline',
      { kind: SpanKind.INTERNAL, attributes },
      within,
    )
    const own = traceparentOf(parent) ?? traceparentOf(span.spanContext())
    if (!message.isResumed && own !== undefined) message.traceparent ??= own
    const ofTrace = caller?.traceId === parent?.traceId ? caller?.spanId : undefined
    const opened = { span, knownIds: [span.spanContext().spanId, parent?.spanId, ofTrace] }
    this.#open.set(message, opened)
    this.#byRunId.set(message.runId, opened)
    return trace.setSpan(active, span)
  }

  /** Adds fallbacks and warnings to the span of their run. */
  hear(event: PipelineEvent): void {
    const opened = this.#byRunId.get(event.runId)
    if (event.type === 'fallback-taken') {
      const { stage, strategy, next } = event
      opened?.span.addEvent('sora_pipeline.fallback', {
        ...place(stage, strategy),
        'sora_pipeline.next_strategy': next,
      })
    }
    if (event.type === 'warning') {
      const { stage, strategy, code, message } = event
      const attributes = { 'sora_pipeline.warning.code': code, 'sora_pipeline.warning.message': message }
      opened?.span.addEvent('sora_pipeline.warning', { ...place(stage, strategy), ...attributes })
    }
  }

  readonly end = (message: RunTrace): void => {
    const opened = this.#open.get(message)
    if (opened === undefined) return
    this.#open.delete(message)
    if (this.#byRunId.get(message.runId) === opened) this.#byRunId.delete(message.runId)
    const { span, knownIds } = opened
    const origin = spanContextOf(message.traceparent)
    const isKnown = origin === undefined || knownIds.includes(origin.spanId)
    if (!isKnown) span.addLink({ context: origin })
    span.setAttributes({
      ...requestAttributes(message.request),
      'sora_pipeline.run.is_resumed': message.isResumed,
      'sora_pipeline.run.is_ended': message.isEndedHere,
      ...endAttributes(message),
    })
    const { error } = message
    if (error && message.isEndedHere && error.code !== 'aborted') {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    span.end()
    if (message.isEndedHere) this.#metrics.runEnded(message)
  }

  /** Ends the spans of runs that are not watched any more. */
  close(): void {
    for (const { span } of this.#open.values()) span.end()
    this.#open.clear()
    this.#byRunId.clear()
  }
}

function endAttributes({ result, error }: RunTrace): Attributes {
  if (error) return { 'error.type': error.code }
  if (result === undefined) return {}
  return {
    'sora_pipeline.served_by': result.servedBy,
    'sora_pipeline.is_degraded': result.isDegraded,
    'sora_pipeline.attempts': result.attempts.length,
    'sora_pipeline.warnings': result.warnings.length,
  }
}

function place(stage: string | undefined, strategy: string | undefined): Attributes {
  return {
    ...(stage !== undefined && { 'sora_pipeline.stage': stage }),
    ...(strategy !== undefined && { 'sora_pipeline.strategy': strategy }),
  }
}
