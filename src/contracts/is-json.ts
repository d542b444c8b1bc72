import { lengthOf } from './thrown-value.js'

const DEEPEST = 100

/**
 * Whether a value survives a round trip through JSON. `Promise`, `Map`, `Error`, bytes and holes of an array, which JSON turns into
 * other objects or `null`, do not, nor do `NaN`, `Infinity`, bigints and cycles. A field that is `undefined` is ignored, and an
 * object with `toJSON` counts as what that returns.
 */
export function isJson(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > DEEPEST || ArrayBuffer.isView(value)) return false
  try {
    if ('toJSON' in value && typeof value.toJSON === 'function') return isJson(value.toJSON(), depth + 1)
    if (lengthOf(value) !== undefined) return Array.from(value as unknown[]).every((entry) => isJson(entry, depth + 1))
    const parts = Object.values(value)
    const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value))
    return (isPlain || parts.length > 0) && parts.every((part) => part === undefined || isJson(part, depth + 1))
  } catch {
    return false // A getter or a proxy that throws.
  }
}

/** A copy of a JSON value, as it is read back. */
export function jsonCopy<T>(value: T): T {
  return typeof value === 'object' && value !== null ? JSON.parse(JSON.stringify(value)) : value
}

/** The JSON part of a value: other values become `null` in a list and are left out of an object. */
export function jsonPartOf<T>(value: T): T {
  return isJson(value) ? value : (partOf(value, 0) as T)
}

function partOf(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return String(value)
  if (isJson(value)) return value
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return undefined
  if (Array.isArray(value)) return value.map((entry) => partOf(entry, depth + 1) ?? null)
  const parts = Object.entries(value).map(([name, part]) => [
    name,
    isRing(part, value) ? undefined : partOf(part, depth + 1),
  ])
  return Object.fromEntries(parts.filter(([, part]) => part !== undefined))
}

function isRing(part: unknown, around: object): boolean {
  return part === around
}

// None of an object whose getter or proxy throws.
function partsOf(value: object): readonly (readonly [name: string, part: unknown])[] {
  try {
    return Object.entries(value)
  } catch {
    return []
  }
}

/**
 * The path of the first part of a value that JSON cannot hold, such as `input.seeds[1]`, and that part; `undefined` if there is none.
 * An object that refers to itself is reported where it does.
 */
export function flawInJson(
  value: unknown,
  field: string,
  around: readonly unknown[] = [],
): { readonly field: string; readonly value: unknown } | undefined {
  if (value === undefined || isJson(value)) return undefined
  const isRing = around.includes(value)
  const isOpen = typeof value === 'object' && value !== null && !('toJSON' in value) && !isRing
  if (!isOpen) return { field, value }
  const isList = lengthOf(value) !== undefined
  for (const [name, part] of partsOf(value)) {
    const flaw = flawInJson(part, isList ? `${field}[${name}]` : `${field}.${name}`, [...around, value])
    if (flaw !== undefined) return flaw
  }
  return { field, value }
}
