import { isSoraPipelineError, type SoraPipelineError } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { networkCodeOf } from '../../contracts/network-code.js'
import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import type { StageContext } from '../../contracts/stage.js'
import { isRetryableStatus, NetworkError } from '../../contracts/upstream-errors.js'
import { discard } from '../../upstream/body-text.js'
import type { AllowPrivateAddresses } from '../../upstream/download/allowed-destinations.js'
import { createDownloader } from '../../upstream/download/downloader.js'
import { mediaTypeOf } from '../../upstream/media-type.js'
import { hostOf, timeoutFailure } from '../../upstream/network-failure.js'
import type { Fetch } from '../../upstream/outgoing-request.js'
import { maskOf } from '../../upstream/secret.js'
import { withTimeLimit } from '../../upstream/time-limit.js'

/** Limits of {@link fetchImage}, and the path of the image in the request. */
interface ImageLimits {
  readonly field: string
  /** Largest image in bytes. */
  readonly maxImageBytes: number
  /** Milliseconds for the whole image. */
  readonly timeoutMs: number
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  readonly fetch?: Fetch | undefined
  readonly signal: AbortSignal
}

const WHAT = 'fetch the image'
const OTHERWISE = "its bytes; or set imageUrls: 'url', and the upstream fetches it"

/**
 * The bytes of an image at an address of the request, through the guarded downloader.
 * @throws InvalidRequestError for an address that may not be reached, an answer that is not an image, and one that is too long;
 * NetworkError that may pass for a host that is busy or does not answer. Both prove that nothing was submitted.
 */
async function fetchImage(
  url: string,
  { field, maxImageBytes, timeoutMs, allowPrivateAddresses, fetch, signal }: ImageLimits,
): Promise<{ readonly bytes: Uint8Array; readonly mediaType: string }> {
  const download = createDownloader({
    headerTimeoutMs: timeoutMs,
    allowPrivateAddresses,
    fetch,
    limits: { maxBytes: maxImageBytes },
  })
  const error = () => timeoutFailure({ what: WHAT, url, mask: maskOf([]) }, timeoutMs, { isRefusal: true })
  try {
    return await withTimeLimit({ timeoutMs, signal, error }, async (limited) => {
      const answer = await download(url, { what: WHAT, headers: { accept: 'image/*' }, signal: limited })
      if (!answer.ok) {
        discard(answer.body)
        if (isRetryableStatus(answer.status))
          throw failed(`Could not ${WHAT}: ${hostOf(url)} answered ${answer.status}`)
        throw refused(field, url, `which answered ${answer.status}`, 'give the address of an image')
      }
      const bytes = new Uint8Array(await new Response(answer.body).arrayBuffer())
      const mediaType = mediaTypeOf(bytes)
      if (mediaType?.startsWith('image/')) return { bytes, mediaType }
      throw refused(
        field,
        url,
        `which sent ${mediaType ?? 'something else than an image'}`,
        'give the address of an image',
      )
    })
  } catch (thrown) {
    signal.throwIfAborted()
    if (!isSoraPipelineError(thrown) || thrown.code === 'request-invalid') throw thrown
    // A name that does not exist is a mistake of the request.
    if (thrown.isRetryable && networkCodeOf(thrown) !== 'ENOTFOUND') throw failed(thrown.message, thrown)
    throw refused(
      field,
      url,
      thrown.message.replace(`Could not ${WHAT}: `, ''),
      `give an image of at most ${maxImageBytes} bytes that this process may reach`,
    )
  }
}

/** The request with the bytes of its images in place of addresses. */
export async function withImages(
  request: VideoRequest,
  limits: Omit<ImageLimits, 'field' | 'signal' | 'timeoutMs'> & { readonly createTimeoutMs: number },
  { signal }: StageContext,
): Promise<VideoRequest> {
  const { image, lastFrame, references } = request
  const fetched = async (media: MediaInput, field: string): Promise<MediaInput> => {
    if (typeof media !== 'string' || !/^https?:/i.test(media)) return media
    return fetchImage(media, { ...limits, field, timeoutMs: limits.createTimeoutMs, signal })
  }
  const list: MediaInput[] = []
  // One after another, so that few of them are in memory when one is refused.
  for (const [index, media] of (references ?? []).entries()) list.push(await fetched(media, `references[${index}]`))
  return {
    ...request,
    ...(image !== undefined && { image: await fetched(image, 'image') }),
    ...(lastFrame !== undefined && { lastFrame: await fetched(lastFrame, 'lastFrame') }),
    ...(references !== undefined && { references: list }),
  }
}

function failed(message: string, cause?: SoraPipelineError): NetworkError {
  return cause instanceof NetworkError && cause.isRefusal
    ? cause
    : new NetworkError(message, { isRefusal: true, cause })
}

function refused(field: string, url: string, reason: string, fix: string): InvalidRequestError {
  const value = `at ${hostOf(url)}, ${reason}`
  return new InvalidRequestError([{ field, value, fix: `${fix}, or ${OTHERWISE}` }])
}
