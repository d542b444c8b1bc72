import { createHash } from 'node:crypto'
import type { VideoSource } from '../../../contracts/source.js'
import type { OpenVideo } from '../open-video.js'
import type { S3Api } from './s3-api.js'
import { isRefused } from './s3-error.js'
import { isMd5, type S3Object } from './s3-object.js'

/** The key of a video, and what is under it. */
interface CutStreamPlace {
  readonly api: S3Api
  readonly video: Pick<OpenVideo, 'at'>
  readonly source: VideoSource
}

/** Makes room where an object is a part of this video, and gives whether it did; any other object is left. */
export async function removeCutStream(place: CutStreamPlace, found: S3Object): Promise<boolean> {
  const { api } = place
  if (!(await isCutStream(place, found))) return false
  try {
    await api.retrying(() => api.remove())
    return true
  } catch (error) {
    if (isRefused(error)) return false
    throw error
  }
}

/**
 * Whether an object is what the store has kept of a stream of this video whose process was killed: it carries the mark of an upload, and
 * its bytes are the first ones of the source, but not all.
 */
async function isCutStream({ video, source }: CutStreamPlace, { byteLength, etag, mark }: S3Object): Promise<boolean> {
  if (mark === undefined || byteLength === undefined || etag === undefined || !isMd5(etag)) return false
  if (source.byteLength === undefined || source.byteLength <= byteLength) return false
  const hash = createHash('md5')
  for (let offset = 0; offset < byteLength; ) {
    const part = await video.at(offset)
    for (const chunk of part.chunks) {
      hash.update(chunk.subarray(0, Math.max(0, byteLength - offset)))
      offset += chunk.length
    }
  }
  return hash.digest('hex') === etag.toLowerCase()
}
