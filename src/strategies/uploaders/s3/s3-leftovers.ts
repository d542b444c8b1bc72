import { createHash } from 'node:crypto'
import type { Clock } from '../../../contracts/clock.js'
import type { StageContext } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { removeLate, removeSoon } from '../late-leftovers.js'
import { uploadQuery } from './s3-api.js'
import { hasBytes, MARK, type S3Digest, s3ObjectOf } from './s3-object.js'
import type { S3Bucket, S3Request } from './s3-requests.js'
import { xmlText } from './s3-xml.js'

/** What an upload has to take away when it fails; kept up to date on its way. */
export interface S3Left {
  /** A multipart upload that has begun, whose parts cost money until it ends. */
  uploadId: string | undefined
  /** Whether the answer to the beginning of a multipart upload was lost, so that one may exist whose id is not known. */
  hasUnknownUpload: boolean
  /** Whether the object is there: `maybe` once a request that makes it was sent. */
  object: 'no' | 'maybe' | 'yes'
  /** The mark of this upload at its object. */
  readonly mark: string
  /** Of the bytes that were sent. */
  digest: (() => S3Digest | undefined) | undefined
}

type Removal = 'removed' | 'missing'

const TIDY_TIMEOUT_MS = 5_000
const EMPTY_HASH = createHash('sha256').digest('hex')

/**
 * Takes away what an upload has left: its multipart upload, and its object where it is surely its own. Uses its own signal, so it also
 * works after an abort. Makes at most three requests of 5 s, and one more for each upload that a lost answer left. A request that fails in
 * a way that passes is repeated; after an abort they are repeated for what the store may still make of the request that was cut.
 *
 * @throws SoraPipelineError when something could not be taken away.
 */
export async function tidyS3(bucket: S3Bucket, key: string, left: S3Left, context: StageContext): Promise<void> {
  const { clock, signal } = context
  const { isThere, remove, abortAll } = tidyRequests(bucket, key, clock)
  const repeated = (attempt: () => Promise<Removal>) =>
    signal.aborted ? removeLate(clock, attempt) : removeSoon(clock, attempt).then(() => undefined)
  const removeObject = async (): Promise<Removal> => {
    if (left.object === 'maybe' && !(await isThere(left))) return 'missing'
    await remove()
    return 'removed'
  }
  const tasks: Promise<void>[] = [endKnown(bucket, key, left, clock)]
  if (left.hasUnknownUpload) tasks.push(repeated(abortAll))
  // What was there before is not brought back by a removal.
  if (left.object !== 'no' && bucket.options.onExisting !== 'overwrite') tasks.push(repeated(removeObject))
  const failed = (await Promise.allSettled(tasks)).find((task) => task.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Ends what is left of multipart uploads, after a success as well: a lost answer leaves one that no one knows. */
export async function endUploads(bucket: S3Bucket, key: string, left: S3Left, clock: Clock): Promise<void> {
  await endKnown(bucket, key, left, clock)
  if (left.hasUnknownUpload) await removeSoon(clock, tidyRequests(bucket, key, clock).abortAll)
}

async function endKnown(bucket: S3Bucket, key: string, { uploadId }: S3Left, clock: Clock): Promise<void> {
  if (uploadId !== undefined) await removeSoon(clock, () => tidyRequests(bucket, key, clock).abort(uploadId))
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
    async abortAll(): Promise<Removal> {
      const { text } = await request({ method: 'GET', query: `uploads=&prefix=${encodeURIComponent(key)}` })
      const uploads = text.match(/<Upload>[\s\S]{0,4000}?<\/Upload>/g) ?? []
      let removal: Removal = 'missing'
      for (const upload of uploads) {
        const uploadId = xmlText(upload, 'UploadId')
        // Those of keys that only begin with this one are none of ours.
        if (uploadId === undefined || xmlText(upload, 'Key') !== key) continue
        await abort(uploadId)
        removal = 'removed'
      }
      return removal
    },
    /** Whether the object of this upload is there. A later upload of the same bytes has another mark. */
    async isThere({ digest, mark }: S3Left): Promise<boolean> {
      const answer = await request({ method: 'HEAD', key, accepts: [404] })
      if (answer.status === 404) return false
      const found = answer.headers.get(MARK)
      if (found !== null) return found === mark
      const sent = digest?.()
      if (sent === undefined) return false
      const isOwn = hasBytes(s3ObjectOf(answer.headers), sent)
      if (isOwn !== undefined) return isOwn
      throw new UpstreamResponseError(
        'Could not remove the unfinished upload: its object carries no mark of its upload',
      )
    },
    remove: () => request({ method: 'DELETE', key, accepts: [404] }).then(() => undefined),
  }
}
