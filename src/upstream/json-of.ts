type Reviver = (this: unknown, key: string, value: unknown, context?: { readonly source?: string }) => unknown

// A whole number that a double cannot represent has at least this many digits.
const LONG_NUMBER = /\d{16}/
const TEXT_OR_WORD = /"(?:[^"\\]+|\\[\s\S])*"|-?\b(?:NaN|Infinity)\b/g
const SSE_FIELD = /^(?:data|event|id|retry)?:/

/**
 * Parses a text as JSON, as servers write it: after a byte order mark, with `NaN` for a missing number, with whole
 * numbers beyond 2^53 (returned as strings of digits), encoded twice, as one frame of an event stream, or as one
 * object a line (merged into one, later lines win). `undefined` for a text that is not JSON, such as a page.
 */
export function jsonOf(text: string): unknown {
  const body = text.replace(/^\uFEFF/, '').trim()
  if (body === 'null') return null
  return decoded(parsed(body)) ?? parsed(withoutWords(body)) ?? framed(body) ?? lines(body)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, LONG_NUMBER.test(text) ? (exact as Reviver) : undefined)
  } catch {
    return undefined // The caller treats it as plain text.
  }
}

// An object that was encoded as a string.
function decoded(value: unknown): unknown {
  const inner = typeof value === 'string' && /^\s*[{[]/.test(value) ? parsed(value) : undefined
  return inner ?? value
}

function exact(this: unknown, _key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isRounded && context?.source !== undefined && /^-?\d+$/.test(context.source) ? context.source : value
}

// Python's `json.dumps` writes such numbers.
function withoutWords(text: string): string {
  if (!/\b(?:NaN|Infinity)\b/.test(text)) return ''
  return text.replace(TEXT_OR_WORD, (found) => (found.startsWith('"') ? found : 'null'))
}

// Some gateways stream every answer: the last frame with data counts.
function framed(text: string): unknown {
  if (!SSE_FIELD.test(text)) return undefined
  const frames = text.split(/\r?\n\r?\n/).map((frame) =>
    frame
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice('data:'.length).trimStart())
      .join('\n'),
  )
  return frames.map((data) => parsed(data)).findLast((value) => typeof value === 'object' && value !== null)
}

function lines(text: string): unknown {
  if (!text.startsWith('{') || !text.includes('\n')) return undefined
  const values = text.split('\n').map((line) => (line.trim() === '' ? {} : parsed(line)))
  const areObjects = values.every((value) => typeof value === 'object' && value !== null && !Array.isArray(value))
  return areObjects ? Object.assign({}, ...values) : undefined
}
