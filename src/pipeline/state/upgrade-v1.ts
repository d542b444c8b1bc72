import type { JsonObject, JsonValue } from '../../contracts/json.js'
import type { StoredRun } from '../../contracts/run-store.js'

/**
 * A state of version 0.1.0 (v1) in the current form. Unknown fields stay unchanged, and broken fields stay broken, for the schema
 * to report.
 */
export function upgradedFromV1(state: StoredRun): JsonObject {
  // Progress was part of the state; a store now reports it beside the state.
  const { lease, progress: _progress, submission, ...rest } = state
  return {
    ...rest,
    v: 2,
    epoch: 0,
    ...(lease !== undefined && { formerLease: lease }),
    ...(submission !== undefined && { submission: isObject(submission) ? upgraded(submission) : submission }),
  } as JsonObject
}

// Defaults are only for fields that 0.1.0 left out: a default for a lost field would send under another key.
function upgraded(submission: JsonObject): JsonValue {
  const { cursor, number, state, intentAt, inquiries, handle, readings, misses, lastingMisses, ...rest } = submission
  // Only a job was saved with the name of its generator; other submissions have only their place in the chain.
  const { generator = null, startedAt }: JsonObject = isObject(handle) ? handle : {}
  const inquired = inquiries === undefined ? 0 : inquiries
  const placed = { ...rest, cursor, generator, upstream: null, number, state } as JsonObject
  switch (state) {
    case 'ready':
      return { ...placed, sentAt: intentAt ?? null }
    case 'intent': {
      // Only a send under the key of an unknown submission had inquiries.
      const isResend = inquiries !== undefined
      return { ...placed, state: 'sending', sentAt: intentAt, isResend, inquiries: inquired } as JsonObject
    }
    case 'unknown':
      return { ...placed, sentAt: intentAt, inquiries: inquired } as JsonObject
    case 'accepted': {
      const sentAt = intentAt === undefined ? startedAt : intentAt
      return { ...placed, sentAt, handle, readings, misses, lastingMisses } as JsonObject
    }
    default:
      return submission
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
