import { safeRequestId } from './request-id.js'
import { redact, redactLikely } from './secrets/redact.js'
import { statusOf } from './thrown-status.js'
import { causeOf, fieldOf, gatheredErrorsOf, isErrorObject } from './thrown-value.js'

const MOST_DEPTH = 5
const LONGEST = 20_000
const LONGEST_WORD = 100
// Fields that classify a failure. Any other field may hold a request, a configuration, or a part of one.
const FACTS = ['code', 'errno', 'syscall', 'event', 'type', 'severity', 'isRefusal', 'isRetryable'] as const
const REQUEST_IDS = ['requestId', 'request_id', 'requestID'] as const
const INSPECT = Symbol.for('nodejs.util.inspect.custom')
const QUERY = /(\b[a-z][a-z\d+.-]{1,20}:\/\/[^\s?#"'<>`]{1,2000})[?#][^\s"'<>`]*/gi

/** A text of a foreign error, without secrets and without the queries of its URLs. */
export function foreignText(text: string): string {
  return redact(text.slice(0, LONGEST)).replace(QUERY, '$1')
}

/**
 * What may be kept and shown of a thrown value. An error of the library is returned unchanged. Of any other error it is a copy of
 * the same class with name, message, stack, codes, status and causes, all without secrets. Of a value that is not an error it is
 * only its kind. Never throws.
 */
export function safeCause(thrown: unknown, isOwn: (value: unknown) => boolean, depth = 0): unknown {
  if (typeof thrown === 'string') return foreignText(thrown)
  if (Object(thrown) !== thrown || isOwn(thrown)) return thrown
  const isError = isErrorObject(thrown)
  const facts = factsOf(thrown)
  if (!isError) return facts
  const name = fieldOf(thrown, 'name')
  const copy = new Error(messageOf(thrown))
  // Keeps `instanceof` working. Methods of the class may miss their fields.
  Object.setPrototypeOf(copy, prototypeOf(thrown))
  const hidden = {
    name: typeof name === 'string' ? foreignText(name) : 'Error',
    stack: stackOf(thrown),
    toJSON: undefined,
    [INSPECT]: undefined,
  }
  for (const key of Reflect.ownKeys(hidden)) define(copy, key, Reflect.get(hidden, key), false)
  for (const [key, value] of Object.entries(facts)) define(copy, key, value, true)
  if (depth >= MOST_DEPTH) return copy
  const cause = causeOf(thrown)
  if (cause !== undefined && cause !== thrown) define(copy, 'cause', safeCause(cause, isOwn, depth + 1), false)
  const gathered = gatheredErrorsOf(thrown)
  if (gathered.length > 0)
    define(
      copy,
      'errors',
      gathered.map((error) => safeCause(error, isOwn, depth + MOST_DEPTH - 1)),
      false,
    )
  return copy
}

function factsOf(thrown: unknown): Record<string, unknown> {
  const facts: Record<string, unknown> = {}
  for (const name of FACTS) {
    const value = fieldOf(thrown, name)
    if (isFact(value)) facts[name] = value
  }
  const status = statusOf(thrown)
  if (status !== undefined) facts.status = status
  for (const name of REQUEST_IDS) {
    const id = safeRequestId(fieldOf(thrown, name) ?? fieldOf(fieldOf(thrown, '$metadata'), name))
    if (id !== undefined) facts[name] = id
  }
  // Of gRPC: the numbers mean nothing without it.
  const details = fieldOf(thrown, 'details')
  if (typeof details === 'string') facts.details = foreignText(details)
  return facts
}

function isFact(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= LONGEST_WORD && redactLikely(value) === value
  return typeof value === 'number' || typeof value === 'boolean'
}

function messageOf(thrown: unknown): string {
  const message = fieldOf(thrown, 'message')
  return typeof message === 'string' ? foreignText(message) : ''
}

function stackOf(thrown: unknown): string {
  const stack = fieldOf(thrown, 'stack')
  return typeof stack === 'string' ? foreignText(stack) : messageOf(thrown)
}

function prototypeOf(thrown: unknown): object {
  try {
    return Object.getPrototypeOf(thrown) ?? Error.prototype
  } catch {
    return Error.prototype // A proxy that hides its class.
  }
}

function define(target: object, key: PropertyKey, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, key, { value, enumerable, writable: true, configurable: true })
}
