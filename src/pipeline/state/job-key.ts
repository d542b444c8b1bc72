import type { JsonValue } from '../../contracts/json.js'

/** The operation of a job in canonical form: the same for two operations that differ only in the order of their fields. */
export function jobKey(operation: JsonValue): string {
  return JSON.stringify(operation, sorted)
}

/** The key of the id of an operation alone, which may be all that a lookup or a person knows of the job; `undefined` without one. */
export function idKey(operation: JsonValue): string | undefined {
  const { id } = Object(operation) as { readonly id?: JsonValue }
  return typeof id === 'string' || typeof id === 'number' ? jobKey({ id }) : undefined
}

function sorted(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const fields = Object.entries(value)
  return Object.fromEntries(fields.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
