import { type Context, context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { CleanupTrace } from '../pipeline/tracing/trace-messages.js'
import { jobIdOf, serverAttributes } from './span-attributes.js'

/** One span for each call of `cancel` and `unpublish`. */
export class CleanupSpans {
  readonly #tracer: Tracer
  readonly #open = new Map<CleanupTrace, Span>()

  constructor(tracer: Tracer) {
    this.#tracer = tracer
  }

  readonly begin = (message: CleanupTrace): Context => {
    const { runId, action, stage, strategy, upstream, handle } = message
    const active = context.active()
    const job = jobIdOf(handle)
    const attributes = {
      'sora_pipeline.run.id': runId,
      'sora_pipeline.stage': stage,
      'sora_pipeline.strategy': strategy,
      ...serverAttributes(upstream),
      ...(job !== undefined && { 'gen_ai.response.id': job }),
    }
    const span = this.#tracer.startSpan(`${action} ${strategy}`, { kind: SpanKind.CLIENT, attributes }, active)
    this.#open.set(message, span)
    return trace.setSpan(active, span)
  }

  readonly end = (message: CleanupTrace): void => {
    const span = this.#open.get(message)
    if (span === undefined) return
    this.#open.delete(message)
    const { outcome, error } = message
    if (outcome !== undefined) span.setAttribute('sora_pipeline.cancel.outcome', outcome)
    if (error) {
      span.setAttribute('error.type', error.code)
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    span.end()
  }

  /** Ends the spans of calls that are not watched any more. */
  close(): void {
    for (const span of this.#open.values()) span.end()
    this.#open.clear()
  }
}
