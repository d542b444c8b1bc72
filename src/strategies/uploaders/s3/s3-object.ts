import { createHash } from 'node:crypto'
import type { AnswerHeaders } from '../../../upstream/answer.js'

/** An object as a store describes it. */
export interface S3Object {
  readonly byteLength: number | undefined
  /** Without quotes; `undefined` where it says nothing of the bytes. */
  readonly etag: string | undefined
  /** The mark of the upload that has made it, as far as it is known. */
  readonly mark?: string | undefined
}

/** What is known of the bytes that were read. */
export interface S3Digest {
  readonly byteLength: number
  /** Of all bytes, in hexadecimal; absent where they were sent in parts, which are hashed once, each for itself. */
  readonly md5?: string | undefined
  /** Of each part of a multipart upload, in hexadecimal. */
  readonly partMd5s: readonly string[]
}

/** Metadata of an object that names the upload that has made it, so that none removes the object of another. */
export const MARK = 'x-amz-meta-sora-pipeline-upload'

/** Reads the headers of an answer about an object. */
export function s3ObjectOf(headers: AnswerHeaders): S3Object {
  const length = headers.get('content-length')
  const etag = headers.get('etag')
  return {
    byteLength: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined,
    etag: hasDigest(headers) && etag !== null ? plainEtag(etag) : undefined,
    mark: headers.get(MARK) ?? undefined,
  }
}

/** Whether an ETag is a digest of the bytes: with keys of a key management service it is not. */
export function hasDigest(headers: AnswerHeaders): boolean {
  return !headers.get('x-amz-server-side-encryption')?.startsWith('aws:kms')
}

/** An ETag without its quotes. */
export function plainEtag(etag: string): string {
  return etag.replace(/^\s*(?:W\/)?"?|"?\s*$/g, '')
}

/**
 * Whether an object has the bytes of a digest; `undefined` where neither its length nor its ETag shows it. The ETag of an object that was
 * put in one request is the MD5 of its bytes; that of a multipart upload is the MD5 of the MD5s of its parts, and their number.
 */
export function hasBytes({ byteLength, etag = '' }: S3Object, digest: S3Digest): boolean | undefined {
  if (byteLength !== undefined && byteLength !== digest.byteLength) return false
  if (isMd5(etag)) {
    if (etag.toLowerCase() === digest.md5) return true
    // What a store without ETags of parts makes of a multipart upload is its own.
    return digest.partMd5s.length > 1 ? undefined : false
  }
  const count = /^[\da-f]{32}-(\d{1,5})$/i.exec(etag)?.[1]
  // Parts of another size make another ETag of the same bytes.
  if (Number(count) !== digest.partMd5s.length) return undefined
  return etag.toLowerCase() === multipartEtag(digest.partMd5s)
}

/** Whether an ETag is an MD5, as that of an object that was put in one request. */
export function isMd5(etag: string): boolean {
  return /^[\da-f]{32}$/i.test(etag)
}

/** The MD5 of some bytes, in hexadecimal. */
export function md5Of(chunks: readonly Uint8Array[]): string {
  const hash = createHash('md5')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}

/** The ETag that an object with the bytes of a digest should have. */
export function etagOf({ md5, partMd5s }: S3Digest): string {
  return md5 ?? multipartEtag(partMd5s)
}

function multipartEtag(partMd5s: readonly string[]): string {
  const hash = createHash('md5')
  for (const md5 of partMd5s) hash.update(md5, 'hex')
  return `${hash.digest('hex')}-${partMd5s.length}`
}
