import { type FrameSize, fitsRatio } from '../../contracts/frame-size.js'

// What the APIs that take a ratio have in common.
const KNOWN = ['16:9', '9:16', '1:1', '4:3', '3:4', '3:2', '2:3', '21:9', '9:21'] as const
// The sizes of DashScope for models that take no ratio.
const WAN_SIZES: Readonly<Record<'720P' | '1080P', Readonly<Record<string, string>>>> = {
  '720P': { '16:9': '1280x720', '9:16': '720x1280', '1:1': '960x960', '4:3': '1088x832', '3:4': '832x1088' },
  '1080P': { '16:9': '1920x1080', '9:16': '1080x1920', '1:1': '1440x1440', '4:3': '1632x1248', '3:4': '1248x1632' },
}

/** The ratio of a size: the usual one, such as `16:9` for 1280x720 and for 832x480, whose sides a codec rounds; else in lowest terms. */
export function ratioOf(size: FrameSize): string {
  const { width, height } = size
  const divisor = greatestDivisor(width, height)
  const exact = `${width / divisor}:${height / divisor}`
  return KNOWN.find((ratio) => ratio === exact) ?? KNOWN.find((ratio) => fitsRatio(size, ratio)) ?? exact
}

/**
 * The size that a model of Wan up to 2.6 at DashScope has for a ratio, in its default resolution; `undefined` if it has none.
 * According to "Wan text-to-video API reference (2.1-2.6)" of alibabacloud.com/help/model-studio, October 2026.
 */
export function wanSizeOf(model: string, aspectRatio: string): string | undefined {
  return WAN_SIZES[/^wanx?2\.1/.test(model) ? '720P' : '1080P'][aspectRatio.replace(/\s+/g, '')]
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other)
}
