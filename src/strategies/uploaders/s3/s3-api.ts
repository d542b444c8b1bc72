import { createHash } from 'node:crypto'
import type { StageContext } from '../../../contracts/stage.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { unreadable } from '../../../upstream/json-answer.js'
import type { OutgoingStream } from '../../../upstream/outgoing-request.js'
import { isPage } from '../answered-page.js'
import { type Retrying, uploadRetries } from '../upload-retries.js'
import { NOT_IMPLEMENTED, otherRegionError, s3Error, s3ErrorCode } from './s3-error.js'
import { hasBytes, hasDigest, MARK, plainEtag, type S3Object, s3ObjectOf } from './s3-object.js'
import type { S3Bucket, S3Request } from './s3-requests.js'
import { UNSIGNED_PAYLOAD } from './s3-signature.js'
import { xmlEscaped, xmlText } from './s3-xml.js'

/**
 * What a write of the key came to: the object, that there is one already, or that the store does not know the condition, and the stream
 * has to be sent again without it.
 */
export type S3Written = S3Object | 'taken' | 'unconditional'

/** Talks to a bucket about the object of one upload. Only `retrying` repeats anything. */
export interface S3Api {
  readonly retrying: Retrying
  /** What is under the key; `unclear` where the store does not let the keys see it. */
  find(): Promise<S3Object | 'missing' | 'unclear'>
  putBytes(bytes: readonly Uint8Array<ArrayBuffer>[], md5: string): Promise<S3Written>
  putStream(stream: OutgoingStream, signal: AbortSignal): Promise<S3Written>
  /** Begins a multipart upload, and gives its id. */
  create(): Promise<string>
  /** Gives the ETag of the part. */
  putPart(uploadId: string, number: number, bytes: readonly Uint8Array<ArrayBuffer>[], md5: string): Promise<string>
  complete(uploadId: string, etags: readonly string[]): Promise<S3Written>
  /** Removes what is under the key. */
  remove(): Promise<void>
}

const EMPTY_HASH = createHash('sha256').digest('hex')
// What a store answers to HEAD where the keys may only write, where the bucket is elsewhere, or where it does not know HEAD.
const UNCLEAR = [301, 307, 400, 401, 403, 405, 501]
const TAKEN = 412

