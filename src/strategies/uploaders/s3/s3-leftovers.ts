import { createHash } from 'node:crypto'
import type { Clock } from '../../../contracts/clock.js'
import { uploadQuery } from './s3-api.js'
import { hasBytes, type S3Digest, s3ObjectOf } from './s3-object.js'
import type { S3Bucket, S3Request } from './s3-requests.js'
import { xmlText } from './s3-xml.js'

/** What an upload has to take away when it fails; kept up to date on its way. */
export interface S3Left {
  /** A multipart upload that has begun, whose parts cost money until it ends. */
  uploadId: string | undefined
  /** Whether the answer to the beginning of a multipart upload was lost, so that one may exist whose id is not known. */
  hasUnknownUpload: boolean
  /** Whether the object is there: `maybe` when its last byte was sent. */
  object: 'no' | 'maybe' | 'yes'
  /** Of the bytes that were sent. */
  digest: (() => S3Digest | undefined) | undefined
}

const TIDY_TIMEOUT_MS = 5_000
const EMPTY_HASH = createHash('sha256').digest('hex')

/**
 * Takes away what an upload has left: its multipart upload, and its object where it is surely its own. Uses its own signal, so it also
 * works after an abort. Makes at most three requests of 5 s, and one more for each upload that a lost answer left.
 *
 * @throws SoraPipelineError when something could not be taken away.
 */
export async function tidyS3(bucket: S3Bucket, key: string, left: S3Left, clock: Clock): Promise<void> {
  const requests = tidyRequests(bucket, key, clock)
  await endUploads(bucket, key, left, clock)
  // What was there before is not brought back by a removal.
  if (left.object === 'no' || bucket.options.onExisting === 'overwrite') return
  if (left.object === 'yes' || (await requests.isOwn(left.digest?.()))) await requests.remove()
}

/** Ends what is left of multipart uploads, after a success as well: a lost answer leaves one that no one knows. */
export async function endUploads(bucket: S3Bucket, key: string, left: S3Left, clock: Clock): Promise<void> {
  const requests = tidyRequests(bucket, key, clock)
  if (left.uploadId !== undefined) await requests.abort(left.uploadId)
  if (left.hasUnknownUpload) await requests.abortAll()
}

function tidyRequests(bucket: S3Bucket, key: string, clock: Clock) {
  const { signal } = new AbortController()
  const timeoutMs = Math.min(bucket.options.timeoutMs, TIDY_TIMEOUT_MS)
  const what = 'remove the unfinished upload'
  const request = (call: Pick<S3Request, 'method' | 'accepts' | 'query' | 'key'>) =>
    bucket.request({ what, payloadHash: EMPTY_HASH, timeoutMs, signal, ...call }, clock)
  const abort = (uploadId: string) =>
    request({ method: 'DELETE', key, query: uploadQuery(uploadId), accepts: [404] }).then(() => undefined)

  return {
    abort,
    async abortAll() {
      const { text } = await request({ method: 'GET', query: `uploads=&prefix=${encodeURIComponent(key)}` })
      const uploads = text.match(/<Upload>[\s\S]{0,4000}?<\/Upload>/g) ?? []
      for (const upload of uploads) {
        const uploadId = xmlText(upload, 'UploadId')
        // Those of keys that only begin with this one are none of ours.
        if (uploadId !== undefined && xmlText(upload, 'Key') === key) await abort(uploadId)
      }
    },
    async isOwn(digest: S3Digest | undefined) {
      if (digest === undefined) return false
      const answer = await request({ method: 'HEAD', key, accepts: [403, 404] })
      return answer.status < 300 && hasBytes(s3ObjectOf(answer.headers), digest) === true
    },
    remove: () => request({ method: 'DELETE', key, accepts: [404] }).then(() => undefined),
  }
}
