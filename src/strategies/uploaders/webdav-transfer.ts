import { randomUUID } from 'node:crypto'
import type { VideoSource } from '../../contracts/source.js'
import type { StageContext } from '../../contracts/stage.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import type { Api, ApiCall } from '../../upstream/api.js'
import { unreadable } from '../../upstream/json-answer.js'
import type { ByteProgress } from './byte-progress.js'
import { type OpenVideo, openVideo } from './open-video.js'
import { encodedKey, keyTaken } from './storage-key.js'
import { sendStreamed } from './streamed-video.js'
import { uploadRetries } from './upload-retries.js'
import { webdavError } from './webdav-error.js'

/** A folder of a WebDAV server, as long as its uploader lives. */
export interface WebdavFolder {
  readonly api: Api
  readonly onExisting: 'fail' | 'overwrite'
  readonly timeoutMs: number
  readonly maxAttempts: number
  /** The folders below it that are known to exist. */
  readonly made: Set<string>
}

/** What an upload has to take away when it fails; kept up to date on its way. */
export interface WebdavLeft {
  /** Addresses of temporary files. */
  readonly temporary: Set<string>
  /** Whether the last of them may have become the file, or surely has. */
  moved: 'no' | 'maybe' | 'yes'
}

/** One video on its way to a server. */
export interface WebdavTransfer {
  readonly folder: WebdavFolder
  readonly key: string
  readonly mediaType: string
  readonly source: VideoSource
  /** Open at its first byte. */
  readonly video: OpenVideo
  readonly progress: ByteProgress
  readonly context: StageContext
  readonly left: WebdavLeft
}

const TIDY_TIMEOUT_MS = 5_000
// There is no HEAD, or the folder is there already: 301 where its address should end in a slash.
const NO_HEAD = [405, 501]
const FOLDER_THERE = [301, 403, 405, 409]
const TAKEN = 412

/** Stores a video under its key by way of a temporary file, and gives its length. */
export async function storeFile(transfer: WebdavTransfer): Promise<number> {
  const { folder, key, context, progress } = transfer
  const requests = webdavRequests(folder, context)
  const target = addressOf(folder, key)
  if (folder.onExisting === 'fail' && typeof (await requests.retrying(() => requests.find(target))) === 'object') {
    throw keyTaken(key)
  }
  await makeFolders(transfer)
  let video: OpenVideo | undefined = transfer.video
  const { temporary, byteLength } = await requests.retrying(() => {
    const current = video ?? openVideo(transfer.source, context, transfer.video.partBytes)
    video = undefined
    return putTemporary(transfer, current).finally(() => current.close())
  })
  await moveFile(transfer, { temporary, target, byteLength })
  progress.finish(byteLength)
  return byteLength
}

/**
 * Takes away what a failed upload has left. Uses its own signal, so it also works after an abort; each request has 5 s.
 * @throws SoraPipelineError when something could not be taken away.
 */
export async function tidyWebdav(transfer: WebdavTransfer): Promise<void> {
  const { folder, key, left } = transfer
  const last = await removeTemporary(transfer)
  // A temporary file that is gone has become the file. What it replaced is not brought back by a removal.
  const isOwn = left.moved === 'yes' || (left.moved === 'maybe' && last === 'missing')
  if (isOwn && folder.onExisting === 'fail') await remove(transfer, addressOf(folder, key))
}

/** Takes away the temporary files of attempts that failed, and gives what became of the last one. */
export async function removeTemporary(transfer: WebdavTransfer): Promise<'removed' | 'missing'> {
  let last: 'removed' | 'missing' = 'removed'
  for (const url of transfer.left.temporary) last = await remove(transfer, url)
  return last
}

async function remove({ folder, context }: WebdavTransfer, url: string): Promise<'removed' | 'missing'> {
  const { signal } = new AbortController()
  const timeoutMs = Math.min(folder.timeoutMs, TIDY_TIMEOUT_MS)
  const { request } = webdavRequests({ ...folder, timeoutMs }, { ...context, signal })
  const what = 'remove the unfinished upload'
  const { status } = await request({ method: 'DELETE', url, accepts: [404], what })
  return status === 404 ? 'missing' : 'removed'
}

