import type { StageContext } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import { retryDelayMs } from '../../../timing/retry.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { unreadable } from '../../../upstream/json-answer.js'
import type { ByteProgress } from '../byte-progress.js'
import type { VideoPart, VideoWindow } from '../video-window.js'
import type { DriveApi, DriveFile, DriveFileMetadata } from './google-drive-api.js'

/** One upload of a video to Drive. */
export interface DriveTransfer {
  readonly drive: DriveApi
  readonly file: DriveFileMetadata
  readonly window: VideoWindow
  readonly progress: ByteProgress
  readonly context: StageContext
  /** What has to be removed if the transfer fails; kept up to date. */
  readonly left: { session: string | undefined; fileId: string | undefined }
}

/** The state of an upload, as reported by Drive. */
type Upload =
  | { readonly state: 'open'; readonly storedBytes: number }
  | { readonly state: 'stored'; readonly file: DriveFile }
  /** The session has ended: it is a week old, or Drive dropped it. */
  | { readonly state: 'gone' }

const MOST_SESSIONS = 3

/**
 * Sends a video to Drive and returns the stored file as Drive reports it. After a cut, a timeout or an error of the
 * server, the stored range is requested from Drive and the upload continues there. If the session is gone, the upload
 * starts again under the same id.
 */
export async function transferToDrive(transfer: DriveTransfer): Promise<DriveFile> {
  const { drive, file, left } = transfer
  for (let sessions = 1; sessions <= MOST_SESSIONS; sessions += 1) {
    left.session = await drive.openSession(file)
    const upload: Upload =
      left.session === undefined ? await storedBefore(transfer) : await sendThrough(left.session, transfer)
    left.session = undefined
    if (upload.state === 'stored') return upload.file
  }
  throw new UpstreamResponseError(`Could not upload the video: its session ended too early, tried: ${MOST_SESSIONS}`)
}

/** The id is taken, so an answer was lost and the file exists. */
async function storedBefore({ drive, file, left }: DriveTransfer): Promise<Upload> {
  left.fileId = file.id
  const stored = await drive.find(file.id)
  return stored === undefined ? { state: 'gone' } : { state: 'stored', file: stored }
}

/** Sends part after part until the file is stored or the session is gone. */
async function sendThrough(session: string, transfer: DriveTransfer): Promise<Upload> {
  const { drive, window, progress, context, left, file } = transfer
  let storedBytes = 0
  let mostStored = 0
  let failures = 0

  /** Waits, then requests the state from Drive; throws the error after the last attempt. */
  const recover = async (first: unknown, part: VideoPart): Promise<Upload> => {
    let error = first
    while (true) {
      failures += 1
      const delayMs = context.signal.aborted ? undefined : retryDelayMs(error, failures, drive.plan)
      if (delayMs === undefined) throw error
      await context.clock.sleep(delayMs, { signal: context.signal })
      try {
        return await uploadOf(await drive.put(session, `bytes */${part.total ?? '*'}`), part, transfer)
      } catch (again) {
        error = again
      }
    }
  }

  while (true) {
    const part = await window.at(storedBytes)
    // From here on an answer may be lost although the file exists.
    if (part.isLast) left.fileId = file.id
    let upload: Upload
    try {
      upload = await uploadOf(
        await drive.put(session, contentRange(part), part.byteLength === 0 ? undefined : part.chunks),
        part,
        transfer,
      )
      if (upload.state === 'open' && upload.storedBytes <= storedBytes) throw stalled(storedBytes)
    } catch (error) {
      upload = await recover(error, part)
    }
    if (upload.state !== 'open') return upload
    storedBytes = upload.storedBytes
    if (storedBytes > mostStored) failures = 0
    mostStored = Math.max(mostStored, storedBytes)
    progress.update(storedBytes, part.total)
  }
}

async function uploadOf(answer: ApiAnswer, part: VideoPart, { drive, file }: DriveTransfer): Promise<Upload> {
  if (answer.status === 404 || answer.status === 410) return { state: 'gone' }
  if (answer.status === 308) return { state: 'open', storedBytes: storedBytesOf(answer, part) }
  // A page of a proxy is not a proof, and the answer to a request for the state need not contain the file.
  const stored = drive.readFile(answer, file.id) ?? (await drive.find(file.id))
  if (stored === undefined) throw unreadable(answer, 'it has no file')
  return { state: 'stored', file: stored }
}

/** `Range: bytes=0-42` means that 43 bytes are stored; without it none are. */
function storedBytesOf(answer: ApiAnswer, part: VideoPart): number {
  const range = answer.headers.get('range')
  if (range === null) return 0
  const last = /^\s*bytes=0-(\d{1,15})\s*$/i.exec(range)?.[1]
  if (last === undefined) throw unreadable(answer, 'it has no range from byte 0')
  const stored = Number(last) + 1
  if (stored <= part.offset + part.byteLength) return stored
  throw unreadable(answer, 'its range has more bytes than were sent')
}

function contentRange({ offset, byteLength, total }: VideoPart): string {
  // Drive has all bytes but has not ended the upload: repeating the range ends it.
  if (byteLength === 0) return `bytes */${total ?? '*'}`
  return `bytes ${offset}-${offset + byteLength - 1}/${total ?? '*'}`
}

function stalled(storedBytes: number): UpstreamResponseError {
  return new UpstreamResponseError(`Could not upload the video: Google Drive stored no more bytes than: ${storedBytes}`)
}
