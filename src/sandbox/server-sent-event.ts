import type { JsonValue } from '../contracts/json.js'

/** One event without a name: `data: {"a":1}` and an empty line. */
export function dataEvent(data: JsonValue): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

/** One event with a name. */
export function namedEvent(name: string, data: JsonValue): string {
  return `event: ${name}\n${dataEvent(data)}`
}
