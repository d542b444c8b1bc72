import { createHash, randomUUID } from 'node:crypto'
import type { CheckContext } from '../../../contracts/diagnosis.js'
import type { VideoSource } from '../../../contracts/source.js'
import type { StageContext } from '../../../contracts/stage.js'
import type { UploadedVideo, Uploader } from '../../../contracts/uploader.js'
import { raceAbort } from '../../../timing/deadline.js'
import { createByteProgress } from '../byte-progress.js'
import type { OpenVideo } from '../open-video.js'
import { encodedKey, storageKey } from '../storage-key.js'
import { mediaTypeFor } from '../video-media-type.js'
import { checkS3Options } from './checked-s3-options.js'
import { s3Api } from './s3-api.js'
import { endUploads, type S3Left, tidyS3 } from './s3-leftovers.js'
import type { S3UploaderOptions } from './s3-options.js'
import { type S3Bucket, s3Bucket } from './s3-requests.js'
import { openS3Video, storeObject } from './s3-transfer.js'

/**
 * Stores a video in any S3-compatible store: AWS, Cloudflare R2, Backblaze B2, MinIO, Google Cloud Storage, Supabase, your own. `id` of
 * the result is the key, and `url` a public or a presigned address. Memory stays at one part, whatever the size.
 *
 * A video that fits one part goes in one request from memory, a longer one of known length in one request that is streamed, and one of
 * unknown or large length in a multipart upload. Bytes in memory are signed and carry their MD5; of all others the ETag is compared
 * where the store makes it of the bytes, and else the length. A part that fails is sent again; a broken source is resumed at the last
 * good byte.
 *
 * Nothing is overwritten unless `onExisting` says so: the key is looked up (`HEAD`), and every write is conditional
 * (`If-None-Match: *`), which AWS, R2, MinIO and Ceph honour. Where a store refuses the condition the upload continues with a `warning`;
 * where it ignores it, only the lookup protects. A write whose answer is lost is looked up by length and ETag before anything is sent
 * again, and an object that has the same bytes already counts as stored: a run that continues in another process ends there.
 *
 * `upload` rejects with
 * - `AuthenticationError` when the keys are refused, lack a permission, or cannot be had.
 * - `ConfigurationError` when the bucket does not exist, or is in another region, which the message names.
 * - `InvalidRequestError` when the key is taken, when the id of the run makes a key that no store takes, and when the video is longer
 *   than 10,000 parts.
 * - `QuotaExceededError` when the store is full.
 * - `OverloadedError`, `RateLimitError`, `NetworkError` and `UpstreamHttpError` when every attempt failed.
 * - `UpstreamResponseError` when the store answers what cannot be understood or has other bytes, and when the source is empty or has
 *   another length than it declares.
 *
 * The keys need `s3:PutObject`, and `s3:AbortMultipartUpload`, `s3:DeleteObject` and `s3:ListBucketMultipartUploads` to take away what a
 * failure leaves. With `s3:GetObject` and `s3:ListBucket` the key can be looked up as well. A write whose answer is lost counts as stored
 * where the key was free before and now has an object of the same length, if its ETag is not made of the bytes.
 *
 * A failure aborts the multipart upload and removes an object that is surely of this upload, for at most 15 s, and leaves a `warning`
 * when that fails. An abort rejects at once and does the same in the background. A store may still carry out the request that the abort
 * has cut: the uploader searches for its effect for at most 15 s, until it was removed or has been missing for 8 s. Every object carries
 * the id of its upload (`x-amz-meta-sora-pipeline-upload`, a random UUID), so that none removes that of another. The next upload of a
 * video removes only what a killed process has left of it at some servers: an object with such a mark that is the beginning of the video.
 * The parts of a killed process cost storage: set a lifecycle rule for incomplete multipart uploads on the bucket.
 *
 * Sources: docs.aws.amazon.com/AmazonS3/latest/API (PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload and its
 * errors under status 200, ErrorResponses), …/userguide/conditional-writes.html, …/userguide/checking-object-integrity.html (ETags).
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { s3Uploader } from 'sora-pipeline/strategies'
 *
 * const uploader = s3Uploader({
 *   endpoint: 'https://s3.eu-central-1.amazonaws.com',
 *   region: 'eu-central-1',
 *   bucket: 'my-videos',
 *   accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
 *   secretAccessKey: 'from-your-secret-store',
 *   key: 'videos/{date}/{runId}.{extension}',
 *   url: { presignSeconds: 86_400 },
 * })
 * console.log(uploader.name) // s3
 * ```
 */
export function s3Uploader(given: S3UploaderOptions): Uploader {
  const options = checkS3Options(given)
  const bucket = s3Bucket(options)
  const { name, label } = options
  return {
    name,
    ...(label !== undefined && { label }),
    endpoints: [bucket.address()],
    check: (context) => checkBucket(bucket, context),
    async upload(source, context) {
      context.signal.throwIfAborted()
      const video = openS3Video(source, context, options)
      try {
        return await uploadTo(bucket, source, { video, context })
      } finally {
        video.close()
      }
    },
  }
}

interface Upload {
  readonly video: OpenVideo
  readonly context: StageContext
}

async function uploadTo(bucket: S3Bucket, source: VideoSource, { video, context }: Upload): Promise<UploadedVideo> {
  const { options } = bucket
  const { signal, clock } = context
  // Before anything is asked of the store: a source that cannot be read costs no request, and its first bytes show its type.
  const { chunks } = await video.at(0)
  const mediaType = mediaTypeFor(source, chunks)
  const key = storageKey(options.key, context, mediaType)
  const mark = randomUUID()
  const api = s3Api(bucket, { key, mediaType, mark }, context)
  const progress = createByteProgress(context)
  const left: S3Left = { uploadId: undefined, hasUnknownUpload: false, object: 'no', mark, digest: undefined }
  const warn = () => {
    const message = `Could not remove the unfinished upload from ${options.name}: ${key}`
    context.warn?.({ code: 'upload-left-behind', message })
  }
  try {
    const byteLength = await storeObject({ options, api, key, source, video, progress, context, left })
    signal.throwIfAborted()
    const place = await placeOf(bucket, key, context)
    await raceAbort(signal, () => endUploads(bucket, key, left, clock).catch(warn))
    return { ...place, id: key, byteLength }
  } catch (error) {
    const tidied = tidyS3(bucket, key, left, context).catch(warn)
    // An abort waits for nothing: it rejects with its reason here, whether it came before or comes now.
    await raceAbort(signal, () => tidied)
    throw error
  }
}

async function placeOf(
  bucket: S3Bucket,
  key: string,
  context: StageContext,
): Promise<Pick<UploadedVideo, 'url' | 'expiresAt'>> {
  const { url, publicBaseUrl } = bucket.options
  if (url !== 'public') return bucket.presign(key, url.presignSeconds, context)
  return {
    url: publicBaseUrl === undefined ? bucket.address(key) : `${publicBaseUrl.replace(/\/+$/, '')}/${encodedKey(key)}`,
  }
}

const EMPTY_HASH = createHash('sha256').digest('hex')

// Keys that may only write are refused as wrong keys are, without a body that distinguishes them: both are reported.
async function checkBucket(bucket: S3Bucket, { signal, clock }: CheckContext): Promise<void> {
  await bucket.request({ what: 'read the bucket', method: 'HEAD', payloadHash: EMPTY_HASH, signal }, clock)
}
