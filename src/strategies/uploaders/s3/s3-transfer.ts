import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { VideoSource } from '../../../contracts/source.js'
import type { StageContext } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import type { ByteProgress } from '../byte-progress.js'
import { type OpenVideo, openVideo } from '../open-video.js'
import { keyTaken } from '../storage-key.js'
import { sendStreamed } from '../streamed-video.js'
import type { VideoPart } from '../video-window.js'
import type { CheckedS3Options } from './checked-s3-options.js'
import { removeCutStream } from './cut-stream.js'
import { digestOfSame } from './digest-of-same.js'
import type { S3Api, S3Written } from './s3-api.js'
import { isRefused } from './s3-error.js'
import type { S3Left } from './s3-leftovers.js'
import { etagOf, hasBytes, md5Of, type S3Digest, type S3Object } from './s3-object.js'

/** One video on its way to a bucket. */
export interface S3Transfer {
  readonly options: CheckedS3Options
  readonly api: S3Api
  readonly key: string
  readonly source: VideoSource
  /** Open at its first byte. */
  readonly video: OpenVideo
  readonly progress: ByteProgress
  readonly context: StageContext
  readonly left: S3Left
}

const MOST_PARTS = 10_000

/** Opens a video for one attempt. Bytes that may go in one stream are hashed on the way; parts are hashed as parts. */
export function openS3Video(source: VideoSource, context: StageContext, options: CheckedS3Options): OpenVideo {
  const { partBytes, multipartFromBytes } = options
  return openVideo(source, context, partBytes, () => {
    const { byteLength } = source
    const isStreamed = byteLength !== undefined && byteLength > partBytes && byteLength <= multipartFromBytes
    return isStreamed ? 'md5' : undefined
  })
}

/**
 * Stores a video under its key, in one request or in parts, and gives its length. A write whose answer is lost is looked up before
 * anything is sent again.
 */
export async function storeObject(transfer: S3Transfer): Promise<number> {
  const { options, api, key, video, progress } = transfer
  const first = await video.at(0)
  const { isLast, total } = first
  const found = await api.retrying(() => api.find())
  let wasMissing = found === 'missing'
  if (typeof found === 'object' && options.onExisting === 'fail') {
    const digest = await digestOfSame(transfer, found)
    if (digest !== undefined) {
      progress.finish(digest.byteLength)
      return digest.byteLength
    }
    if (!(await removeCutStream(transfer, found))) throw keyTaken(key)
    wasMissing = true
  }
  const sending = { ...transfer, wasMissing }
  let digest: S3Digest
  if (isLast) {
    digest = await putWhole(sending, first)
  } else if (total !== undefined && total <= options.multipartFromBytes && video.digest().hash !== '') {
    digest = await putStreamed(sending)
  } else digest = await putParts(sending)
  progress.finish(digest.byteLength)
  return digest.byteLength
}

interface Sending extends S3Transfer {
  /** Whether nothing was under the key before. */
  readonly wasMissing: boolean
}

interface ObjectWrite {
  /** Of what was sent; `undefined` as long as not all of it was. */
  digest(): S3Digest | undefined
  write(): Promise<S3Written>
}

/** Writes the key until it is known to hold the bytes that were sent. */
async function writeObject(sending: Sending, { digest, write }: ObjectWrite): Promise<void> {
  const { api, left, options, key } = sending
  left.digest = digest
  let isOwn = false
  const written = await api.retrying(async () => {
    // A write before this one was not answered: what is there may be its object.
    if (isOwn && (await isStored(sending, digest(), { isOwn, isRefused: false }))) return undefined
    const outcome = await write().catch((error: unknown) => {
      if (!isOwn && isRefused(error)) left.object = 'no'
      else isOwn = true
      throw error
    })
    if (typeof outcome === 'object') return outcome
    if (!isOwn) left.object = 'no'
    if (await isStored(sending, digest(), { isOwn, isRefused: true })) return undefined
    throw keyTaken(key)
  })
  const known = digest()
  if (written === undefined || known === undefined) return
  if (options.onExisting === 'fail') left.object = 'yes'
  const object = hasBytes(written, known) === undefined ? await api.retrying(() => findStored(api)) : written
  if (hasBytes(object, known) !== false) return
  const { byteLength = 'unknown', etag = 'unknown' } = object
  const both = `${byteLength} bytes with ETag ${etag} and not ${known.byteLength} with ETag ${etagOf(known)}`
  throw new UpstreamResponseError(`Could not upload the video: the store has other bytes, ${both}`)
}

async function findStored(api: S3Api): Promise<S3Object> {
  const found = await api.find()
  if (found === 'missing')
    throw new UpstreamResponseError('Could not upload the video: the store has nothing under its key')
  // The answer to the write is all that such keys can see.
  return found === 'unclear' ? { byteLength: undefined, etag: undefined } : found
}

