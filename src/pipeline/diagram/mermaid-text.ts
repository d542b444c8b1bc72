const LONGEST = 80
// The sign after a word of mermaid's own would be taken for its syntax, also between quotation marks.
const PLAIN = /^[\p{L}\p{N} .,()_/%-]$/u

// On one line, at most 80 characters, every sign escaped.
function labelText(text: string): string {
  const signs = [...text.replaceAll(/[\s\p{C}]+/gu, ' ').trim()]
  const shown = signs.length > LONGEST ? [...signs.slice(0, LONGEST - 1), '…'] : signs
  // An empty label is a syntax error.
  if (shown.length === 0) return '-'
  return shown.map((sign) => (PLAIN.test(sign) ? sign : `#${sign.codePointAt(0)};`)).join('')
}

/** A label between quotation marks, of lines of any origin. */
export function label(...lines: readonly string[]): string {
  return `"${lines.map(labelText).join('<br>')}"`
}

/** Milliseconds for people, such as `850 ms`, `12.3 s` or `4 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
