import type { JsonObject, JsonValue } from '../../contracts/json.js'
import type { StoredRun } from '../../contracts/run-store.js'

/**
 * A state of version 0.1.0 (v1) in the present form. Fields that this does not know stay unchanged, and what is broken stays broken,
 * for the schema to report.
 */
export function upgradedFromV1(state: StoredRun): JsonObject {
  // Progress was part of the state; a store reports it beside the state now.
  const { lease, progress: _progress, submission, ...rest } = state
  return {
    ...rest,
    v: 2,
    epoch: 0,
    ...(isObject(lease) && { formerLease: lease }),
    ...(submission !== undefined && { submission: isObject(submission) ? upgraded(submission) : submission }),
  } as JsonObject
}

function upgraded(submission: JsonObject): JsonValue {
  const { cursor, number, state, intentAt, inquiries, handle, readings, misses, lastingMisses, ...rest } = submission
  // Only a job was saved with the name of its generator; for the others the place in the chain is all that is known.
  const generator = isObject(handle) && handle.generator !== undefined ? handle.generator : null
  const placed = { ...rest, cursor: cursor ?? null, generator, number: number ?? 0 }
  const sentAt = intentAt ?? null
  switch (state) {
    case 'ready':
      return { ...placed, state, sentAt }
    case 'intent':
      // Only a send under the key of an unknown one had inquiries.
      return { ...placed, state: 'sending', sentAt, isResend: inquiries !== undefined, inquiries: inquiries ?? 0 }
    case 'unknown':
      return { ...placed, state, sentAt, inquiries: inquiries ?? 0 }
    case 'accepted':
      return {
        ...placed,
        state,
        sentAt: intentAt ?? (isObject(handle) ? (handle.startedAt ?? 0) : 0),
        handle: handle ?? null,
        readings: readings ?? [],
        misses: misses ?? 0,
        lastingMisses: lastingMisses ?? 0,
      }
    default:
      return submission
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
