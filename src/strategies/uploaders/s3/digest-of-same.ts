import { createHash } from 'node:crypto'
import type { VideoSource } from '../../../contracts/source.js'
import type { OpenVideo } from '../open-video.js'
import { hasBytes, isMd5, md5Of, type S3Digest, type S3Object } from './s3-object.js'

/** The digest of the source where an object that was there before has its bytes. */
export async function digestOfSame(
  { video, source }: { readonly video: Pick<OpenVideo, 'at'>; readonly source: VideoSource },
  found: S3Object,
): Promise<S3Digest | undefined> {
  // Neither an object of another length nor one whose ETag says nothing is worth the reading.
  const isOther = source.byteLength !== undefined && found.byteLength !== source.byteLength
  if (isOther || found.etag === undefined) return undefined
  const whole = isMd5(found.etag) ? createHash('md5') : undefined
  const partMd5s: string[] = []
  let byteLength = 0
  for (let isLast = false; !isLast; ) {
    const part = await video.at(byteLength)
    if (whole === undefined) partMd5s.push(md5Of(part.chunks))
    else for (const chunk of part.chunks) whole.update(chunk)
    byteLength += part.byteLength
    if (!part.isLast && found.byteLength !== undefined && byteLength > found.byteLength) return undefined
    isLast = part.isLast
  }
  const digest: S3Digest = { byteLength, md5: whole?.digest('hex'), partMd5s }
  return hasBytes(found, digest) === true ? digest : undefined
}
