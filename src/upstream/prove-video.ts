import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { abortable } from './abortable.js'
import { answerError } from './answer-error.js'
import { discard } from './body-text.js'
import { declaredLength, readContentRange } from './content-range.js'
import type { AllowPrivateAddresses } from './download/allowed-destinations.js'
import type { Download, Downloader } from './download/download.js'
import { createDownloader } from './download/downloader.js'
import { declaredMediaType, mediaTypeOf, SIGNATURE_BYTES } from './media-type.js'
import { hostOf, networkFailure, timeoutFailure } from './network-failure.js'
import type { Fetch } from './outgoing-request.js'
import { headerSecrets, maskOf, rememberConfigured } from './secret.js'
import { withTimeLimit } from './time-limit.js'

/** An address that is expected to serve a video. */
export interface ProofOptions {
  readonly url: string
  /** An origin from the developer's configuration, which may be private. */
  readonly ownOrigin?: string | undefined
  /** Sent only to `ownOrigin`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Milliseconds for all requests of the proof together. */
  readonly timeoutMs: number
  /** The smallest size that counts as a video, in bytes. */
  readonly minBytes: number
  readonly signal: AbortSignal
  readonly fetch?: Fetch | undefined
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
}

/** The result of a proof. */
export interface ProvenVideo {
  readonly mediaType: string
  /** Absent if the server does not report it. */
  readonly byteLength?: number
}

/** A proof in progress. */
interface Proof extends ProofOptions {
  readonly download: Downloader
}

const WHAT = 'find a video at the address'
// Statuses of HEAD that say something about the address; any other may only mean that HEAD is not supported.
const FINAL_FOR_HEAD: ReadonlySet<number> = new Set([401, 404, 410, 429])

/**
 * Proves that an address serves a video: by HEAD, or where that is refused or insufficient, by requesting the first
 * byte, and the first 32 bytes where needed. Redirects are followed and checked. An abort closes the connection.
 * @throws AuthenticationError for 401 and 403.
 * @throws RateLimitError for 429.
 * @throws UpstreamHttpError for any other status outside 2xx.
 * @throws UpstreamResponseError when the content is not a video, or is too small.
 * @throws NetworkError when no answer came, or not in time.
 */
export async function proveVideo(options: ProofOptions): Promise<ProvenVideo> {
  const { url, timeoutMs, signal } = options
  rememberConfigured(options.headers ?? {})
  const exchange = { what: WHAT, url, mask: maskOf(headerSecrets(options.headers ?? {})) }
  try {
    const error = () => timeoutFailure(exchange, timeoutMs)
    return await withTimeLimit({ timeoutMs, signal, error }, (limited) =>
      prove({ ...options, download: createDownloader({ ...options, headerTimeoutMs: timeoutMs }), signal: limited }),
    )
  } catch (error) {
    throw networkFailure(error, exchange, signal)
  }
}

async function prove(options: Proof): Promise<ProvenVideo> {
  const head = await ask(options, 'HEAD')
  const { status, headers, ok } = head
  if (FINAL_FOR_HEAD.has(status) || status >= 502) throw refusal(head, options)
  const mediaType = declaredMediaType(headers)
  const byteLength = declaredLength(headers)
  if (ok && mediaType?.startsWith('video/') && byteLength !== undefined && byteLength > 0) {
    return checkedLength(head, { mediaType, byteLength }, options)
  }
  const isTypeKnown = !ok || mediaType?.startsWith('video/') === true
  return (isTypeKnown ? await proveByBytes(options, 1) : undefined) ?? proveBySignature(options)
}

async function proveBySignature(options: Proof): Promise<ProvenVideo> {
  const proven = await proveByBytes(options, SIGNATURE_BYTES)
  if (proven !== undefined) return proven
  throw notVideo(options.url, 'something other than a video', options)
}

/** `undefined` if so few bytes are not conclusive. */
async function proveByBytes(options: Proof, count: number): Promise<ProvenVideo | undefined> {
  const answer = await ask(options, 'GET', { range: `bytes=0-${count - 1}` })
  if (!answer.ok) {
    discard(answer.body)
    throw refusal(answer, options)
  }
  const first = await firstBytes(answer, options.signal)
  const declared = declaredMediaType(answer.headers)
  const seen = mediaTypeOf(first)
  if (first.byteLength === 0) throw notVideo(answer.url.href, 'nothing', options)
  if (seen === 'text/html' || declared === 'text/html') throw notVideo(answer.url.href, 'a page', options)
  const isVideo = declared?.startsWith('video/') === true && (seen === undefined || seen.startsWith('video/'))
  const mediaType = isVideo ? declared : seen
  if (mediaType === undefined || !mediaType.startsWith('video/')) return undefined
  const range = readContentRange(answer.headers.get('content-range'))
  const byteLength = answer.status === 206 ? range?.total : declaredLength(answer.headers)
  return checkedLength(answer, { mediaType, ...(byteLength !== undefined && { byteLength }) }, options)
}

function ask(options: Proof, method: 'GET' | 'HEAD', headers: Readonly<Record<string, string>> = {}) {
  const { download, url, ownOrigin, signal } = options
  return download(url, {
    what: WHAT,
    method,
    headers: { accept: 'video/*,*/*;q=0.5', ...headers },
    ownOrigin,
    ownHeaders: options.headers,
    signal,
    mask: maskOf(headerSecrets(options.headers ?? {})),
  })
}

async function firstBytes({ body }: Download, signal: AbortSignal): Promise<Uint8Array> {
  if (body === null) return new Uint8Array()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  try {
    for (let length = 0; length < SIGNATURE_BYTES; ) {
      const { done, value } = await abortable(signal, reader.read())
      if (done) break
      chunks.push(value)
      length += value.byteLength
    }
    return new Uint8Array(Buffer.concat(chunks))
  } finally {
    discard(reader)
  }
}

function checkedLength(answer: Download, proven: ProvenVideo, options: ProofOptions): ProvenVideo {
  if (proven.byteLength === undefined || proven.byteLength >= Math.max(1, options.minBytes)) return proven
  throw notVideo(answer.url.href, `only ${proven.byteLength} bytes`, options)
}

// The host's own text is not repeated: a redirect may have led to it to expose it.
function refusal({ status, headers, url }: Download, options: ProofOptions): Error {
  const mask = maskOf(headerSecrets(options.headers ?? {}))
  return answerError({ what: WHAT, url: url.href, status, headers, text: '', mask })
}

function notVideo(url: string, what: string, options: ProofOptions): UpstreamResponseError {
  const mask = maskOf(headerSecrets(options.headers ?? {}))
  return new UpstreamResponseError(`Could not ${WHAT}: ${hostOf(url)} serves ${what}`, { url: mask(url) })
}
