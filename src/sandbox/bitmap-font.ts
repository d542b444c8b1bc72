/** Columns of a glyph. */
export const GLYPH_WIDTH = 5
/** Rows of a glyph. */
export const GLYPH_HEIGHT = 7
/** Columns from one glyph to the next. */
export const GLYPH_ADVANCE = 6
/** Rows from one line to the next. */
export const LINE_ADVANCE = 10

const FIRST = 0x20
const LAST = 0x7e

// One word a character, from the space on; one base-32 digit a row, whose five bits are its pixels from left to
// right.
const GLYPHS = `
  0000000 4444404 aa00000 aavavaa 4fke5u4 op248j3 cik8lid 4400000 2488842 8422248 04lel40 044v440 0000c48 000v000 00000cc
  01248g0 ehjlphe 4c4444e eh168gv v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c 0cc0cc0 0cc0c48 248g842 00v0v00
  8421248 eh12404 eh1dlle ehhvhhh uhhuhhu ehggghe uhhhhhu vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv
  hrllhhh hhpljhh ehhhhhe uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla hha4ahh hhha444 v1248gv e88888e
  0g84210 e22222e 4ah0000 000000v 8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 0fhhf1e ggmphhh 40c444e 20622ic
  ggikoki c44444e 00qllhh 00mphhh 00ehhhe 00uhugg 00djf11 00mpggg 00ege1u 88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah 00hhf1e
  00v248v 2448442 4444444 8442448 008l200
`
  .trim()
  .split(/\s+/)

/**
 * Rows of one printable ASCII character, from the top; bit 4 of a row is its leftmost pixel: `A` is
 * `[14, 17, 17, 31, 17, 17, 17]`.
 */
export function glyphRows(character: string): readonly number[] {
  const glyph = GLYPHS[character.charCodeAt(0) - FIRST] ?? GLYPHS['?'.charCodeAt(0) - FIRST] ?? ''
  return Array.from(glyph, (digit) => Number.parseInt(digit, 32))
}

/**
 * A text in the characters of the font. Every other character is written as its hexadecimal code: `猫` is `<732B>`.
 * Line breaks stay, a tab becomes a space.
 */
export function toPrintable(text: string): string {
  return Array.from(text.replace(/\r\n?/g, '\n').replaceAll('\t', ' '), (character) => {
    const code = character.codePointAt(0) ?? 0
    if (character === '\n' || (code >= FIRST && code <= LAST)) return character
    return `<${code.toString(16).toUpperCase().padStart(4, '0')}>`
  }).join('')
}

/** Breaks a printable text into lines of at most `columns` characters, between words where possible. */
export function wrapText(text: string, columns: number): string[] {
  return text.split('\n').flatMap((paragraph) => wrapParagraph(paragraph, columns))
}

function wrapParagraph(paragraph: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of paragraph.split(' ').filter((part) => part !== '')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (joined.length <= columns) {
      line = joined
      continue
    }
    if (line !== '') lines.push(line)
    line = word
    while (line.length > columns) {
      lines.push(line.slice(0, columns))
      line = line.slice(columns)
    }
  }
  return [...lines, line]
}
