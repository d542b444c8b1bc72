import { type Decoded, type DecodedText, decodedOnce, digitOf } from './decoded-text.js'

// JSON in HTML in a URL: more layers do not occur by accident.
const MOST_LAYERS = 8
const [PERCENT, AMPERSAND, BACKSLASH, EQUALS, LESS, GREATER, ESCAPE] = [37, 38, 92, 61, 60, 62, 27]
const [NUMBER_SIGN, SEMICOLON, BRACKET, BRACE, CLOSING_BRACE] = [35, 59, 91, 123, 125]
const REFERENCES = [PERCENT, AMPERSAND]
// Decoded form of any character that is not a letter or a digit: the search ignores it.
const OTHER = 0xffff
// Only the named references that may start another escape matter.
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  percnt: '%',
  bsol: '\\',
  num: '#',
  semi: ';',
}
// After a backslash.
const BLANKS = 'nrtbfv0'
const LONGEST_NAME = 31
const LONGEST_TAG = 5_000

/**
 * Decodes the escapes of URLs, HTML, JSON and programs, each as often as it was quoted; returns the same object if there are
 * none. Takes time in proportion to the length.
 */
export function unescaped(text: DecodedText): DecodedText {
  let current = text
  for (let layer = 0; layer < MOST_LAYERS && /[%&\\]/.test(current.text); layer += 1) {
    let next = decodedOnce(current, REFERENCES, referenceOrPercentAt)
    // A backslash last: the escaped character may itself be written in one of the other escapes.
    if (next === current) next = decodedOnce(current, [BACKSLASH], backslashAt)
    if (next === current) break
    current = next
  }
  return current
}

/** Decodes quoted-printable; returns the same object if there is none. */
export function fromQuotedPrintable(text: DecodedText): DecodedText {
  if (!/=[\da-f]{2}/i.test(text.text)) return text
  return decodedOnce(text, [EQUALS], (from, at) => numberAt(from, at + 1, 16, { fewest: 2, most: 2 }))
}

/** Removes tags, comments and terminal colours; returns the same object if there are none. */
export function withoutTags(text: DecodedText): DecodedText {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it starts a colour.
  if (!/[<\u001b]/.test(text.text)) return text
  return decodedOnce(text, [LESS, ESCAPE], (from, at) => {
    const end = from.charCodeAt(at) === LESS ? tagEnd(from, at) : colourEnd(from, at)
    return end === at ? undefined : { code: undefined, end }
  })
}

function referenceOrPercentAt(text: string, at: number): Decoded | undefined {
  return text.charCodeAt(at) === PERCENT ? percentAt(text, at) : referenceAt(text, at)
}

// `%2B`, `%u002B`.
function percentAt(text: string, at: number): Decoded | undefined {
  return isLetter(text, at + 1, 'u')
    ? numberAt(text, at + 2, 16, { fewest: 4, most: 4 })
    : numberAt(text, at + 1, 16, { fewest: 2, most: 2 })
}

// `&#43;`, `&#x2B;`, `&plus;`; the semicolon of a number may be missing.
function referenceAt(text: string, at: number): Decoded | undefined {
  if (text.charCodeAt(at + 1) === NUMBER_SIGN) {
    const number = isLetter(text, at + 2, 'x')
      ? numberAt(text, at + 3, 16, { fewest: 1, most: 8 })
      : numberAt(text, at + 2, 10, { fewest: 1, most: 8 })
    // An escape that is not closed ends before the next character; a blank belongs to it.
    const isClosed = number !== undefined && /[;\s]/.test(text.charAt(number.end))
    return isClosed ? { ...number, end: number.end + 1 } : number
  }
  let end = at + 1
  while (end - at <= LONGEST_NAME && isAsciiLetter(text.charCodeAt(end))) end += 1
  if (end - at < 3 || text.charCodeAt(end) !== SEMICOLON) return undefined
  return { code: NAMED[text.slice(at + 1, end).toLowerCase()]?.charCodeAt(0) ?? OTHER, end: end + 1 }
}

// `\u002b`, `\U0000002b`, `\u{2b}`, `\x2b`, `\053`, `\n`, `\/`, after any number of backslashes.
function backslashAt(text: string, at: number): Decoded | undefined {
  let sign = at + 1
  while (text.charCodeAt(sign) === BACKSLASH) sign += 1
  if (sign >= text.length) return { code: OTHER, end: sign }
  return (
    numberBehind(text, sign) ?? {
      code: BLANKS.includes(text.charAt(sign)) ? OTHER : text.charCodeAt(sign),
      end: sign + 1,
    }
  )
}

function numberBehind(text: string, sign: number): Decoded | undefined {
  switch (text.charAt(sign)) {
    case 'U':
      return (
        numberAt(text, sign + 1, 16, { fewest: 8, most: 8 }) ?? numberAt(text, sign + 1, 16, { fewest: 4, most: 4 })
      )
    case 'u':
      return numberAt(text, sign + 1, 16, { fewest: 4, most: 4 }) ?? bracedAt(text, sign + 1)
    case 'x':
    case 'X':
      return numberAt(text, sign + 1, 16, { fewest: 2, most: 2 })
    default:
      return digitOf(text.charCodeAt(sign)) < 4 ? numberAt(text, sign, 8, { fewest: 3, most: 3 }) : undefined
  }
}

function bracedAt(text: string, at: number): Decoded | undefined {
  const number = text.charCodeAt(at) === BRACE ? numberAt(text, at + 1, 16, { fewest: 1, most: 6 }) : undefined
  return number && text.charCodeAt(number.end) === CLOSING_BRACE ? { ...number, end: number.end + 1 } : undefined
}

function numberAt(text: string, at: number, base: number, digits: { readonly fewest: number; readonly most: number }) {
  let [value, end] = [0, at]
  while (end - at < digits.most) {
    const digit = digitOf(text.charCodeAt(end))
    if (digit >= base) break
    value = value * base + digit
    end += 1
  }
  return end - at < digits.fewest ? undefined : { code: Math.min(value, OTHER), end }
}

// Ends at the next `<`, so that many of them take linear time.
function tagEnd(text: string, at: number): number {
  if (!/[a-z/!]/i.test(text.charAt(at + 1))) return at
  for (let end = at + 1; end < text.length && end - at < LONGEST_TAG; end += 1) {
    const code = text.charCodeAt(end)
    if (code === GREATER) return end + 1
    if (code === LESS) return at
  }
  return at
}

function colourEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 1) !== BRACKET) return at
  const [colour = ''] = /^[\d;]{0,20}[a-z]/i.exec(text.slice(at + 2, at + 24)) ?? []
  return colour === '' ? at : at + 2 + colour.length
}

function isAsciiLetter(code: number): boolean {
  const lower = code | 32
  return lower >= 97 && lower <= 122
}

function isLetter(text: string, at: number, letter: string): boolean {
  return (text.charCodeAt(at) | 32) === letter.charCodeAt(0)
}
