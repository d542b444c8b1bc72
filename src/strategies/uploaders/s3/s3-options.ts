import type { Fetch } from '../../../upstream/outgoing-request.js'

/** A pair of keys, as the credential providers of the AWS SDK give it. */
export interface S3Credentials {
  /** Id of the keys. */
  readonly accessKeyId: string
  /** Secret of the keys, which is never sent. */
  readonly secretAccessKey: string
  /** Token of temporary keys. @defaultValue none */
  readonly sessionToken?: string | undefined
  /** When temporary keys end. A presigned URL ends with them at the latest. @defaultValue never */
  readonly expiration?: Date | undefined
}

/** How long a presigned URL works. */
export interface S3Presigned {
  /** Seconds from 1 to 604,800, which is a week and the most that signature version 4 has; more are refused. */
  readonly presignSeconds: number
}

/** Options of `s3Uploader`. */
export interface S3UploaderOptions {
  /**
   * Name in events and messages.
   * @defaultValue `'s3'`
   */
  readonly name?: string | undefined
  /** Name for people, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Address of the S3 API without the bucket: `https://s3.eu-central-1.amazonaws.com`,
   * `https://ACCOUNT.r2.cloudflarestorage.com`, `https://s3.us-west-004.backblazeb2.com`, `http://127.0.0.1:9000`. A path is kept,
   * such as that of `https://PROJECT.supabase.co/storage/v1/s3`.
   */
  readonly endpoint: string
  /** Region that requests are signed for: `eu-central-1`; `auto` for R2, `us-east-1` for most servers of your own. */
  readonly region: string
  /** Name of the bucket, which has to exist. */
  readonly bucket: string
  /** Id of the keys, with `secretAccessKey`; in place of both, `credentials`. @defaultValue the one of `credentials` */
  readonly accessKeyId?: string | undefined
  /** Secret of the keys, with `accessKeyId`. It signs requests and is never sent. @defaultValue the one of `credentials` */
  readonly secretAccessKey?: string | undefined
  /** Token of temporary keys, with `accessKeyId` and `secretAccessKey`. @defaultValue none, for keys that last */
  readonly sessionToken?: string | undefined
  /**
   * A function that gives all keys, called before each request, and called again when temporary ones have expired: for example a
   * provider of `@aws-sdk/credential-providers`.
   * @defaultValue `accessKeyId`, `secretAccessKey` and `sessionToken`
   */
  readonly credentials?: (() => S3Credentials | Promise<S3Credentials>) | undefined
  /**
   * Template of the key: `{runId}`, `{date}` (UTC, `2026-11-23`), `{id}` (a random UUID of this upload) and `{extension}` (`mp4`) are
   * filled in. At most 1,024 bytes. Slashes in the id of a run become `_`.
   * @defaultValue `'{runId}.{extension}'`
   */
  readonly key?: string | undefined
  /**
   * What happens when something else is stored under the key: `fail` leaves it and rejects, `overwrite` replaces it. An object with the
   * same bytes counts as stored.
   * @defaultValue `'fail'`
   */
  readonly onExisting?: 'fail' | 'overwrite' | undefined
  /**
   * The URL of the result: `public` where anyone may read the bucket, or a presigned one with its lifetime in seconds, whose end is
   * `expiresAt` of the result. The key is `id` of the result, so that your own code can sign again later.
   * @defaultValue `'public'` with a `publicBaseUrl`, else `{ presignSeconds: 604_800 }`
   */
  readonly url?: 'public' | S3Presigned | undefined
  /**
   * Address before the key in public URLs, such as that of a CDN: `https://media.example`. Not used for presigned URLs.
   * @defaultValue the address of the bucket at `endpoint`
   */
  readonly publicBaseUrl?: string | undefined
  /**
   * Where the bucket stands in addresses: `path` is `https://host/bucket/key`, `virtual-hosted` is `https://bucket.host/key`, which
   * Alibaba OSS and Tencent COS need.
   * @defaultValue `'path'`
   */
  readonly addressing?: 'path' | 'virtual-hosted' | undefined
  /**
   * Headers of the object, such as `cache-control`, `content-disposition`, `x-amz-acl`, `x-amz-storage-class`,
   * `x-amz-server-side-encryption` or `x-amz-meta-…`.
   * @defaultValue none
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Bytes of one part of a multipart upload, a whole number from 5,242,880 to 5,368,709,120. As many are kept in memory for each
   * upload, and as many of the next part but at most 8 MiB; a cut costs at most as many again. S3 takes 10,000 parts: a longer video is refused.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly partBytes?: number | undefined
  /**
   * A video of known length that does not fit one part goes in one stream up to so many bytes, from 0 to 5,368,709,120; a longer one goes
   * in parts, and so does one of unknown length. A stream takes two requests less, but some servers (versitygw) keep what they have of one
   * that is cut, under the final key. It is removed after a failure and an abort. What a killed process leaves there is removed by the
   * next upload of this video, by its mark and its bytes; until then it can be opened.
   * @defaultValue `0`: everything that does not fit one part goes in parts
   */
  readonly multipartFromBytes?: number | undefined
  /**
   * Time limit of one request with its answer, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. For a body
   * that is streamed, the time without a byte taken. Past it the request is repeated.
   * @defaultValue `120_000` (2 min)
   */
  readonly timeoutMs?: number | undefined
  /**
   * How many attempts are made for one request or part, after a cut, a timeout, 429, 5xx or a throttling error; a whole number from 1.
   * After the last one the upload rejects. The waits double from at most 1 s to at most 32 s, with full jitter; a `Retry-After` of up to
   * 60 s is added, and a longer one ends the upload.
   * @defaultValue `6`
   */
  readonly maxAttempts?: number | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
}