interface WriteBefore {
  /** Whether a write before may have made the object. */
  readonly isOwn: boolean
  /** Whether the store said that the key is taken. */
  readonly isRefused: boolean
}

/** Whether the key holds what was sent. */
async function isStored(sending: Sending, sent: S3Digest | undefined, { isOwn, isRefused }: WriteBefore) {
  const { api, options, key, wasMissing, left } = sending
  const found = await api.find()
  if (found === 'missing') return false
  if (found === 'unclear') {
    if (!isRefused || !isOwn) return false
    const fix = 'let the keys read objects, s3:GetObject'
    const message = `Could not upload the video: its key is taken, perhaps by this very upload: ${key}; ${fix}`
    throw new UpstreamResponseError(message, { isRetryable: false })
  }
  const isSame = sent === undefined ? false : hasBytes(found, sent)
  // Of an encrypted object only the length is known: nothing was there before, and this was sent.
  const isLikely = isOwn && wasMissing && found.byteLength === sent?.byteLength
  if (isSame ?? isLikely) return true
  // What the store has of a stream that was cut.
  if (isOwn && !isRefused && found.mark === left.mark) {
    await api.remove()
    return false
  }
  if (options.onExisting === 'fail') throw keyTaken(key)
  return false
}

async function putWhole(sending: Sending, { chunks, byteLength }: VideoPart): Promise<S3Digest> {
  const { api, left } = sending
  const md5 = md5Of(chunks)
  const digest: S3Digest = { byteLength, md5, partMd5s: [md5] }
  const write = () => {
    left.object = 'maybe'
    return api.putBytes(chunks, md5)
  }
  await writeObject(sending, { digest: () => digest, write })
  return digest
}

async function putStreamed(sending: Sending): Promise<S3Digest> {
  const { api, source, context, progress, options, left } = sending
  let video: OpenVideo | undefined = sending.video
  let digest: S3Digest | undefined
  const send = async (): Promise<S3Written> => {
    // A store may keep what it has of a stream that is cut.
    left.object = 'maybe'
    const current = video ?? openS3Video(source, context, options)
    video = undefined
    try {
      const receiver = new URL(options.endpoint).host
      const streamed = { window: current, progress, context, receiver, timeoutMs: options.timeoutMs }
      return await sendStreamed(streamed, async ({ stream, signal, isWhole }) => {
        try {
          return await api.putStream(stream, signal)
        } finally {
          if (isWhole()) {
            const { byteLength, hash: md5 } = current.digest()
            digest = { byteLength, md5, partMd5s: [md5] }
          }
        }
      })
    } finally {
      current.close()
    }
  }
  const write = async () => {
    const written = await send()
    return written === 'unconditional' ? send() : written
  }
  await writeObject(sending, { digest: () => digest, write })
  if (digest === undefined) throw keyTaken(sending.key)
  return digest
}

async function putParts(sending: Sending): Promise<S3Digest> {
  const { api, video, progress, left } = sending
  const uploadId = await api.retrying(() => beginUpload(sending))
  left.uploadId = uploadId
  const etags: string[] = []
  const partMd5s: string[] = []
  for (let offset = 0, isLast = false; !isLast; ) {
    const part = await video.at(offset)
    throwIfTooLong(sending, etags.length, part.total)
    const md5 = md5Of(part.chunks)
    etags.push(await api.retrying(() => api.putPart(uploadId, etags.length + 1, part.chunks, md5)))
    partMd5s.push(md5)
    offset += part.byteLength
    progress.update(offset, part.total)
    isLast = part.isLast
  }
  const digest = { byteLength: video.digest().byteLength, partMd5s }
  let isComplete = false
  const write = async () => {
    left.object = 'maybe'
    const written = await api.complete(uploadId, etags)
    isComplete = typeof written === 'object'
    return written
  }
  await writeObject(sending, { digest: () => digest, write })
  // After any other answer the parts may still be there.
  if (isComplete) left.uploadId = undefined
  return digest
}

async function beginUpload({ api, left }: Sending): Promise<string> {
  try {
    return await api.create()
  } catch (error) {
    if (!isRefused(error)) left.hasUnknownUpload = true
    throw error
  }
}

function throwIfTooLong({ options, source }: Sending, parts: number, total = 0): void {
  const { partBytes } = options
  if (parts < MOST_PARTS && total <= MOST_PARTS * partBytes) return
  const fix = `raise partBytes: S3 takes ${MOST_PARTS} parts`
  throw new InvalidRequestError([{ field: 'source.byteLength', value: `${source.byteLength ?? 'too long'}`, fix }])
}
