// Any value can be thrown: a proxy, an object whose getters throw, a cycle of causes. Reading it must not throw another error.

const DEEPEST_CAUSE = 5
const MOST_ERRORS = 100

/** A field of a thrown value; `undefined` if it is missing, or if reading it throws. */
export function fieldOf(thrown: unknown, key: PropertyKey): unknown {
  if (!isObject(thrown)) return undefined
  try {
    return Reflect.get(thrown, key)
  } catch {
    return undefined // A field that cannot be read counts as missing.
  }
}

/** A thrown value and its causes, the outermost first, at most five causes deep. */
export function causeChainOf(thrown: unknown): readonly unknown[] {
  const chain = [thrown]
  for (let depth = 0; depth < DEEPEST_CAUSE; depth += 1) {
    const cause = causeOf(chain.at(-1))
    if (!isObject(cause) || chain.includes(cause)) break
    chain.push(cause)
  }
  return chain
}

/** The cause of a thrown value. Libraries older than `cause` have other names for it. */
export function causeOf(thrown: unknown): unknown {
  const cause = fieldOf(thrown, 'cause')
  if (isObject(cause)) return cause
  return ['originalError', 'error', 'innerError'].map((name) => fieldOf(thrown, name)).find(isErrorObject)
}

/** The errors inside an error of several attempts or addresses, such as `AggregateError`; at most 100. */
export function gatheredErrorsOf(thrown: unknown): readonly unknown[] {
  const errors = fieldOf(thrown, 'errors')
  const length = Math.min(lengthOf(errors) ?? 0, MOST_ERRORS)
  return Array.from({ length }, (_, index) => fieldOf(errors, index))
}

/** The names of an error: its own, and those of its classes up to `Error`, for libraries whose errors have no name. */
export function errorNamesOf(thrown: unknown): readonly string[] {
  const names = new Set<string>()
  const note = (name: unknown) => {
    if (typeof name === 'string' && name !== '') names.add(name)
  }
  note(fieldOf(thrown, 'name'))
  try {
    let prototype: unknown = isObject(thrown) ? Object.getPrototypeOf(thrown) : null
    for (let depth = 0; depth < DEEPEST_CAUSE && isObject(prototype); depth += 1) {
      note(fieldOf(fieldOf(prototype, 'constructor'), 'name'))
      prototype = Object.getPrototypeOf(prototype)
    }
  } catch {
    // A proxy that hides its classes has only its own name.
  }
  return [...names]
}

/** Whether a thrown value is an `Error`, as far as a proxy shows it. */
export function isErrorObject(thrown: unknown): boolean {
  try {
    return thrown instanceof Error
  } catch {
    return false // A proxy that hides its classes counts as a plain object.
  }
}

/** The length of an array; `undefined` for other values, and for a proxy that hides it. */
export function lengthOf(value: unknown): number | undefined {
  try {
    return Array.isArray(value) ? value.length : undefined
  } catch {
    return undefined // A revoked proxy counts as a plain object.
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
