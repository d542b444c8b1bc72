import type { VideoSource, VideoVariant } from '../../../contracts/source.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { answerError } from '../../../upstream/answer-error.js'
import type { Api } from '../../../upstream/api.js'
import { discard, readBodyText } from '../../../upstream/body-text.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import type { Download } from '../../../upstream/download/download.js'
import { createDownloader } from '../../../upstream/download/downloader.js'
import { declaredMediaType, mediaTypeOf, SIGNATURE_BYTES } from '../../../upstream/media-type.js'
import { memoryVideo } from '../../../upstream/memory-video.js'
import { hostOf, timeoutFailure } from '../../../upstream/network-failure.js'
import type { Mask } from '../../../upstream/secret.js'
import { withTimeLimit } from '../../../upstream/time-limit.js'

/** Where a picture is, and the limits of its download. */
export interface PictureOptions {
  readonly url: string
  readonly variant: VideoVariant
  /** Milliseconds for the whole picture. */
  readonly timeoutMs: number
  readonly allowPrivateAddresses: AllowPrivateAddresses | undefined
  readonly signal: AbortSignal
}

interface Own {
  readonly origin: string
  readonly signal: AbortSignal
}

const MOST_BYTES = 20 * 2 ** 20
const MOST_ERROR_BYTES = 64_000
// Answers about the key or the moment. Any other 4xx, and 501, means that the picture does not exist.
const OTHER_REASONS: ReadonlySet<number> = new Set([401, 402, 403, 408, 425, 429])
const NOT_IMPLEMENTED = 501
const PARTIAL = 206

/**
 * The picture at an address of a service, whole in memory; `undefined` if the service has none there. Servers without pictures
 * answer with an error, a text or the video, which is not read.
 * @throws NetworkError when no answer came; UpstreamResponseError for more than 20 MiB or a part of a picture; the error of the
 * answer when the key or the moment is the reason.
 */
export async function openPicture(
  api: Api,
  { url, variant, timeoutMs, allowPrivateAddresses, signal }: PictureOptions,
): Promise<VideoSource | undefined> {
  const what = `download the ${variant}`
  const { headers: ownHeaders, mask } = await api.credentials(signal)
  const error = () => timeoutFailure({ what, url, mask }, timeoutMs)
  return withTimeLimit({ timeoutMs, signal, error }, async (limited) => {
    const download = createDownloader({ headerTimeoutMs: timeoutMs, allowPrivateAddresses, fetch: api.fetch })
    const sent = { headers: { accept: 'image/*' }, ownOrigin: api.origin, ownHeaders, mask, signal: limited }
    const answer = await download(url, { what, ...sent })
    const { status } = answer
    if (!answer.ok) {
      const isAbsent = status === NOT_IMPLEMENTED || (status >= 400 && status < 500 && !OTHER_REASONS.has(status))
      if (!isAbsent) throw await refusalOf(answer, { what, mask }, { origin: api.origin, signal: limited })
      discard(answer.body)
      return undefined
    }
    const unusable = (sent: string) =>
      new UpstreamResponseError(`Could not ${what}: ${hostOf(url)} sent ${sent}`, { status, url: mask(url) })
    if (status === PARTIAL) {
      discard(answer.body)
      throw unusable('a part, which was not requested')
    }
    const bytes = await pictureIn(answer)
    if (bytes === 'too-long') throw unusable(`more than ${MOST_BYTES} bytes`)
    const mediaType = bytes === 'video' ? undefined : mediaTypeOf(bytes)
    return bytes !== 'video' && mediaType?.startsWith('image/') ? memoryVideo(bytes, { mediaType }) : undefined
  })
}

async function pictureIn({ headers, body }: Download): Promise<Uint8Array | 'video' | 'too-long'> {
  const isVideo = (type: string | undefined) => type?.startsWith('video/') === true
  if (body === null || isVideo(declaredMediaType(headers))) {
    discard(body)
    return 'video'
  }
  const chunks: Uint8Array[] = []
  let head = Buffer.alloc(0)
  let length = 0
  // Leaving the loop closes the connection.
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.byteLength
    if (length > MOST_BYTES) return 'too-long'
    if (head.byteLength >= SIGNATURE_BYTES) continue
    head = Buffer.concat([head, chunk])
    if (isVideo(mediaTypeOf(head))) return 'video'
  }
  return Buffer.concat(chunks)
}

async function refusalOf(answer: Download, exchange: { readonly what: string; readonly mask: Mask }, own: Own) {
  const { status, headers, url } = answer
  const isOwn = url.origin === own.origin
  // The text of another host is not repeated: a redirect may have led to it to expose it.
  if (!isOwn) discard(answer.body)
  const { text } = isOwn ? await readBodyText(answer, MOST_ERROR_BYTES, own.signal) : { text: '' }
  return answerError({ ...exchange, url: url.href, status, headers, text })
}
