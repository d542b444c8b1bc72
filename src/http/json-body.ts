import { HttpRefusal } from './http-refusal.js'

/** How deep the lists and objects of a body may lie in each other. */
export const MAX_JSON_DEPTH = 64
/** How many values a body may have, those inside of others included. */
export const MAX_JSON_VALUES = 100_000

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c

/**
 * Parses a body as JSON in UTF-8, with or without a byte order mark. Of a key that comes twice the last one counts; a key
 * `__proto__` is a key like any other. Bodies that would take much more memory than their length are refused unparsed.
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

/** Whether a body begins like a JSON object, whatever comes then. */
export function looksLikeJsonObject(bytes: Uint8Array): boolean {
  return /^\ufeff?[ \t\r\n]*\{/.test(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, 1024)))
}

// Looks at the brackets and commas outside of texts. What is no JSON at all may be counted wrong, and is refused later.
function checkNesting(bytes: Uint8Array): void {
  let depth = 0
  let values = 1
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) at = endOfText(bytes, at)
    else if (byte === COMMA) values += 1
    else if (byte === 0x5b || byte === 0x7b) {
      depth += 1
      values += 1
      if (depth > MAX_JSON_DEPTH) throw notJson(`it is nested more than ${MAX_JSON_DEPTH} levels deep`)
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1
    if (values > MAX_JSON_VALUES) throw notJson(`it has more than ${MAX_JSON_VALUES.toLocaleString('en')} values`)
  }
}

/** Where the text that begins at a quote ends: at the next quote that no backslash takes the meaning from. */
function endOfText(bytes: Uint8Array, start: number): number {
  let end = bytes.indexOf(QUOTE, start + 1)
  while (end !== -1) {
    let backslashes = 0
    while (bytes[end - 1 - backslashes] === BACKSLASH) backslashes += 1
    if (backslashes % 2 === 0) return end
    end = bytes.indexOf(QUOTE, end + 1)
  }
  return bytes.length
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
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
