import { isRecord } from '../../../upstream/is-record.js'
import type { CheckedRequest } from './task-api-request.js'

// Shorter texts, such as `video`, occur in requests for other reasons.
const TELLING_LENGTH = 8

/**
 * Whether a request to an API shows a field of the video request: under the name of the field with its value, as a whole text of at
 * least 8 characters, in the path, or as a list or an object with the same content. The prompt is no such text.
 */
export function isShown(name: string, value: unknown, request: CheckedRequest, prompt: string): boolean {
  return isAmong([...entriesIn(request), ...entriesOf('', request.data)], name, value, prompt)
}

/** The texts and numbers that a request sends, each under the name of its field. */
export function textsOf(request: CheckedRequest): readonly (readonly [name: string, text: string])[] {
  return entriesIn(request).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [[name, String(value)] as const] : [],
  )
}

function entriesIn(request: CheckedRequest): readonly Entry[] {
  const body = request.form === undefined ? request.json : formFields(request.form)
  const url = new URL(request.url)
  const query = Object.fromEntries(url.searchParams)
  const parts = [...url.pathname.split('/').map(decoded), query, request.headers, body]
  return parts.flatMap((part) => entriesOf('', part))
}

type Entry = readonly [name: string, value: unknown]

function isAmong(entries: readonly Entry[], name: string, value: unknown, prompt: string): boolean {
  const isText = typeof value === 'string' && value.length >= TELLING_LENGTH && value !== prompt
  const isList = typeof value === 'object' && value !== null
  const plain = plainName(name)
  const written = isList ? JSON.stringify(value) : value
  const isSame = (found: unknown) =>
    isList ? isObject(found) && JSON.stringify(found) === written : !isObject(found) && String(found) === String(value)
  if (entries.some(([at, found]) => (isText || isList || plainName(at) === plain) && isSame(found))) return true
  if (!isList) return false
  // A list may be sent with each of its texts in an object of its own, and an object may be spread.
  const items = Array.isArray(value) ? value.map((item) => [name, item] as const) : Object.entries(value)
  return items.length > 0 && items.every(([at, item]) => isAmong(entries, at, item, prompt))
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function entriesOf(name: string, value: unknown): readonly Entry[] {
  const further = Array.isArray(value)
    ? value.flatMap((item) => entriesOf(name, item))
    : isRecord(value)
      ? Object.entries(value).flatMap(([field, item]) => entriesOf(field, item))
      : []
  return [[name, value], ...further]
}

function formFields(form: FormData): Readonly<Record<string, unknown>> {
  const names = [...new Set(form.keys())]
  return Object.fromEntries(names.map((name) => [name, form.getAll(name).flatMap(fieldValues)]))
}

// A text of JSON may be the field itself, or hold it.
function fieldValues(value: unknown): readonly unknown[] {
  if (typeof value !== 'string') return []
  try {
    const parsed: unknown = JSON.parse(value)
    return isObject(parsed) ? [value, parsed] : [value]
  } catch {
    return [value]
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The name of a field in the one spelling in which names are compared. */
export function plainName(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase()
}
