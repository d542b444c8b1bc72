/** The letters and digits of a text with their positions. */
export interface Letters {
  /** 0 to 35: digits, then letters, in either case. */
  readonly values: Uint8Array
  /** Positions in the text, in order. */
  readonly places: Uint32Array
}

/** The value of a character that is neither a letter nor a digit. */
export const NO_LETTER = 99

/** The letters and digits of a text. */
export function lettersOf(text: string): Letters {
  const [values, places] = [new Uint8Array(text.length), new Uint32Array(text.length)]
  let count = 0
  for (let at = 0; at < text.length; at += 1) {
    const value = letterOf(text.charCodeAt(at))
    if (value === NO_LETTER) continue
    values[count] = value
    places[count] = at
    count += 1
  }
  return { values: values.subarray(0, count), places: places.subarray(0, count) }
}

/** The value of a letter or digit in either case and width; {@link NO_LETTER} for any other character. */
export function letterOf(code: number): number {
  if (code < 128) return VALUES[code] ?? NO_LETTER
  return code >= 0xff01 && code <= 0xff5e ? (VALUES[code - 0xfee0] ?? NO_LETTER) : NO_LETTER
}

const VALUES = new Uint8Array(128).fill(NO_LETTER)
for (const [value, letter] of [...'0123456789abcdefghijklmnopqrstuvwxyz'].entries()) {
  VALUES[letter.charCodeAt(0)] = value
  VALUES[letter.toUpperCase().charCodeAt(0)] = value
}
