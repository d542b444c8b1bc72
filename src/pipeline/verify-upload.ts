import type { Clock } from '../contracts/clock.js'
import { toErrorJson } from '../contracts/errors.js'
import type { UploadedVideo, Uploader } from '../contracts/uploader.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { retry } from '../timing/retry.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import { createDownloader } from '../upstream/download/downloader.js'
import { servesFile } from '../upstream/download/serves-file.js'

/** Checks that an uploaded copy can be opened by anyone; rejects when it cannot. */
export type VerifyUpload = (
  uploader: Pick<Uploader, 'name' | 'givesPageUrl'>,
  uploaded: UploadedVideo,
  signal: AbortSignal,
) => Promise<void>

// Of a store that takes a moment until it serves what it was given: at most three requests in 6 seconds and their own time.
const WAITS = { retries: 2, minDelayMs: 2_000, maxDelayMs: 4_000, maxRetryAfterMs: 10_000 }
const HEADERS_TIMEOUT_MS = 10_000

/** Makes the check of {@link VerifyUpload}: one GET for the first byte, and up to two more where it fails. */
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
      // To upload the same to the same place again is not likely to change it.
      throw new UpstreamResponseError(message, { cause: error, isRetryable: false })
    }
  }
}

// An address that may not be reached stays so; what a store says may change within seconds.
function isPassing(error: unknown): boolean {
  const { code, isRetryable } = toErrorJson(error)
  return code !== 'network' || isRetryable
}
