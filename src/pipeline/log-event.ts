import type { SoraPipelineErrorJson } from '../contracts/errors.js'
import type { PipelineEvent, Warned } from '../contracts/events.js'
import type { JsonValue } from '../contracts/json.js'

/** Fields of a log line: JSON without secrets. */
export type LogFields = Readonly<Record<string, JsonValue>>

/** A method of a {@link Logger}: `(message, fields)`. */
export type LogMethod = (message: string, fields: LogFields) => unknown

/**
 * Writes log lines, such as `console`. A logger with a method `bindings`, as that of pino and Fastify, is called with `(fields,
 * message)`.
 */
export interface Logger {
  /** Detail: skipped stages. */
  readonly debug: LogMethod
  /** What happens in every run: its start, the end of its stages, its end. */
  readonly info: LogMethod
  /** What a run survives: failed attempts, fallbacks, warnings, failed stages after the generation, a degraded result. */
  readonly warn: LogMethod
  /** A run without a URL, unless the caller aborted it. */
  readonly error: LogMethod
}

/** The names of the methods of a {@link Logger}. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

interface LogLine {
  readonly level: (typeof LOG_LEVELS)[number]
  readonly message: string
  readonly fields?: LogFields
}

/** Writes an event of a run to a logger, unless it is progress or the start of a stage. Throws what the logger throws. */
export function logEvent(logger: Logger, event: PipelineEvent): unknown {
  const line = lineOf(event)
  if (line === undefined) return undefined
  const { level, message } = line
  const place = 'stage' in event && event.stage !== undefined ? { stage: event.stage } : {}
  const strategy = 'strategy' in event && event.strategy !== undefined ? { strategy: event.strategy } : {}
  const fields = {
    runId: event.runId,
    sequence: event.sequence,
    event: event.type,
    ...place,
    ...strategy,
    ...line.fields,
  }
  return write(logger, { level, message, fields })
}

/** Writes a warning that came after the end of its stage, when the events of the run may be complete. Throws what the logger throws. */
export function logLateWarning(
  logger: Logger,
  { code, message, ...place }: Pick<Warned, 'runId' | 'stage' | 'strategy' | 'code' | 'message'>,
): unknown {
  const { runId, stage, strategy } = place
  const where = { ...(stage !== undefined && { stage }), ...(strategy !== undefined && { strategy }) }
  return write(logger, { level: 'warn', message, fields: { runId, event: 'warning', ...where, code } })
}

function write(logger: Logger, { level, message, fields }: Required<LogLine>): unknown {
  // Of pino; a child logger keeps its fields there.
  const takesFieldsFirst = 'bindings' in logger && typeof logger.bindings === 'function'
  if (!takesFieldsFirst) return logger[level](message, fields)
  return (logger as unknown as Record<string, (fields: LogFields, message: string) => unknown>)[level]?.(
    fields,
    message,
  )
}

// URLs are left out: a signed one is a credential.
function lineOf(event: PipelineEvent): LogLine | undefined {
  switch (event.type) {
    case 'stage-started':
    case 'stage-progressed':
      return undefined
    case 'run-started':
      return { level: 'info', message: 'Run started', fields: { stages: event.stages } }
    case 'run-resumed':
      return { level: 'info', message: 'Run resumed', fields: { stages: event.stages } }
    case 'stage-skipped':
      return { level: 'debug', message: `Stage skipped: ${event.stage}`, fields: { reason: event.reason } }
    case 'stage-completed':
      return { level: 'info', message: `Stage completed: ${event.stage}`, fields: { durationMs: event.durationMs } }
    case 'attempt-failed':
      return {
        level: 'warn',
        message: `Attempt failed: ${event.error.message}`,
        fields: { ...errorFields(event.error), durationMs: event.durationMs },
      }
    case 'fallback-taken':
      return { level: 'warn', message: `Fallback to ${event.next}`, fields: { next: event.next } }
    case 'warning':
      return { level: 'warn', message: event.message, fields: { code: event.code } }
    case 'stage-failed':
      return {
        level: 'warn',
        message: `Stage failed: ${event.error.message}`,
        fields: { ...errorFields(event.error), durationMs: event.durationMs },
      }
    case 'run-completed': {
      const { servedBy, isDegraded, durationMs } = event.result
      const message = isDegraded ? 'Run completed, degraded' : 'Run completed'
      return { level: isDegraded ? 'warn' : 'info', message, fields: { servedBy, isDegraded, durationMs } }
    }
    case 'run-failed': {
      const { error, isAborted, upstream } = event
      const left = upstream === undefined ? {} : { upstream: upstream.state, generator: upstream.generator }
      const message = isAborted ? 'Run aborted' : `Run failed: ${error.message}`
      return { level: isAborted ? 'info' : 'error', message, fields: { ...errorFields(error), isAborted, ...left } }
    }
  }
}

function errorFields({ code, isRetryable, requestId }: SoraPipelineErrorJson): LogFields {
  return { code, isRetryable, ...(requestId !== undefined && { requestId }) }
}