async function makeFolders({ folder, key, context }: WebdavTransfer): Promise<void> {
  const { request, retrying } = webdavRequests(folder, context)
  const parts = key.split('/').slice(0, -1)
  for (const index of parts.keys()) {
    const path = parts.slice(0, index + 1).join('/')
    if (folder.made.has(path)) continue
    const url = `${addressOf(folder, path)}/`
    await retrying(() => request({ method: 'MKCOL', url, accepts: FOLDER_THERE }))
    folder.made.add(path)
  }
}

/** Each attempt has a file of its own: a server may still write to that of one that was cut. */
async function putTemporary({ folder, key, mediaType, progress, context, left }: WebdavTransfer, video: OpenVideo) {
  const { timeoutMs, api, made } = folder
  const temporary = addressOf(folder, key.replace(/[^/]*$/, `.${randomUUID()}.part`))
  const streamed = { window: video, progress, context, receiver: new URL(api.origin).host, timeoutMs }
  const { request, find, retrying } = webdavRequests(folder, context)
  left.temporary.add(temporary)
  try {
    await sendStreamed(streamed, ({ stream, signal }) =>
      request({
        method: 'PUT',
        url: temporary,
        stream,
        signal,
        timeoutMs: Number.POSITIVE_INFINITY,
        headers: { 'content-type': mediaType },
      }),
    )
  } catch (error) {
    // Perhaps a folder was removed since.
    made.clear()
    throw error
  }
  const { byteLength } = video.digest()
  const stored = await retrying(() => find(temporary))
  if (typeof stored !== 'object' || (stored.byteLength ?? byteLength) === byteLength) return { temporary, byteLength }
  const both = `${stored.byteLength} bytes and not ${byteLength}`
  throw new UpstreamResponseError(`Could not upload the video: the server stored another length, ${both}`)
}

interface Move {
  readonly temporary: string
  readonly target: string
  readonly byteLength: number
}

async function moveFile({ folder, key, context, left }: WebdavTransfer, { temporary, target, byteLength }: Move) {
  const { request, find, retrying } = webdavRequests(folder, context)
  const overwrite = folder.onExisting === 'fail' ? 'F' : 'T'
  await retrying(async () => {
    // The answer to the move before was lost: a temporary file that is gone was moved.
    if (left.moved === 'maybe' && (await find(temporary)) === 'missing') {
      const stored = await find(target)
      if (typeof stored === 'object' && (stored.byteLength ?? byteLength) === byteLength) return
      const message = `Could not upload the video: the file is gone after its move: ${key}`
      throw new UpstreamResponseError(message, { isRetryable: false })
    }
    left.moved = 'maybe'
    const headers = { destination: target, overwrite }
    const answer = await request({ method: 'MOVE', url: temporary, headers, accepts: [TAKEN] })
    if (answer.status === TAKEN) {
      left.moved = 'no'
      throw keyTaken(key)
    }
    // A list of what could not be moved.
    if (answer.status === 207) throw unreadable(answer, 'there is a failure')
  })
  left.moved = 'yes'
  left.temporary.delete(temporary)
}

function webdavRequests({ api, timeoutMs, maxAttempts }: WebdavFolder, context: StageContext) {
  const { signal } = context
  const request = (call: Omit<ApiCall, 'what' | 'timeoutMs' | 'signal'> & Partial<ApiCall>) =>
    api.call({
      what: 'upload the video',
      timeoutMs,
      signal,
      readError: webdavError,
      ...call,
      headers: { accept: '*/*', 'accept-encoding': 'identity', ...call.headers },
    })
  return {
    request,
    retrying: uploadRetries(maxAttempts, context),
    /** What is at an address; `unclear` where the server does not tell. */
    async find(url: string): Promise<{ readonly byteLength: number | undefined } | 'missing' | 'unclear'> {
      const { status, headers } = await request({ method: 'HEAD', url, accepts: [404, ...NO_HEAD] })
      if (status === 404) return 'missing'
      if (NO_HEAD.includes(status)) return 'unclear'
      const length = headers.get('content-length')
      return { byteLength: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined }
    },
  }
}

function addressOf({ api }: WebdavFolder, key: string): string {
  return api.address(`/${encodedKey(key)}`)
}
