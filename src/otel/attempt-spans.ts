import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { AttemptTrace } from '../pipeline/tracing/trace-messages.js'
import type { RunMetrics } from './run-metrics.js'
import { jobIdOf, requestAttributes, serverAttributes, textOf } from './span-attributes.js'

const OPERATION = 'generate_content'

/** One span for each attempt: a call of a strategy, or the work of this process on a job. */
export class AttemptSpans {
  readonly #tracer: Tracer
  readonly #metrics: RunMetrics
  readonly #open = new Map<AttemptTrace, Span>()

  constructor(tracer: Tracer, metrics: RunMetrics) {
    this.#tracer = tracer
    this.#metrics = metrics
  }

  readonly begin = (message: AttemptTrace): Context => {
    const { runId, stage, strategy } = message
    const active = context.active()
    const attributes = {
      'sora_pipeline.run.id': runId,
      'sora_pipeline.stage': stage,
      'sora_pipeline.strategy': strategy,
      ...(stage === 'generate' && generateAttributes(message)),
    }
    const span = this.#tracer.startSpan(nameOf(message), { kind: SpanKind.CLIENT, attributes }, active)
    this.#open.set(message, span)
    return trace.setSpan(active, span)
  }

  readonly end = (message: AttemptTrace): void => {
    const span = this.#open.get(message)
    if (span === undefined) return
    this.#open.delete(message)
    const { error, stage } = message
    if (stage === 'generate') span.setAttributes(jobAttributes(message))
    if (message.durationMs === undefined) span.setAttribute('sora_pipeline.attempt.is_unfinished', true)
    if (error) {
      span.setAttribute('error.type', error.code)
      if (error.code !== 'aborted') span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    }
    if (stage === 'generate') this.#metrics.generated(message, durationAttributes(message))
    if (stage === 'upload') {
      const bytes = this.#metrics.uploaded(message)
      if (bytes !== undefined) span.setAttribute('sora_pipeline.uploaded_bytes', bytes)
    }
    span.end()
  }

  /** Ends the spans of attempts that are not watched any more. */
  close(): void {
    for (const span of this.#open.values()) span.end()
    this.#open.clear()
  }
}

function nameOf({ stage, strategy, request: { model } }: AttemptTrace): string {
  if (stage !== 'generate') return `${stage} ${strategy}`
  return model === undefined ? OPERATION : `${OPERATION} ${model}`
}

function generateAttributes(message: AttemptTrace): Attributes {
  return {
    ...durationAttributes(message),
    ...requestAttributes(message.request),
    'gen_ai.output.type': 'video',
  }
}

function durationAttributes({ strategy, request: { model }, upstream, error }: AttemptTrace): Attributes {
  return {
    'gen_ai.operation.name': OPERATION,
    'gen_ai.provider.name': strategy,
    ...(model !== undefined && { 'gen_ai.request.model': model }),
    ...serverAttributes(upstream),
    ...(error && { 'error.type': error.code }),
  }
}

function jobAttributes({ handle, result }: AttemptTrace): Attributes {
  const id = jobIdOf(handle) ?? textOf(result, 'id')
  const model = textOf(result, 'model')
  return {
    ...(id !== undefined && { 'gen_ai.response.id': id }),
    ...(model !== undefined && { 'gen_ai.response.model': model }),
  }
}
