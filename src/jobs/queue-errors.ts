import { isSoraPipelineError, toErrorJson } from '../contracts/errors.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { RunStateError } from '../contracts/run-errors.js'
import { redact } from '../contracts/secrets/redact.js'

/** Reports an error that no caller receives. Never throws. */
export type ReportError = (error: unknown) => void

// A connection that fails may report the same error many times a second.
const SAME_MS = 1000

let hasWarned = false

/** Calls `onError`, or warns once per process. An error like the last one is reported at most once a second. */
export function errorReporter(onError: ((error: unknown) => void) | undefined): ReportError {
  let lastText = ''
  let lastAt = Number.NEGATIVE_INFINITY
  return (error) => {
    const { message } = toErrorJson(error)
    const now = performance.now()
    if (message === lastText && now < lastAt + SAME_MS) return
    lastText = message
    lastAt = now
    try {
      if (onError) onError(error)
      else if (!hasWarned) {
        hasWarned = true
        process.emitWarning(message, { code: 'SORA_PIPELINE_QUEUE_ERROR' })
      }
    } catch {
      // An error of the listener must not end the work on runs.
    }
  }
}

/** The error of a queue whose server failed. */
export function queueFailure(action: string, cause: unknown): RunStateError {
  if (cause instanceof RunStateError) return cause
  const reason = toErrorJson(cause).message
  return new RunStateError(`Could not ${action}, the queue failed: ${redact(reason)}`, {
    cause,
    isRetryable: true,
    reason,
  })
}

// Errors of BullMQ, of PostgreSQL (authentication, no such database) and of Redis that no retry changes.
const LASTING_NAMES: ReadonlySet<string> = new Set([
  'SchemaMigrationRequiredError',
  'SchemaVersionMismatchError',
  'UnsupportedPostgresVersionError',
])
const LASTING_CODES: ReadonlySet<unknown> = new Set(['28P01', '28000', '3D000', '42501'])
const LASTING_WORDS = /Redis version needs to be|^BullMQ[: ]|\b(?:WRONGPASS|NOAUTH|NOPERM)\b/

// BullMQ sets the schema as a parameter of the connection.
const IS_POOLED = /unsupported startup parameter/

/** The error of a queue that cannot work until a person changes something; `undefined` for a failure that may pass. */
export function lastingFailure(subject: string, cause: unknown): ConfigurationError | undefined {
  if (isSoraPipelineError(cause)) return cause instanceof ConfigurationError ? cause : undefined
  const { name, code, message } = Object(cause) as { name?: unknown; code?: unknown; message?: unknown }
  const text = String(message)
  const isPooled = IS_POOLED.test(text)
  const isLasting = LASTING_NAMES.has(String(name)) || LASTING_CODES.has(code) || LASTING_WORDS.test(text)
  if (!isLasting && !isPooled) return undefined
  const fix = isPooled
    ? 'give an address of PostgreSQL itself, not of PgBouncer'
    : name === 'SchemaMigrationRequiredError'
      ? 'set migrate: true in it, or call runMigrations() of bullmq'
      : 'see the reason'
  return new ConfigurationError(subject, [{ field: 'connection', value: text.slice(0, 200), fix }], { cause })
}
