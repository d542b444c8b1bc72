import { parseSize } from '../../../contracts/frame-size.js'
import type { VideoRequest } from '../../../contracts/request.js'
import { ratioOf, wanSizeOf } from '../frame-ratio.js'
import { providerKeyOf } from './model-gaps.js'
import type { VideoModelCall, VideoModelLike } from './video-model-like.js'

// Their packages make a resolution such as 720p of a size, or ignore it: the ratio of a size would be lost.
const WITHOUT_PIXELS: ReadonlySet<string> = new Set([
  ...['fal', 'google', 'xai', 'minimax', 'blackForestLabs', 'bytedance'],
])
// They know the resolution of a size in landscape alone.
const LANDSCAPE: ReadonlySet<string> = new Set(['google', 'xai'])
// Wan up to 2.6 takes a size and no ratio; with an image the ratio is that of the image.
const WAN_OF_PIXELS = /^wan(?:x|2\.[0-6])(?!.*-i2v)/

/** The size and the ratio of a request, in the fields that the package of a provider passes on. */
export function modelFrame(
  { provider, modelId }: Pick<VideoModelLike, 'provider' | 'modelId'>,
  { size, aspectRatio }: Pick<VideoRequest, 'size' | 'aspectRatio'>,
): Pick<VideoModelCall, 'aspectRatio' | 'resolution'> {
  const key = providerKeyOf(provider)
  const frame = parseSize(size)
  const given = { aspectRatio, resolution: size } as Pick<VideoModelCall, 'aspectRatio' | 'resolution'>
  if (key === 'alibaba' && WAN_OF_PIXELS.test(modelId) && aspectRatio !== undefined) {
    const resolution = size ?? wanSizeOf(modelId, aspectRatio)
    return resolution === undefined
      ? given
      : { aspectRatio: undefined, resolution: resolution as `${number}x${number}` }
  }
  if (frame === undefined || !WITHOUT_PIXELS.has(key)) return given
  const { width, height } = frame
  return {
    aspectRatio: given.aspectRatio ?? (ratioOf(frame) as `${number}:${number}`),
    resolution: LANDSCAPE.has(key) ? `${Math.max(width, height)}x${Math.min(width, height)}` : given.resolution,
  }
}
