import type { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, context, isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api'

/** The span context of a W3C `traceparent`; `undefined` without a valid one. */
export function spanContextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent?.split('-') ?? []
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  const found = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(found) ? found : undefined
}

/** The W3C `traceparent` of a span; `undefined` for the spans of a program without an SDK. */
export function traceparentOf(span: SpanContext | undefined): string | undefined {
  if (span === undefined || !isSpanContextValid(span)) return undefined
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`
}

/**
 * Makes a context active while a channel runs the work that it traces. A channel calls only `run` of its stores, and OpenTelemetry
 * keeps its own store to itself.
 */
export function activeContextStore(): AsyncLocalStorage<Context> {
  const store = { run: <T>(active: Context, call: () => T): T => context.with(active, call) }
  return store as unknown as AsyncLocalStorage<Context>
}
