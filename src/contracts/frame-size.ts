/** Width and height in pixels. */
export interface FrameSize {
  readonly width: number
  readonly height: number
}

// Codecs round the sides to whole blocks, so that 832x480 is 16:9.
const BLOCK = 16

/** Width and height of a text such as `1280x720`. */
export function parseSize(size: unknown): FrameSize | undefined {
  const match = typeof size === 'string' ? /^\s*(\d{1,5})\s*[x×*]\s*(\d{1,5})\s*$/i.exec(size) : null
  return match === null ? undefined : { width: Number(match[1]), height: Number(match[2]) }
}

/** Whether a size has a ratio such as `16:9`, with less than a block of a codec between them; also if one of them is unreadable. */
export function fitsRatio(size: FrameSize | undefined, aspectRatio: string): boolean {
  const [across = 0, down = 0] = aspectRatio.split(':').map(Number)
  if (size === undefined || !(across > 0 && down > 0)) return true
  const { width, height } = size
  return Math.abs(width - (height * across) / down) < BLOCK || Math.abs(height - (width * down) / across) < BLOCK
}
