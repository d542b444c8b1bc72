import { parseSize } from '../../../contracts/frame-size.js'
import type { VideoRequest } from '../../../contracts/request.js'
import { ratioOf } from '../frame-ratio.js'

type Asked = Pick<VideoRequest, 'size' | 'aspectRatio'>

/** The frame of a video in the words of providers that take no size in pixels. */
export interface VideoFrame {
  /** The shorter side, such as `720p`. */
  readonly resolution: string | undefined
  /** Such as `16:9`. */
  readonly ratio: string | undefined
}

/** The frame of a request. Of a size, the shorter side and the ratio. */
export function frameOf({ size, aspectRatio }: Asked): VideoFrame {
  const frame = parseSize(size)
  if (frame === undefined) return { resolution: undefined, ratio: aspectRatio }
  return { resolution: `${Math.min(frame.width, frame.height)}p`, ratio: aspectRatio ?? ratioOf(frame) }
}

/** The ratio of a request alone, for models whose names for a resolution differ: a size still counts as not sent. */
export function onlyRatioOf(request: Asked): string | undefined {
  // A field that is read by its name counts as sent.
  return frameOf({ ...request }).ratio
}
