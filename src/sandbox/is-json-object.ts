import type { JsonObject, JsonValue } from '../contracts/json.js'

/** Whether a value is an object, and not a list or `null`. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
