import { isRecord } from './is-record.js'

const DEEPEST = 12
const MOST_NAMES = 1_000
const LONGEST_NAME = 64
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
  const fields: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    const plain = plainName(name)
    if (Object.hasOwn(fields, plain)) continue
    const part = AS_IT_IS.has(plain) ? value[name] : plainNames(value[name], depth + 1)
    if (plain === '__proto__') Object.defineProperty(fields, plain, { value: part, enumerable: true })
    else fields[plain] = part
  }
  return fields
}

const known = new Map<string, string>()

// Answers repeat a few names, so each is spelled once; names that a server makes up are not kept beyond the limit.
function plainName(name: string): string {
  const plain = known.get(name)
  if (plain !== undefined) return plain
  const made = spelled(name)
  if (known.size < MOST_NAMES && name.length <= LONGEST_NAME) known.set(name, made)
  return made
}

function spelled(name: string): string {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
}
