import type { Clock } from '../contracts/clock.js'
import type { OpenOptions, VideoSource } from '../contracts/source.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { answerError } from './answer-error.js'
import type { ApiCredentials } from './api.js'
import { discard, readBodyText } from './body-text.js'
import { declaredLength, readContentRange } from './content-range.js'
import type { AllowPrivateAddresses } from './download/allowed-destinations.js'
import type { Download, Downloader } from './download/download.js'
import { createDownloader } from './download/downloader.js'
import { hostOf, networkFailure, timeoutFailure } from './network-failure.js'
import type { Fetch } from './outgoing-request.js'
import { retryAfterMs } from './retry-after.js'
import { maskOf } from './secret.js'
import { withTimeLimit } from './time-limit.js'
import { isOtherVideo, learnIdentity, type VideoIdentity } from './video-identity.js'
import { checkVideoStart } from './video-start.js'
import { videoStream } from './video-stream.js'
import { type OpeningFailure, troubleIn, troubleOf, waitBefore } from './video-waits.js'

/** The address of a video, and what is needed to open it. */
export interface RemoteVideoOptions {
  readonly url: string
  readonly isPublic: boolean
  /** Whether the address is itself a key, so that it never appears in messages. @defaultValue `false` */
  readonly isUrlSecret?: boolean | undefined
  /** The origin that may receive the credentials, and a function that returns them; called for each opening. */
  readonly credentials?:
    | { readonly origin: string; readonly get: (signal: AbortSignal) => Promise<ApiCredentials> }
    | undefined
  /** Paces the wait for a video that is not ready yet. */
  readonly clock: Clock
  /** Milliseconds until the headers of each answer. */
  readonly timeoutMs: number
  readonly fetch?: Fetch | undefined
  /** An origin from the developer's configuration, which may be private, as that of the credentials always may. */
  readonly ownOrigin?: string | undefined
  /** Whether an upstream named the origin of the credentials: it must be public. @defaultValue `false` */
  readonly isOwnForeign?: boolean | undefined
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  readonly mediaType?: string | undefined
  /** Epoch milliseconds. */
  readonly expiresAt?: number | undefined
}

const WHAT = 'download the video'

/**
 * A source for a video at an address. Each opening requests the bytes from `offset` on through the guarded
 * downloader, with its limits, and sends credentials only to their own origin. It waits up to five minutes for a video
 * that its server announces (202, 204, 425, words such as `not ready`, `Retry-After` with 400, 404, 409 or 423), and up
 * to a minute for one that is missing, and for a server that is busy or cannot be reached (429, 5xx, a reset). Another
 * server than its own has a minute and 15.5 s. `Retry-After` lengthens each wait. Pages and JSON are refused; a JSON answer that names an address is
 * followed there, without the key. A short body or another file is never accepted as the whole video. `byteLength`
 * and `mediaType` are known after the first opening. An abort closes the connection.
 */
export function remoteVideo(options: RemoteVideoOptions): VideoSource {
  const known: VideoIdentity = { mediaType: options.mediaType }
  // Most sources are never opened.
  let download: Downloader | undefined
  return {
    ...(options.isUrlSecret !== true && { url: options.url }),
    isPublic: options.isPublic,
    ...(options.expiresAt !== undefined && { expiresAt: options.expiresAt }),
    get mediaType() {
      return known.mediaType
    },
    get byteLength() {
      return known.byteLength
    },
    open: (open = {}) => {
      download ??= createDownloader({ ...options, headerTimeoutMs: options.timeoutMs })
      return openVideo({ options, known, download }, open)
    },
  }
}

interface Remote {
  readonly options: RemoteVideoOptions
  readonly known: VideoIdentity
  readonly download: Downloader
}

/** The state that the steps of one opening share. */
interface Opening extends Remote {
  readonly offset: number
  readonly transfer: AbortController
  readonly credentials: ApiCredentials | undefined
}

async function openVideo(remote: Remote, { offset = 0, signal }: OpenOptions) {
  signal?.throwIfAborted()
  const transfer = new AbortController()
  const followCaller = () => transfer.abort(signal?.reason)
  signal?.addEventListener('abort', followCaller, { once: true })
  const release = () => signal?.removeEventListener('abort', followCaller)
  const { timeoutMs, url, credentials: own } = remote.options
  const tooLate = () => timeoutFailure({ what: WHAT, url, mask: maskOf([]) }, timeoutMs)
  try {
    const credentials = await withTimeLimit({ timeoutMs, signal: transfer.signal, error: tooLate }, async (limited) =>
      own?.get(limited),
    )
    return await openReady({ ...remote, offset, transfer, credentials }, release)
  } catch (error) {
    release()
    transfer.abort(error)
    throw signal?.aborted ? signal.reason : error
  }
}

async function openReady(opening: Opening, release: () => void): Promise<ReadableStream<Uint8Array>> {
  const { clock, url } = opening.options
  const startedAt = clock.monotonic()
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await openOnce(opening, url, release)
    if ('stream' in outcome) return outcome.stream
    const waitMs = waitBefore({ ...outcome, attempt, elapsedMs: clock.monotonic() - startedAt })
    if (waitMs === undefined) throw outcome.error
    await clock.sleep(waitMs, { signal: opening.transfer.signal })
  }
}

type Outcome = OpeningFailure | { readonly stream: ReadableStream<Uint8Array> }

