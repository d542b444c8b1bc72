import { isRecord } from './is-record.js'

const DEEPEST = 12
// Their contents are passed on unchanged.
const AS_IT_IS: ReadonlySet<string> = new Set(['usage', 'metadata'])

/**
 * An answer with one spelling for every field name, `task_id` for `taskId`, `TaskId` and `task-id`, so that a table
 * needs each name once. If two fields have the same name, the first counts.
 */
export function plainNames(value: unknown, depth = 0): unknown {
  if (depth > DEEPEST) return value
  if (Array.isArray(value)) return value.map((entry) => plainNames(entry, depth + 1))
  if (!isRecord(value)) return value
  const fields = new Map<string, unknown>()
  for (const [name, part] of Object.entries(value)) {
    const plain = plainName(name)
    if (!fields.has(plain)) fields.set(plain, AS_IT_IS.has(plain) ? part : plainNames(part, depth + 1))
  }
  return Object.fromEntries(fields)
}

function plainName(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
}
