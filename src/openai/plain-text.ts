/** A text without lone surrogates: they would be valid JSON, but Python clients fail when they print or store them. */
export function wellFormed(text: string): string {
  return text.toWellFormed()
}

/**
 * A text from elsewhere as one line that cannot be markup: control characters, line ends and direction marks become spaces,
 * brackets and backticks are removed, and the text is cut at `most` characters.
 */
export function plainLine(text: string, most = 200): string {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[<>[\]`]/g, '')
    .trim()
  if (line.length <= most) return line
  const characters = Array.from(line)
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : line
}
