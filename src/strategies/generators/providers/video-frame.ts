import { parseSize } from '../../../contracts/frame-size.js'
import type { VideoRequest } from '../../../contracts/request.js'

/** The frame of a video in the words of providers that take no size in pixels. */
export interface VideoFrame {
  /** The shorter side, such as `720p`. */
  readonly resolution: string | undefined
  /** Such as `16:9`. */
  readonly ratio: string | undefined
}

/** The frame of a request. Of a size, the shorter side and the ratio in lowest terms. */
export function frameOf({ size, aspectRatio }: Pick<VideoRequest, 'size' | 'aspectRatio'>): VideoFrame {
  const frame = parseSize(size)
  if (frame === undefined) return { resolution: undefined, ratio: aspectRatio }
  const { width, height } = frame
  const divisor = greatestDivisor(width, height)
  const ratio = aspectRatio ?? `${width / divisor}:${height / divisor}`
  return { resolution: `${Math.min(width, height)}p`, ratio }
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other)
}
