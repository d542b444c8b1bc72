// Letters and digits are the same in every form.
const PLAIN = /^[a-z\d]$/i
const ENTITIES: Readonly<Record<string, string>> = { '"': 'quot', "'": 'apos', '&': 'amp', '<': 'lt', '>': 'gt' }
const BLANK = String.raw`(?:\s|\+|&nbsp;|&#(?:x0*[9ad]|x0*20|0*(?:9|10|13|32));|%(?:25)*(?:20|0[9ad])|\\{1,16}(?:[nrt]|u00(?:20|0[9ad])))`
// The first characters of a key may only identify its issuer; this many belong to the key.
const HEAD = 12
const HEAD_AT_END = 8
const SHORTEST_WITH_HEAD = 16
// Groups of four base64 letters that do not depend on the text around them.
const SHORTEST_BASE64 = 8

/**
 * The source of a pattern, with the flags `i` and `u`, for a secret in every form in which a service may write it:
 * unchanged, in the escapes of JSON, pages, addresses and programs, each quoted any number of times, and in base64
 * with any text around it.
 */
export function secretPattern(secret: string): string {
  // Blanks around a key, such as the last line end of a file, are often removed on the way.
  const plain = secret.trim()
  const wholes = [plain, plain.normalize('NFC'), plain.normalize('NFD')].map((form) => elementsOf(form).join(''))
  return [...new Set([...wholes, ...base64Of(secret).map(base64Pattern)])].join('|')
}

/** Like {@link secretPattern}, for the start of a secret that was cut off; `undefined` for a short one. */
export function secretHeadPattern(secret: string): string | undefined {
  const elements = elementsOf(secret.trim())
  if (elements.length < SHORTEST_WITH_HEAD) return undefined
  const [anywhere, atEnd] = [HEAD, HEAD_AT_END].map((count) => elements.slice(0, count).join(''))
  const base64 = base64Of(secret).map((letters) => `${base64Pattern(letters.slice(0, HEAD))}[\\w+/=-]*`)
  return [`${anywhere}[^\\s"'<>]*`, `${atEnd}[^\\s"'<>]*$`, ...base64].join('|')
}

// One for each character; a run of blanks is one.
function elementsOf(secret: string): string[] {
  return [...secret.matchAll(/\s+|[^\s]/gu)].map(([character]) => {
    if (PLAIN.test(character)) return character
    return character.trim() === '' ? `${BLANK}+` : escapesOf(character)
  })
}

function escapesOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const percent = [...Buffer.from(character)].map((byte) => `%(?:25)*${hex(byte, 2)}`).join('')
  const units = character.split('').map((unit) => String.raw`\\{1,16}u${hex(unit.charCodeAt(0), 4)}`)
  const named = ENTITIES[character]
  const entity = [`#0*${code}`, `#x0*${hex(code, 1)}`, ...(named === undefined ? [] : [named])]
  const plain = /[$()*+./?[\\\]^{|}]/.test(character) ? `\\${character}` : character
  return [
    String.raw`(?:\\{0,16}${plain}`,
    percent,
    units.join(''),
    ...(code < 256 ? [String.raw`\\{1,16}x${hex(code, 2)}`] : []),
    `&(?:amp;)*(?:${entity.join('|')});)`,
  ].join('|')
}

function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const whole = bytes.toString('base64').replace(/=+$/, '')
  const inner = [0, 1, 2].map((shift) => {
    // Letters that also encode bits of the bytes before or after are left out.
    const letters = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const start = Math.ceil((shift * 8) / 6)
    const end = Math.floor(((shift + bytes.length) * 8) / 6)
    return letters.slice(start, end)
  })
  return [whole, ...inner.filter((letters) => letters.length >= SHORTEST_BASE64)]
}

// The two alphabets of base64, for URLs and for headers.
function base64Pattern(letters: string): string {
  return letters.replaceAll('+', '[+-]').replaceAll('/', '[/_]')
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, '0')
}
