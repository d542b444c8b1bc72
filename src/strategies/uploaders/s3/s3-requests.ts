import type { Clock } from '../../../contracts/clock.js'
import type { AnswerHeaders } from '../../../upstream/answer.js'
import { type Api, type ApiAnswer, type ApiCall, createApi } from '../../../upstream/api.js'
import { encodedKey } from '../storage-key.js'
import type { CheckedS3Options } from './checked-s3-options.js'
import { s3Error } from './s3-error.js'
import { type S3Keys, s3Keys } from './s3-keys.js'
import { presignedUrl, signedHeaders } from './s3-signature.js'

/** A request to sign and send. */
export interface S3Request extends Pick<ApiCall, 'bytes' | 'stream' | 'accepts' | 'isAnswer' | 'isNew'> {
  readonly what?: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Without one the request is about the bucket. */
  readonly key?: string
  /** Encoded, such as `uploads&prefix=a`. */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string
  readonly timeoutMs?: number
  readonly signal: AbortSignal
}

/** A bucket, as long as its uploader lives. */
export interface S3Bucket {
  readonly options: CheckedS3Options
  /** Whether the store knows conditional writes; true until it answers otherwise. */
  hasConditions: boolean
  /** By how many milliseconds the clock of the store is ahead, as far as it refused a request that may have been signed at a wrong time. */
  readonly skewMs: number
  /** Address of an object, or of the bucket, without a signature. */
  address(key?: string): string
  /** Sends one request, signed. Each is repeated by the caller, or not. */
  request(request: S3Request, clock: Clock): Promise<ApiAnswer>
  /** A presigned address, and when it ends in epoch milliseconds. */
  presign(
    key: string,
    seconds: number,
    context: S3SignContext,
  ): Promise<{ readonly url: string; readonly expiresAt: number }>
}

/** What signing needs of a run. */
export interface S3SignContext {
  readonly clock: Clock
  readonly signal: AbortSignal
}

const WHAT = 'upload the video'
// Stores take signatures of up to 15 minutes before and after.
const LARGEST_SKEW_MS = 5 * 60_000

/** Makes the object through which one uploader talks to its bucket. */
export function s3Bucket(options: CheckedS3Options): S3Bucket {
  const { name: subject, fetch, region, timeoutMs } = options
  const baseUrl = baseOf(options)
  const api: Api = createApi({ subject, baseUrl, fetch })
  let skewMs = 0

  const noteTime = (headers: AnswerHeaders, clock: Clock) => {
    const ahead = Date.parse(headers.get('date') ?? '') - clock.now()
    if (Math.abs(ahead - skewMs) > LARGEST_SKEW_MS) skewMs = ahead
  }
  const signerOf = (keys: S3Keys, clock: Clock) => ({ ...keys, region, now: clock.now() + skewMs })
  const address = (key?: string) => (key === undefined ? baseUrl : `${baseUrl}/${encodedKey(key)}`)

  return {
    options,
    hasConditions: true,
    get skewMs() {
      return skewMs
    },
    address,
    async request(request, clock) {
      const { key, query, payloadHash, signal, isNew = false, ...call } = request
      const keys = await s3Keys(options, signal)
      const url = `${address(key)}${query === undefined ? '' : `?${query}`}`
      const headers = { ...request.headers, ...(isNew && { 'if-none-match': '*' }) }
      const signed = await signedHeaders(signerOf(keys, clock), { method: call.method, url, headers, payloadHash })
      const { authorization = '' } = signed
      const answer = await api.call({
        what: WHAT,
        timeoutMs,
        ...call,
        isNew,
        url,
        signal,
        // Proxies change the encodings that are asked for, so they are not signed.
        headers: { ...signed, 'accept-encoding': 'identity' },
        secrets: [...keys.secrets, authorization.slice(authorization.lastIndexOf('=') + 1)],
        readError(refused) {
          if (refused.status === 403) noteTime(refused.headers, clock)
          return s3Error(refused, options)
        },
      })
      if (answer.status === 403) noteTime(answer.headers, clock)
      return answer
    },
    async presign(key, seconds, { clock, signal }) {
      const keys = await s3Keys(options, signal)
      const signer = signerOf(keys, clock)
      const endsAt = Math.floor(signer.now / 1_000) * 1_000 + seconds * 1_000
      const expiresAt = Math.min(endsAt, keys.expiresAt ?? Number.POSITIVE_INFINITY)
      return { url: await presignedUrl(signer, address(key), seconds), expiresAt }
    },
  }
}

function baseOf({ endpoint, bucket, addressing }: CheckedS3Options): string {
  const url = new URL(endpoint)
  const path = url.pathname.replace(/\/+$/, '')
  return addressing === 'path' ? `${url.origin}${path}/${bucket}` : `${url.protocol}//${bucket}.${url.host}${path}`
}
