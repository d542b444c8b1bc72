import { randomUUID } from 'node:crypto'
import type { VideoSource } from '../../contracts/source.js'
import { errorStatusOf } from '../../contracts/submission.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import type { ApiAnswer } from '../../upstream/api.js'
import { unreadable } from '../../upstream/json-answer.js'
import type { ByteProgress } from './byte-progress.js'
import { type OpenVideo, openVideo } from './open-video.js'
import { keyTaken } from './storage-key.js'
import { sendStreamed } from './streamed-video.js'
import type { WebdavLeaving } from './webdav-leftovers.js'
import { addressOf, type WebdavFound, webdavRequests } from './webdav-requests.js'

/** One video on its way to a server. */
export interface WebdavTransfer extends WebdavLeaving {
  readonly mediaType: string
  readonly source: VideoSource
  /** Open at its first byte. */
  readonly video: OpenVideo
  readonly progress: ByteProgress
}

// The folder is there already: 301 where its address should end in a slash.
const FOLDER_THERE = [301, 403, 405, 409]
const TAKEN = 412
// RFC 4918, section 9.9.4.
const MOVED = [201, 204]

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
  left.unanswered.add(temporary)
  let answer: ApiAnswer
  try {
    answer = await sendStreamed(streamed, ({ stream, signal }) =>
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
    if (errorStatusOf(error) !== undefined) left.unanswered.delete(temporary)
    throw error
  }
  left.unanswered.delete(temporary)
  const { byteLength } = video.digest()
  const stored = await retrying(() => find(temporary))
  // A page of a proxy, such as one to sign in, is no proof.
  if (stored === 'missing') throw unreadable(answer, 'there is no file after it')
  throwIfOther(stored, byteLength)
  return { temporary, byteLength }
}

function throwIfOther(stored: WebdavFound, byteLength: number): void {
  if (typeof stored !== 'object' || (stored.byteLength ?? byteLength) === byteLength) return
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
  const move = async () => {
    const before = left.moved
    left.moved = 'maybe'
    const headers = { destination: target, overwrite }
    const answer = await request({ method: 'MOVE', url: temporary, headers, accepts: [404, TAKEN] })
    const { status } = answer
    if (status === TAKEN || status === 404) left.moved = status === TAKEN ? 'no' : before
    if (status === TAKEN) throw keyTaken(key)
    if (status === 404) throw unreadable(answer, 'the temporary file is missing')
    // A list of what could not be moved.
    if (status === 207) throw unreadable(answer, 'there is a failure')
    if (MOVED.includes(status)) left.moved = 'yes'
    // A page of a proxy, such as one to sign in, is no proof.
    else if ((await find(temporary)) !== 'missing') throw unreadable(answer, 'the file was not moved')
  }
  await retrying(async () => {
    // The answer to the move before was lost, or what followed it: a temporary file that is gone was moved.
    if (left.moved === 'no' || (left.moved === 'maybe' && (await find(temporary)) !== 'missing')) await move()
    const stored = await find(target)
    throwIfOther(stored, byteLength)
    if (stored !== 'missing') return
    const advice = /[;?#]/.test(key) ? '; leave ; ? and # out of key' : ''
    const message = `Could not upload the video: the file is not at its path after its move: ${key}${advice}`
    throw new UpstreamResponseError(message, { isRetryable: false })
  })
  left.moved = 'yes'
  left.temporary.delete(temporary)
}
