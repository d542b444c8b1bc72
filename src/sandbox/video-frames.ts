import {
  GLYPH_ADVANCE,
  GLYPH_HEIGHT,
  GLYPH_WIDTH,
  glyphRows,
  LINE_ADVANCE,
  toPrintable,
  wrapText,
} from './bitmap-font.ts'

/** The content of a video. */
export interface FrameOptions {
  readonly prompt: string
  /** Pixels, even. */
  readonly width: number
  /** Pixels, even. */
  readonly height: number
  readonly frameCount: number
}

/** One frame in the planes Y, U and V after each other (I420), of `width * height * 3 / 2` bytes. */
type Frame = Uint8Array

const WHITE = 235
const BLACK = 16

/**
 * Draws the frames of a video one after the other: the prompt on a shade derived from it, a block that crosses the
 * picture, and a counter (`12/48`). The same array is reused for every frame.
 */
export function* drawFrames(options: FrameOptions): Iterable<Frame> {
  const { width, height, frameCount } = options
  const still = drawStill(options)
  const frame = new Uint8Array(still.length)
  const side = evenBelow(Math.min(width, height) / 8)
  const top = evenBelow(height * 0.72)
  for (let index = 0; index < frameCount; index += 1) {
    frame.set(still)
    const left = evenBelow(((width - side) * index) / Math.max(1, frameCount - 1))
    fillBlock(frame, options, { left, top, side })
    const scale = Math.max(1, Math.floor(Math.min(width / 240, height / 120)))
    const margin = 4 * scale
    const baseline = height - margin - GLYPH_HEIGHT * scale
    drawLine(frame, width, { text: `${index + 1}/${frameCount}`, left: margin, top: baseline, scale })
    yield frame
  }
}

function drawStill({ prompt, width, height }: FrameOptions): Frame {
  const pixels = width * height
  const frame = new Uint8Array((pixels * 3) / 2)
  const shade = hash(prompt)
  for (let row = 0; row < height; row += 1) {
    frame.fill(48 + Math.floor((56 * row) / height), row * width, (row + 1) * width)
  }
  frame.fill(88 + (shade % 80), pixels, pixels * 1.25)
  frame.fill(88 + ((shade >>> 8) % 80), pixels * 1.25)
  drawPrompt(frame, { prompt, width, height })
  return frame
}

// The largest letters that fit; a text that is too long even in the smallest ends in an ellipsis.
function drawPrompt(frame: Frame, { prompt, width, height }: Omit<FrameOptions, 'frameCount'>): void {
  const text = toPrintable(prompt)
  const room = Math.floor(height * 0.68)
  for (let scale = Math.max(1, Math.floor(width / 160)); scale > 0; scale -= 1) {
    const margin = 4 * scale
    const columns = Math.floor((width - 2 * margin) / (GLYPH_ADVANCE * scale))
    const rows = Math.floor((room - margin) / (LINE_ADVANCE * scale))
    const lines = wrapText(text, columns)
    if (lines.length > rows && scale > 1) continue
    const shown = lines.slice(0, rows)
    if (lines.length > rows) shown[rows - 1] = `${(shown[rows - 1] ?? '').slice(0, columns - 3)}...`
    for (const [index, line] of shown.entries()) {
      drawLine(frame, width, { text: line, left: margin, top: margin + index * LINE_ADVANCE * scale, scale })
    }
    return
  }
}

interface PlacedLine {
  readonly text: string
  readonly left: number
  readonly top: number
  /** Pixels of the picture for one pixel of the font. */
  readonly scale: number
}

function drawLine(frame: Frame, width: number, { text, left, top, scale }: PlacedLine): void {
  for (const [position, character] of Array.from(text).entries()) {
    const start = left + position * GLYPH_ADVANCE * scale
    for (const [row, bits] of glyphRows(character).entries()) {
      for (let column = 0; column < GLYPH_WIDTH; column += 1) {
        if ((bits & (1 << (GLYPH_WIDTH - 1 - column))) === 0) continue
        fillLuma(frame, width, { left: start + column * scale, top: top + row * scale, side: scale, luma: WHITE })
      }
    }
  }
}

interface Block {
  readonly left: number
  readonly top: number
  readonly side: number
}

function fillBlock(frame: Frame, { width, height }: FrameOptions, block: Block): void {
  fillLuma(frame, width, { ...block, luma: WHITE })
  const inner = evenBelow(block.side / 4)
  const hole = { left: block.left + inner, top: block.top + inner, side: block.side - 2 * inner }
  fillLuma(frame, width, { ...hole, luma: BLACK })
  for (const plane of [width * height, width * height * 1.25]) {
    for (let row = block.top / 2; row < (block.top + block.side) / 2; row += 1) {
      const start = plane + (row * width) / 2 + block.left / 2
      frame.fill(plane === width * height ? 80 : 190, start, start + block.side / 2)
    }
  }
}

function fillLuma(frame: Frame, width: number, { left, top, side, luma }: Block & { readonly luma: number }): void {
  for (let row = top; row < top + side; row += 1) {
    // Clipped at the right edge, where a longer line would continue in the next row.
    frame.fill(luma, row * width + Math.min(left, width), row * width + Math.min(left + side, width))
  }
}

function evenBelow(value: number): number {
  return Math.floor(value / 2) * 2
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0
  }
  return value
}
