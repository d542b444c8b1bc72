import { HttpRefusal } from '../http-refusal.js'

/** Maximum nesting of lists and objects in a body. */
export const MAX_JSON_DEPTH = 64
/** Maximum values of a body, including nested ones. */
export const MAX_JSON_VALUES = 100_000

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d]
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d]

/**
 * Parses a body as JSON in UTF-8, with or without a byte order mark. Of duplicate keys the last one counts;
 * `__proto__` is an ordinary key. Bodies that would take much more memory than their length are refused unparsed.
 *
 * @throws HttpRefusal 400 `invalid_json`.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  checkNesting(bytes)
  const text = decode(bytes)
  if (text.trim() === '') throw notJson('it is empty')
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the body, so it is not kept as a cause.
    throw notJson('it is not JSON')
  }
}

/** Whether a body starts like a JSON object. */
export function looksLikeJsonObject(bytes: Uint8Array): boolean {
  return /^\ufeff?[ \t\r\n]*\{/.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, 1024)))
}

// Counts the brackets and commas outside of strings. For invalid JSON the count may be wrong, and the parser stops
// there.
function checkNesting(bytes: Uint8Array): void {
  let depth = 0
  let values = 1
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) at = endOfText(bytes, at)
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1
    else if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values += 1
      if (byte !== COMMA) depth += 1
      if (depth > MAX_JSON_DEPTH) throw notJson(`it is nested more than ${MAX_JSON_DEPTH} levels deep`)
      if (values > MAX_JSON_VALUES) throw notJson(`it has more than ${MAX_JSON_VALUES.toLocaleString('en')} values`)
    }
  }
}

/** The end of the string that begins at a quote: a separate loop, because nearly all of a large body is one string. */
function endOfText(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at
}

const DECODER = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes)
  } catch {
    throw notJson('it is not UTF-8')
  }
}

function notJson(problem: string): HttpRefusal {
  return new HttpRefusal({
    status: 400,
    code: 'invalid_json',
    message: `Could not read the body as JSON: ${problem}`,
  })
}
