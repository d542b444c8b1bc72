import { isRecord } from '../../upstream/is-record.js'

type Fields = Readonly<Record<string, unknown>>

/**
 * The fields of a body with those of `providerOptions` merged into them. Objects are merged at every depth, so that no field that the
 * body has is lost; a list or any other value replaces the one of the body, and `undefined` replaces nothing.
 */
export function mergedFields<T extends object>(body: T, extra: object | undefined): T {
  const added = Object.entries(extra ?? {}).filter(([, value]) => value !== undefined)
  const merged = added.map(([name, value]): [string, unknown] => [name, mergedValue(ownValue(body, name), value)])
  return { ...body, ...Object.fromEntries(merged) }
}

/** The value of a form field with one of `providerOptions` merged into it: an object into the JSON of the field. */
export function mergedText(text: unknown, extra: unknown): string {
  if (!isPlain(extra)) return typeof extra === 'object' ? JSON.stringify(extra) : String(extra)
  return JSON.stringify(mergedValue(typeof text === 'string' ? parsed(text) : undefined, extra))
}

function mergedValue(value: unknown, extra: unknown): unknown {
  return isPlain(value) && isPlain(extra) ? mergedFields(value, extra) : extra
}

function ownValue(body: object, name: string): unknown {
  return Object.hasOwn(body, name) ? Reflect.get(body, name) : undefined
}

// An object with a class has a form of its own in JSON.
function isPlain(value: unknown): value is Fields {
  return isRecord(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