/** Makes the object through which one upload talks to its bucket. */
export function s3Api(bucket: S3Bucket, { key, mediaType, mark }: S3Target, context: StageContext): S3Api {
  const { clock, signal } = context
  const { onExisting, maxAttempts, headers: ownHeaders } = bucket.options
  const objectHeaders = { ...ownHeaders, 'content-type': mediaType, [MARK]: mark }
  const request = (call: Omit<S3Request, 'signal' | 'key'> & { readonly signal?: AbortSignal }) =>
    bucket.request({ signal, key, ...call }, clock)

  /** A write that does not replace anything, where the store knows how. */
  async function write(call: Parameters<typeof request>[0]): Promise<ApiAnswer> {
    const isNew = onExisting === 'fail' && bucket.hasConditions
    const answer = await request({ ...call, isNew, isAnswer: (text) => isNew && s3ErrorCode(text) === NOT_IMPLEMENTED })
    if (!isNew || s3ErrorCode(answer.text) !== NOT_IMPLEMENTED) return answer
    bucket.hasConditions = false
    const message = `${bucket.options.name} has no conditional writes: two uploads of one key at the same moment replace each other`
    context.warn?.({ code: 'unsupported-option', message })
    return call.stream === undefined ? request(call) : answer
  }

  return {
    retrying: uploadRetries(maxAttempts, context),
    async find() {
      const head = () => request({ method: 'HEAD', payloadHash: EMPTY_HASH, accepts: [404, ...UNCLEAR] })
      const { skewMs } = bucket
      const first = await head()
      // It was signed at the wrong time, as the answer showed.
      const answer = bucket.skewMs === skewMs ? first : await head()
      if (answer.status === 404) return 'missing'
      if (answer.status === 200 && mediaType !== 'text/html' && isPage(answer.headers, answer.url)) {
        throw unreadable(answer, 'it is a page; check endpoint and bucket')
      }
      if (!UNCLEAR.includes(answer.status)) return s3ObjectOf(answer.headers)
      const elsewhere = otherRegionError(answer.headers, bucket.options)
      if (elsewhere !== undefined) throw elsewhere
      return 'unclear'
    },
    async putBytes(bytes, md5) {
      const headers = { ...objectHeaders, 'content-md5': base64(md5) }
      return writtenBy(await write({ method: 'PUT', bytes, headers, payloadHash: sha256Of(bytes) }))
    },
    async putStream(stream, limit) {
      const call = { stream, signal: limit, timeoutMs: Number.POSITIVE_INFINITY, payloadHash: UNSIGNED_PAYLOAD }
      return writtenBy(await write({ method: 'PUT', headers: objectHeaders, ...call }))
    },
    async create() {
      const call = { method: 'POST', query: 'uploads', headers: objectHeaders, payloadHash: EMPTY_HASH } as const
      const answer = await request(call)
      const id = xmlText(answer.text, 'UploadId')
      if (id === undefined) throw unreadable(answer, 'there is no UploadId')
      return id
    },
    async putPart(uploadId, number, bytes, md5) {
      const query = `partNumber=${number}&${uploadQuery(uploadId)}`
      const headers = { 'content-md5': base64(md5) }
      const answer = await request({ method: 'PUT', query, bytes, headers, payloadHash: sha256Of(bytes) })
      const etag = answer.headers.get('etag')
      if (etag === null) throw unreadable(answer, 'there is no ETag')
      const digest = { byteLength: 0, md5, partMd5s: [] }
      const isSame = hasBytes({ ...s3ObjectOf(answer.headers), byteLength: undefined }, digest)
      if (isSame === false) throw unreadable(answer, `there is the ETag of other bytes than those of part ${number}`)
      return etag
    },
    async complete(uploadId, etags) {
      const bytes = [new TextEncoder().encode(completionOf(etags))]
      const headers = { 'content-type': 'application/xml' }
      const query = uploadQuery(uploadId)
      const answer = await write({ method: 'POST', query, headers, bytes, payloadHash: sha256Of(bytes) })
      if (answer.status === TAKEN) return 'taken'
      // The store sends its status before it is done, so an error may follow it.
      const code = s3ErrorCode(answer.text)
      if (code !== undefined) throw s3Error({ ...answer, status: 500 }, bucket.options) ?? unreadable(answer, code)
      const etag = xmlText(answer.text, 'ETag')
      if (etag === undefined) throw unreadable(answer, 'there is no ETag')
      return { byteLength: undefined, etag: hasDigest(answer.headers) ? plainEtag(etag) : undefined }
    },
    async remove() {
      await request({ method: 'DELETE', payloadHash: EMPTY_HASH, accepts: [404] })
    },
  }
}

/** Where an upload goes, and as what. */
export interface S3Target {
  readonly key: string
  readonly mediaType: string
  /** Of this upload, in the metadata of the object. */
  readonly mark: string
}

/** The part of a query that names a multipart upload. */
export function uploadQuery(uploadId: string): string {
  return `uploadId=${encodeURIComponent(uploadId)}`
}

function writtenBy(answer: ApiAnswer): S3Written {
  if (s3ErrorCode(answer.text) === NOT_IMPLEMENTED) return 'unconditional'
  if (answer.status === TAKEN) return 'taken'
  // A page of a proxy is no proof.
  if (answer.headers.get('etag') === null) throw unreadable(answer, 'there is no ETag')
  // The length of an answer to PUT is that of its own body.
  return { ...s3ObjectOf(answer.headers), byteLength: undefined }
}

function completionOf(etags: readonly string[]): string {
  const parts = etags.map(
    (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${xmlEscaped(etag)}</ETag></Part>`,
  )
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'
  return `<CompleteMultipartUpload xmlns="${namespace}">${parts.join('')}</CompleteMultipartUpload>`
}

function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64')
}

function sha256Of(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}
