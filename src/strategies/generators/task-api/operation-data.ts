import { isJson } from '../../../contracts/is-json.js'
import type { JsonObject, JsonValue } from '../../../contracts/json.js'
import { isRecord } from '../../../upstream/is-record.js'
import type { Mask } from '../../../upstream/secret.js'

const MOST_CHARACTERS = 2_000

/** What data of an operation has to be. */
export const DATA_FIX = `return an object of JSON with at most ${MOST_CHARACTERS} characters`

/** A copy of the data that a generator keeps with a job, if any; `undefined` for anything else than a small object of JSON. */
export function operationData(value: unknown): JsonObject | undefined {
  if (value === undefined) return {}
  if (!isRecord(value) || !isJson(value)) return undefined
  const text = JSON.stringify(value)
  return text.length > MOST_CHARACTERS ? undefined : (JSON.parse(text) as JsonObject)
}

/** The data without secrets: it is kept in handles and stores. */
export function maskedData(data: JsonObject, mask: Mask): JsonObject {
  const masked = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return mask(value)
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(masked)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [mask(name), masked(part ?? null)]))
  }
  return masked(data) as JsonObject
}
