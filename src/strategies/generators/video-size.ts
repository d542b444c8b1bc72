import { fitsRatio, parseSize } from '../../contracts/frame-size.js'
import type { VideoRequest } from '../../contracts/request.js'

// The frame sizes that this family of servers documents, one for each ratio.
const SIZES: Readonly<Record<string, string>> = {
  '16:9': '1280x720',
  '9:16': '720x1280',
  '7:4': '1792x1024',
  '4:7': '1024x1792',
}

/**
 * The size to request: `size` itself, or the one with exactly the ratio of `aspectRatio`. `unmapped` if no size has
 * that ratio, and `contradiction` if both are given and differ.
 */
export function sizeFor({
  size,
  aspectRatio,
}: VideoRequest): { readonly size?: string } | 'unmapped' | 'contradiction' {
  if (aspectRatio === undefined) return size === undefined ? {} : { size }
  if (size === undefined) {
    const mapped = SIZES[aspectRatio.replace(/\s+/g, '')]
    return mapped === undefined ? 'unmapped' : { size: mapped }
  }
  return fitsRatio(parseSize(size), aspectRatio) ? { size } : 'contradiction'
}
