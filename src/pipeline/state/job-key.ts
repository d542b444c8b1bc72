import type { JsonValue } from '../../contracts/json.js'

/** A job as its generator has it, in one spelling: the same for two operations that differ in the order of their fields. */
export function jobKey(operation: JsonValue): string {
  return JSON.stringify(operation, sorted)
}

function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const fields = Object.entries(value)
  return Object.fromEntries(fields.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
