import type { VideoSource } from '../../../contracts/source.js'
import type { StageContext } from '../../../contracts/stage.js'
import type { UploadedVideo, Uploader } from '../../../contracts/uploader.js'
import { raceAbort } from '../../../timing/deadline.js'
import { endpointOf } from '../../../upstream/endpoint-of.js'
import { extensionOf } from '../../../upstream/media-type.js'
import { createByteProgress } from '../byte-progress.js'
import { hasExtension } from '../safe-file-name.js'
import { mediaTypeFor } from '../video-media-type.js'
import { type VideoWindow, videoWindow } from '../video-window.js'
import { type DriveFile, driveApi, tidyDrive } from './google-drive-api.js'
import { checkStored, md5Of } from './google-drive-check.js'
import {
  type CheckedGoogleDriveOptions,
  checkGoogleDriveOptions,
  type GoogleDriveUploaderOptions,
} from './google-drive-options.js'
import { type DriveTransfer, transferToDrive } from './google-drive-transfer.js'

/**
 * Stores a video in Google Drive by its resumable upload, and returns the page that shows it:
 * `https://drive.google.com/file/d/1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g/view`. Memory use is a few chunks, whatever the
 * size.
 *
 * Nothing is stored twice: the id of the file is requested beforehand, so a repeat after a lost answer finds the
 * file. After a cut, a timeout, a rate limit (429, or 403 by its reason) or an error of the server, the stored range
 * is requested from Drive and the upload continues there. An ended session is replaced, up to three sessions in
 * total. A broken source is resumed at the last good byte. Size and SHA-256 of the stored file are compared
 * with what was read; where Drive has no SHA-256, the source is read again for its MD5.
 *
 * `upload` rejects with
 * - `AuthenticationError` when the token and its replacement are refused, or lack a scope, which the message names.
 * - `ConfigurationError` when `folderId` does not exist or is read-only, and when the account may not share with anyone:
 *   a file that no one can open is not a result.
 * - `QuotaExceededError` when the account, the shared drive or the folder is full.
 * - `RateLimitError`, `OverloadedError`, `NetworkError` and `UpstreamHttpError` after the last attempt.
 * - `UpstreamResponseError` when Drive's answer cannot be read, names another origin for the upload, or shows other stored
 *   bytes; and when the source is empty or its length differs from `byteLength`.
 *
 * A failure removes the session and the file first, within at most 10 s, and gives a `warning` if the file stayed. An
 * abort rejects at once and removes them in the background, for at most 25 s: the removal of the file is repeated until
 * it was seen to succeed or the file has been missing for 8 s. A session that was requested at that moment may be left,
 * without a byte, until it expires after a week. Storage costs nothing beyond the account's quota.
 *
 * Sources: developers.google.com/workspace/drive/api/guides/manage-uploads (308 and `Range`, multiples of 256 KiB, 404 for an
 * ended session, one week), …/guides/create-file (ids made beforehand, 409 for a repeat), …/guides/handle-errors (reasons),
 * …/reference/rest/v3/permissions/create; ending a session by `DELETE` is only documented for Cloud Storage, which has the same
 * protocol (cloud.google.com/storage/docs/performing-resumable-uploads).
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { googleDriveUploader } from 'sora-pipeline/strategies'
 *
 * const tokens = { fresh: async () => 'ya29.from-your-oauth-client' }
 * const uploader = googleDriveUploader({ accessToken: () => tokens.fresh(), folderId: '1dyUEebJaFnWa3Z4n0BFMVAXQ7mfUH11g' })
 * console.log(uploader.label) // Google Drive
 * ```
 */
export function googleDriveUploader(given: GoogleDriveUploaderOptions): Uploader {
  const options = checkGoogleDriveOptions(given)
  const { name, label, chunkBytes } = options
  return {
    name,
    label,
    endpoints: [endpointOf(options.baseUrl)],
    givesPageUrl: true,
    async upload(source, context) {
      const { signal, clock } = context
      signal.throwIfAborted()
      const window = videoWindow(source, { signal, clock, maxBytes: chunkBytes, algorithm: () => 'sha256' })
      const left: DriveTransfer['left'] = { session: undefined, fileId: undefined }
      try {
        return await store(source, context, { options, window, left })
      } catch (error) {
        const tidied = tidyDrive(options, left, context).catch(() => warnOfLeftFile(left.fileId, context))
        // An abort rejects with its reason here at once, whether it came before or comes now.
        await raceAbort(signal, () => tidied)
        throw error
      } finally {
        window.close()
      }
    },
  }
}

interface StoreOptions {
  readonly options: CheckedGoogleDriveOptions
  readonly window: VideoWindow
  readonly left: DriveTransfer['left']
}

async function store(source: VideoSource, context: StageContext, { options, window, left }: StoreOptions) {
  const progress = createByteProgress(context)
  // Before any request to Drive: a source that cannot be read costs no request, and its first bytes give its type.
  const { chunks, total } = await window.at(0)
  const mediaType = mediaTypeFor(source, chunks)
  const name = nameFor(source, context, options, mediaType)
  const drive = driveApi(options, context)
  const id = await drive.generateId()
  const file = { id, name, mediaType, byteLength: total }
  const stored = await transferToDrive({ drive, file, window, progress, context, left })
  left.fileId = id
  await checkStored(stored, window.digest(), () => md5Of(source, context))
  progress.finish(stored.byteLength)
  context.signal.throwIfAborted()
  if (options.share === 'anyone') await drive.shareWithAnyone(id)
  const result: UploadedVideo = { url: pageUrl(stored), id, byteLength: stored.byteLength }
  return result
}

function nameFor(
  source: VideoSource,
  context: StageContext,
  { fileName }: CheckedGoogleDriveOptions,
  mediaType: string,
): string {
  const [wanted, runId, extension] = [fileName?.(source, context), context.runId, extensionOf(mediaType)]
  // What follows a dot in the id of a run, such as job.42, is not the type of a file.
  const isComplete = wanted === undefined ? runId.endsWith(extension) : hasExtension(wanted)
  return `${wanted ?? runId}${isComplete ? '' : extension}`.toWellFormed()
}

function pageUrl({ id, pageUrl }: DriveFile): string {
  const url = new URL(pageUrl ?? `https://drive.google.com/file/d/${encodeURIComponent(id)}/view`)
  // Only reports to Google where the page was opened from.
  url.searchParams.delete('usp')
  return url.href
}

function warnOfLeftFile(fileId: string | undefined, context: StageContext): void {
  const message = `Could not remove the unfinished upload from Google Drive: ${fileId}`
  context.warn?.({ code: 'upload-left-behind', message })
}
