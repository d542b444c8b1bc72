import { describeValue } from '../../contracts/errors.js'
import { fieldOf } from '../../contracts/thrown-value.js'
import type { UploadedVideo } from '../../contracts/uploader.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'

/** What a function of the caller's own gives: the URL, or the URL with what else is known. */
export type ClientPlace = string | URL | UploadedVideo

/**
 * Reads what a function of the caller's own gave.
 * @param call - What was called, such as `put of blob`.
 * @throws UpstreamResponseError when it is not an absolute http or https address, or an object with one.
 */
export function clientPlace(given: unknown, call: string): UploadedVideo {
  const url: unknown = typeof given === 'string' || given instanceof URL ? given : fieldOf(given, 'url')
  const address = url instanceof URL ? url.href : url
  // A blank would end the address wherever it is written.
  if (typeof address !== 'string' || /\s/.test(address) || !/^https?:/i.test(address) || !URL.canParse(address)) {
    const fix = 'give an absolute http or https address, or { url }'
    const message = `Could not upload the video: ${call} gave ${describeValue(address)} as its url; ${fix}`
    throw new UpstreamResponseError(message, { isRetryable: false })
  }
  const [id, byteLength, expiresAt] = [fieldOf(given, 'id'), fieldOf(given, 'byteLength'), fieldOf(given, 'expiresAt')]
  return {
    url: address,
    ...(typeof id === 'string' && id !== '' && { id }),
    ...(typeof byteLength === 'number' && { byteLength }),
    ...(typeof expiresAt === 'number' && Number.isFinite(expiresAt) && { expiresAt }),
  }
}