async function openOnce(opening: Opening, url: string, release: () => void, by: 'request' | 'pointer' = 'request') {
  const answer = await ask(opening, url, by === 'request' ? 'owner' : 'stranger').catch((error: unknown) => ({ error }))
  if (!('error' in answer)) return openAnswer(opening, answer, release, by)
  return { ...answer, trouble: troubleIn(answer.error), isOwn: false, retryAfterMs: undefined }
}

async function openAnswer(
  opening: Opening,
  answer: Download,
  release: () => void,
  by: 'request' | 'pointer',
): Promise<Outcome> {
  const { status, headers, url } = answer
  const { offset, known, transfer } = opening
  const isPart = status === 206
  const range = readContentRange(headers.get('content-range'))
  if (status === 416 && range?.total === offset && offset > 0) {
    discard(answer.body)
    if (known.byteLength !== undefined && known.byteLength !== offset) throw shortError(url, known.byteLength, offset)
    release()
    return { stream: new Blob([]).stream() }
  }
  if (!answer.ok) return refused(opening, answer)
  if (status === 202 || status === 204) return pending(opening, answer)
  // Some servers answer 206 with the whole file and without a range.
  const isWhole = range === undefined && offset === 0
  if (isPart && !isWhole && range?.start !== offset) throw unusable(opening, url, 'a different range than requested')
  const start = await guarded(opening, url, () => checkVideoStart(answer, isPart ? offset : 0, transfer.signal))
  if (start.kind === 'pointer' && by === 'request')
    return openOnce(opening, new URL(start.url, url).href, release, 'pointer')
  if (start.kind === 'pending') return pending(opening, answer)
  if (start.kind !== 'video') throw unusable(opening, url, start.kind === 'page' ? 'a page' : 'JSON without a video')
  const seen = {
    etag: headers.get('etag') ?? undefined,
    byteLength: isPart ? range?.total : declaredLength(headers),
  }
  if (offset > 0 && isOtherVideo(known, seen)) throw unusable(opening, url, 'another file than before')
  learnIdentity(known, seen)
  known.mediaType ??= start.mediaType
  return { stream: videoStream({ start, skip: isPart ? 0 : offset, transfer, release }) }
}

function pending(opening: Opening, { status, headers, url, body }: Download): OpeningFailure {
  discard(body)
  const message = `Could not ${WHAT}: ${hostOf(url.href)} answered ${status}, the video is not ready`
  const error = new UpstreamResponseError(message, { status, url: maskFor(opening)(url.href) })
  const afterMs = retryAfterMs(headers, opening.options.clock.now())
  return { error, trouble: 'pending', isOwn: isOwn(opening, url), retryAfterMs: afterMs }
}

function isOwn({ options }: Opening, { origin }: URL): boolean {
  return [options.credentials?.origin, options.ownOrigin].includes(origin)
}

function ask(opening: Opening, url: string, as: 'owner' | 'stranger' = 'owner'): Promise<Download> {
  const { options, offset, transfer, credentials, known, download } = opening
  return download(url, {
    what: WHAT,
    headers: {
      accept: 'video/*,*/*;q=0.5',
      ...(offset > 0 && { range: `bytes=${offset}-` }),
      ...(offset > 0 && known.etag?.startsWith('"') && { 'if-range': known.etag }),
    },
    ownOrigin: options.credentials?.origin ?? options.ownOrigin,
    ownHeaders: as === 'owner' ? credentials?.headers : undefined,
    isLarge: true,
    signal: transfer.signal,
    mask: maskFor(opening),
  })
}

async function guarded<T>(opening: Opening, url: URL, call: () => Promise<T>): Promise<T> {
  const { options, transfer } = opening
  const { timeoutMs } = options
  const exchange = exchangeOf(opening, url)
  try {
    const error = () => timeoutFailure(exchange, timeoutMs)
    return await withTimeLimit({ timeoutMs, signal: transfer.signal, error }, call)
  } catch (error) {
    throw networkFailure(error, exchange, transfer.signal)
  }
}

async function refused(opening: Opening, answer: Download): Promise<OpeningFailure> {
  const { options, transfer } = opening
  const { status, headers, url } = answer
  const isKeyed = options.credentials?.origin === url.origin
  // The host's own text is not repeated: a redirect may have led to it to expose it.
  if (!isKeyed) discard(answer.body)
  const { text } = isKeyed
    ? await guarded(opening, url, () => readBodyText(answer, 64_000, transfer.signal))
    : { text: '' }
  const afterMs = retryAfterMs(headers, options.clock.now())
  return {
    error: answerError({ ...exchangeOf(opening, url), status, headers, text }),
    trouble: troubleOf(status, { text, retryAfterMs: afterMs }),
    isOwn: isOwn(opening, url),
    retryAfterMs: afterMs,
  }
}

function maskFor({ credentials }: Opening) {
  return credentials?.mask ?? maskOf([])
}

function exchangeOf(opening: Opening, url: URL) {
  return { what: WHAT, url: url.href, mask: maskFor(opening) }
}

function unusable(opening: Opening, url: URL, what: string) {
  const message = `Could not ${WHAT}: ${hostOf(url.href)} sent ${what}`
  return new UpstreamResponseError(message, { url: maskFor(opening)(url.href) })
}

// A part of a file is not published as the whole one, and no further request gives more.
function shortError({ host }: URL, declared: number, real: number) {
  const message = `Could not ${WHAT}: ${host} declares ${declared} bytes and has ${real}`
  return new UpstreamResponseError(message, { isRetryable: false })
}
