/** The parameters of a header such as `form-data; name="a"`, by name in lower case; the first of equal names counts. */
export type HeaderParameters = ReadonlyMap<string, string>

// A name, then a quoted text with escapes, a quoted one with literal backslashes, or the text up to the next
// semicolon.
const PARAMETER =
  /[ \t]*;[ \t;]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|"([^"]*)"|([^\s;"][^;]*|))[ \t]*(?=;|$)/sy
const REST = /[ \t;]*$/y
const EXTENDED = /^(utf-8|iso-8859-1)'[\w-]*'((?:%[0-9a-f]{2}|[\w.~!#$&+^`|-])*)$/i

/**
 * Reads the parameters of a header as clients write them: quoted or not, with `\"` and `\\` in a quoted text, and as
 * `name*=utf-8''…` (RFC 8187), which takes precedence over the plain one.
 * @returns `undefined` for a header whose parameters cannot be read.
 */
export function headerParameters(header: string): HeaderParameters | undefined {
  const plain = new Map<string, string>()
  const extended = new Map<string, string>()
  let at = header.search(/;|$/)
  for (let match = matchAt(PARAMETER, header, at); match !== null; match = matchAt(PARAMETER, header, at)) {
    const [whole, name = '', escaped, quoted, bare = ''] = match
    const value = escaped?.replace(/\\(["\\])/g, '$1') ?? quoted ?? bare.trimEnd()
    const key = name.toLowerCase()
    const decoded = key.endsWith('*') ? extendedValue(value) : undefined
    if (decoded !== undefined) setOnce(extended, key.slice(0, -1), decoded)
    else if (!key.endsWith('*')) setOnce(plain, key, value)
    at += whole.length
  }
  return matchAt(REST, header, at) === null ? undefined : new Map([...plain, ...extended])
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

function setOnce(map: Map<string, string>, key: string, value: string): void {
  if (!map.has(key)) map.set(key, value)
}

// An unreadable value is ignored in favour of the plain one.
function extendedValue(value: string): string | undefined {
  const [, charset = '', text = ''] = EXTENDED.exec(value) ?? []
  if (charset === '') return undefined
  const isLatin = charset.toLowerCase() === 'iso-8859-1'
  try {
    return isLatin
      ? text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      : decodeURIComponent(text)
  } catch {
    return undefined
  }
}
