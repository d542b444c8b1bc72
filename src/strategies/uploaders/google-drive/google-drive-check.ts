import { createHash } from 'node:crypto'
import type { VideoSource } from '../../../contracts/source.js'
import type { StageContext } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { readVideo } from '../read-video.js'
import type { VideoDigest } from '../video-window.js'
import type { DriveFile } from './google-drive-api.js'

/**
 * Throws unless the stored bytes are those that were read: by their SHA-256, which costs half of an MD5, and by their MD5
 * only where Drive reports no other.
 *
 * @param readMd5 - Reads the source once more.
 */
export async function checkStored(stored: DriveFile, read: VideoDigest, readMd5: () => Promise<string>): Promise<void> {
  const { byteLength, sha256, md5 } = stored
  if (byteLength !== read.byteLength) throw otherBytes(`${byteLength} bytes and not ${read.byteLength}`)
  if (sha256 !== undefined && sha256 !== read.hash) throw otherBytes(`with SHA-256 ${sha256} and not ${read.hash}`)
  if (sha256 !== undefined || md5 === undefined) return
  const expected = await readMd5()
  if (md5 !== expected) throw otherBytes(`with MD5 ${md5} and not ${expected}`)
}

/** The MD5 of the bytes of a source, in hexadecimal. */
export async function md5Of(source: VideoSource, context: StageContext): Promise<string> {
  const hash = createHash('md5')
  for await (const chunk of readVideo(source, context)) hash.update(chunk)
  return hash.digest('hex')
}

function otherBytes(problem: string): UpstreamResponseError {
  return new UpstreamResponseError(`Could not upload the video: Google Drive stored other bytes, ${problem}`)
}
