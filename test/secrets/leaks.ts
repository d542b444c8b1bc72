import { inspect } from 'node:util'

// The search: any 14 letters in a row of a credential hold one of these pieces.
const PIECE = 10
const STEP = 5

/**
 * The pieces of credentials that can be seen in outputs, in whatever way they are inspected: as text, as JSON, in a debugger,
 * through causes and hidden fields, and in base64 or percent-encoding.
 */
export function leaksIn(outputs: unknown, parts: readonly string[]): readonly string[] {
  const shown = shownText(outputs)
  return parts.flatMap(formsOf).flatMap((form) => {
    const length = Math.min(PIECE, form.length)
    for (let at = 0; at + length <= form.length; at += STEP) {
      const piece = form.slice(at, at + length)
      const found = shown.indexOf(piece)
      if (found >= 0) return [`${piece} in …${shown.slice(Math.max(0, found - 120), found + 60)}…`]
    }
    return []
  })
}

/** Everything that can be seen in outputs: as text, as JSON, in a debugger, through causes and hidden fields. */
export function shownText(outputs: unknown): string {
  const options = {
    depth: Number.POSITIVE_INFINITY,
    maxStringLength: null,
    maxArrayLength: null,
    showHidden: true,
  } as const
  const errors = errorsIn(outputs)
  return [
    inspect(outputs, options),
    JSON.stringify(outputs),
    ...errors.flatMap((error) => [String(error), error.stack, JSON.stringify(error)]),
  ].join('\n')
}

/** Every error that can be reached. */
function errorsIn(value: unknown, seen = new Set<unknown>()): Error[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  const fields = Reflect.ownKeys(value).map((key) => Reflect.get(value, key))
  return [...(value instanceof Error ? [value] : []), ...fields.flatMap((field) => errorsIn(field, seen))]
}

function formsOf(part: string): readonly string[] {
  // The first and last letters of base64 depend on what is around them.
  const encoded = [0, 1, 2].map((shift) =>
    Buffer.from(`${'x'.repeat(shift)}${part}`)
      .toString('base64')
      .slice(shift === 0 ? 0 : 4)
      .replace(/.{0,4}$/, ''),
  )
  return [...new Set([part, encodeURIComponent(part), JSON.stringify(part).slice(1, -1), ...encoded])].filter(
    (form) => form.length >= 8,
  )
}
