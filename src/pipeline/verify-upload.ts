import type { Clock } from '../contracts/clock.js'
import { toErrorJson } from '../contracts/errors.js'
import type { UploadedVideo, Uploader } from '../contracts/uploader.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { retry } from '../timing/retry.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import { createDownloader } from '../upstream/download/downloader.js'
import { servesFile } from '../upstream/download/serves-file.js'

/** Checks that an uploaded copy can be opened without credentials; rejects when it cannot. */
export type VerifyUpload = (
  uploader: Pick<Uploader, 'name' | 'givesPageUrl'>,
  uploaded: UploadedVideo,
  signal: AbortSignal,
) => Promise<void>

// For services that need a moment until they serve a new file: at most three requests, with 6 seconds of pauses.
const WAITS = { retries: 2, minDelayMs: 2_000, maxDelayMs: 4_000, maxRetryAfterMs: 10_000 }
const HEADERS_TIMEOUT_MS = 10_000

/** Creates the check of {@link VerifyUpload}: one GET for the first byte, and up to two more if it fails. */
export function uploadVerifier(options: {
  readonly allowPrivateAddresses: AllowPrivateAddresses | undefined
  readonly clock: Clock
}): VerifyUpload {
  const { allowPrivateAddresses, clock } = options
  const download = createDownloader({ allowPrivateAddresses, headerTimeoutMs: HEADERS_TIMEOUT_MS })
  return async ({ name, givesPageUrl: isPage = false }, { url }, signal) => {
    const plan = { ...WAITS, random: () => 1, shouldRetry: isPassing }
    try {
      await retry(() => servesFile(download, { url, isPage, signal }), plan, { clock, signal })
    } catch (error) {
      signal.throwIfAborted()
      const message = `Could not verify the upload of ${name}: ${toErrorJson(error).message}`
      // Uploading the same file to the same place again is unlikely to help.
      throw new UpstreamResponseError(message, { cause: error, isRetryable: false })
    }
  }
}

// An address that is not allowed stays so; the response of a service may change within seconds.
function isPassing(error: unknown): boolean {
  const { code, isRetryable } = toErrorJson(error)
  return code !== 'network' || isRetryable
}
