import type { JsonValue } from '../../contracts/json.js'
import type { FormFile } from './form-body.js'
import { shortName } from './request-problems.js'

/**
 * Fields of a body that the handler does not read, such as `{ temperature: 1 }`. A form has texts and files, and a
 * list for a name that occurs several times.
 */
export type OtherFields = Readonly<Record<string, JsonValue | FormFile | readonly (string | FormFile)[]>>

const MOST_NAMED = 50

/** The fields with unknown names; `null` counts as absent. */
export function otherFieldsOf(fields: Iterable<readonly [string, unknown]>, known: ReadonlySet<string>): OtherFields {
  const values = new Map<string, unknown[]>()
  for (const [name, value] of fields) {
    if (!known.has(name) && value !== null) values.set(name, [...(values.get(name) ?? []), value])
  }
  // As entries: a field may be called __proto__.
  return Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? all[0] : all])) as OtherFields
}

/** Names of fields for a header: at most 50; characters other than letters, digits and `_.-[]` become `?`. */
export function ignoredNames(names: readonly string[]): readonly string[] {
  return names.slice(0, MOST_NAMED).map(shortName)
}

/** The header that lists the ignored fields of a request; empty if there are none. */
export function ignoredHeader(ignored: readonly string[]): Record<string, string> {
  return ignored.length === 0 ? {} : { 'x-ignored-parameters': ignored.join(', ') }
}
