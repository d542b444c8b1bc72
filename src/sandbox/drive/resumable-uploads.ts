import { randomBytes } from 'node:crypto'
import { emptyReply, jsonReply, type Reply } from '../reply.js'
import type { ReceivedRequest } from '../route.js'
import type { StoredContent } from './content-sink.js'
import type { DriveStore } from './drive-store.js'
import { fileResource } from './file-resource.js'
import { googleError } from './google-error.js'
import { fileNotFound, ID_IN_USE, parseChange, parseNewFile } from './new-file.js'
import { parseUploadRange, type UploadRange } from './upload-range.js'
import { type UploadSession, uploadSession } from './upload-session.js'

/** The resumable uploads of one Drive. Source: Google's guide "Upload file data" of the Drive API. */
export interface ResumableUploads {
  /** Opens a session for a new file, or for new bytes of an existing one. */
  open(request: ReceivedRequest, replacedId?: string): Reply
  /** Receives a part. */
  receive(request: ReceivedRequest): Promise<Reply>
  /** Returns the progress of a session. */
  query(request: ReceivedRequest): Reply
  /** Ends a session and deletes its bytes. */
  cancel(request: ReceivedRequest): Reply
  /** Makes every session unknown, as Google does after a week. */
  expire(): void
}

interface OpenUpload {
  readonly session: UploadSession
  readonly complete: (content: StoredContent) => Reply
  answer?: Reply
}

/** @param keepBytes - Up to this length the bytes of a file are kept. */
export function resumableUploads(store: DriveStore, keepBytes: number): ResumableUploads {
  const uploads = new Map<string, OpenUpload>()

  const completion = (request: ReceivedRequest, replacedId: string | undefined): OpenUpload['complete'] | Reply => {
    const fields = request.query.get('fields')
    if (replacedId === undefined) {
      const parsed = parseNewFile(request, store)
      if ('refusal' in parsed) return parsed.refusal
      return (content) => {
        // Another session of the same id may have finished first.
        if (store.files.has(parsed.file.id)) return ID_IN_USE
        return jsonReply(200, fileResource(store.add(parsed.file, content), fields))
      }
    }
    const old = store.files.get(replacedId)
    if (old === undefined) return fileNotFound(replacedId)
    const parsed = parseChange(request)
    if ('refusal' in parsed) return parsed.refusal
    const { name = old.name, mediaType = old.mediaType } = parsed.change
    return (content) => {
      const file = store.replace(replacedId, { name, mediaType }, content)
      return file === undefined ? fileNotFound(replacedId) : jsonReply(200, fileResource(file, fields))
    }
  }

  const find = ({ query }: ReceivedRequest) => uploads.get(query.get('upload_id') ?? '')

  const proceed = (upload: OpenUpload): Reply => {
    const { session } = upload
    const stored = session.storedBytes()
    if (stored !== session.totalBytes()) {
      return emptyReply(308, stored === 0 ? {} : { range: `bytes=0-${stored - 1}` })
    }
    upload.answer = store.hasRoomFor(stored) ? upload.complete(session.finish()) : NO_ROOM
    return upload.answer
  }

  return {
    open(request, replacedId) {
      if (request.query.get('uploadType') !== 'resumable') {
        return wrong("The sandbox only takes uploads with 'uploadType=resumable'.")
      }
      const length = request.headers['x-upload-content-length']
      if (length !== undefined && !/^\d+$/.test(length)) return wrong('X-Upload-Content-Length has to be a number.')
      const complete = completion(request, replacedId)
      if (typeof complete !== 'function') return complete
      const declaredBytes = length === undefined ? undefined : Number(length)
      if (!store.hasRoomFor(declaredBytes ?? 0)) return NO_ROOM
      const id = randomBytes(48).toString('base64url')
      uploads.set(id, { session: uploadSession({ declaredBytes, keepBytes }), complete })
      const location = `http://${request.headers.host}${request.pathname}?uploadType=resumable&upload_id=${id}`
      return emptyReply(200, { location, 'x-guploader-uploadid': id })
    },
    async receive(request) {
      const upload = find(request)
      if (upload === undefined) return NO_SESSION
      if (upload.answer !== undefined) return upload.answer
      const { session } = upload
      const range = rangeOf(request, session.storedBytes())
      if (range?.kind !== 'part') return wrong('Content-Range must contain the bytes of the part.')
      const length = request.headers['content-length']
      if (length !== undefined && Number(length) !== range.end - range.start) {
        return wrong(`Content-Length and Content-Range do not agree: the body has ${length} bytes.`)
      }
      const objection = session.objection(range)
      if (objection !== undefined) return wrong(objection)
      if (!store.hasRoomFor(range.end)) return NO_ROOM
      const outcome = await session.append(range, request.chunks)
      if (outcome !== 'stored') return wrong(`The body does not have the bytes of its Content-Range: it is ${outcome}.`)
      return proceed(upload)
    },
    query(request) {
      const upload = find(request)
      if (upload === undefined) return NO_SESSION
      if (upload.answer !== undefined) return upload.answer
      const range = parseUploadRange(request.headers['content-range'] ?? '')
      const objection = range && upload.session.objection(range)
      if (range === undefined || objection !== undefined) return wrong(objection ?? 'Content-Range cannot be read.')
      // The length in a query ends an upload whose last part did not give it.
      upload.session.settleTotal(range.total)
      return proceed(upload)
    },
    cancel({ query }) {
      return uploads.delete(query.get('upload_id') ?? '') ? emptyReply(499) : NO_SESSION
    },
    expire: () => uploads.clear(),
  }
}

// A whole file in one request needs no range.
function rangeOf({ headers }: ReceivedRequest, storedBytes: number): UploadRange | undefined {
  const header = headers['content-range']
  if (header !== undefined) return parseUploadRange(header)
  const total = Number(headers['content-length'] ?? 0)
  return storedBytes === 0 && total > 0 ? { kind: 'part', start: 0, end: total, total } : undefined
}

function wrong(message: string): Reply {
  return googleError(400, { message, reason: 'badRequest' })
}

const NO_SESSION = googleError(404, { message: 'The upload session was not found.', reason: 'notFound' })

const NO_ROOM = googleError(403, {
  message: "The user's Drive storage quota has been exceeded.",
  reason: 'storageQuotaExceeded',
})
