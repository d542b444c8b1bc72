import type { VideoRequest } from '../../contracts/request.js'

// sora2-…, sora2pro-…, sora2pro-hd-…, sora-video-…, sora_video2-…; the last two also without an orientation.
const NAME = /^sora(?:[-_]?video)?[-_]?2?(?:[-_]?pro)?([-_]hd)?(?:[-_](landscape|portrait))?[-_]([1-9]\d{0,2})s$/i

const SIZES = {
  sd: { landscape: '1280x720', portrait: '720x1280' },
  hd: { landscape: '1792x1024', portrait: '1024x1792' },
} as const

/**
 * Reads fields of the request from a model name of the sora2api family: `sora2-portrait-15s` is `{ durationSeconds:
 * 15, size: '720x1280' }`, `sora2pro-hd-landscape-25s` is `{ durationSeconds: 25, size: '1792x1024' }`, and
 * `sora-video-10s` is in landscape. Such a name, like `sora-1.0`, selects the generator's own model; any other name
 * is a model of the upstream: `{ model }`.
 */
export function readModelName(model: string): Partial<VideoRequest> {
  if (model === 'sora-1.0') return {}
  const match = NAME.exec(model)
  if (match === null) return { model }
  const orientation = match[2]?.toLowerCase() === 'portrait' ? 'portrait' : 'landscape'
  return { durationSeconds: Number(match[3]), size: SIZES[match[1] === undefined ? 'sd' : 'hd'][orientation] }
}
