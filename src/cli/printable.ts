// Control characters, which could move the cursor of a terminal, and marks without a width or that change the direction of a text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to replace
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** A text of a run for a terminal, on one line: its control characters are escaped. */
export function printable(text: string): string {
  return text.replaceAll(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A duration in its largest whole unit, such as `5 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`
}

/**
 * A word of a shell command, in quotation marks where a shell would change it. Characters that a terminal does not show are made by
 * `printf`, so that the word is the same text after it was copied from a screen.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text
  if (printable(text) === text) return `'${text.replaceAll("'", String.raw`'\''`)}'`
  const escaped = text.replaceAll(/[^\w @+=:,./-]/gu, octal)
  // A shell removes the line breaks at the end of an output; `sh` itself has no other form for them.
  return text.endsWith('\n') ? `$'${escaped}'` : `"$(printf '${escaped}')"`
}

/** An option with its value as words of a shell command. */
export function shellOption(name: string, value: string): readonly string[] {
  // A value that looks like an option is read only behind an equals sign.
  return value.startsWith('-') ? [`--${name}=${shellWord(value)}`] : [`--${name}`, shellWord(value)]
}

function octal(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
