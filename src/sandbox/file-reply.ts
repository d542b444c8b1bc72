import { createHash } from 'node:crypto'
import { bytesBody, type Reply, type ReplyBody, sliceBody } from './reply.js'

/** A file to serve. */
export interface ServedFile {
  readonly body: ReplyBody
  readonly mediaType: string
  /** Strong, with its quotes: `"5d41402a"`. */
  readonly etag: string
  /** Epoch milliseconds. */
  readonly modifiedAt: number
}

/** A file of bytes in memory; its tag is derived from the bytes. */
export function bytesFile(bytes: Uint8Array, about: Pick<ServedFile, 'mediaType' | 'modifiedAt'>): ServedFile {
  const digest = createHash('sha256').update(bytes).digest('hex')
  return { ...about, body: bytesBody(bytes), etag: `"${digest.slice(0, 32)}"` }
}

/** The parts of a request that select the bytes of a file. */
export interface FileRequest {
  readonly method: string
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Answers a GET with the whole file, with the part that `Range` requests (206), or with 416 for a part beyond the
 * file. Several ranges, a range in another unit, and one whose `If-Range` names another version are answered with the
 * whole file, as RFC 9110 allows.
 */
export function fileReply({ method, headers }: FileRequest, file: ServedFile): Reply {
  const { byteLength } = file.body
  const modified = new Date(file.modifiedAt).toUTCString()
  const shared = {
    'accept-ranges': 'bytes',
    etag: file.etag,
    'last-modified': modified,
    'content-type': file.mediaType,
  }
  const condition = headers['if-range']
  const isWanted = method === 'GET' && (condition === undefined || condition === file.etag || condition === modified)
  const range = isWanted ? parseByteRange(headers.range, byteLength) : undefined
  if (range === undefined) return { status: 200, headers: shared, body: file.body }
  if (range === 'unsatisfiable') {
    const body = bytesBody(new Uint8Array())
    return { status: 416, headers: { ...shared, 'content-range': `bytes */${byteLength}` }, body }
  }
  const { start, end } = range
  return {
    status: 206,
    headers: { ...shared, 'content-range': `bytes ${start}-${end - 1}/${byteLength}` },
    body: sliceBody(file.body, start, end),
  }
}

/**
 * Reads a `Range` header: `bytes=0-3` is `{ start: 0, end: 4 }`, `bytes=-2` the last two bytes, `bytes=2-` all from
 * the third on. `undefined` if it is missing or may be ignored.
 */
export function parseByteRange(
  header: string | undefined,
  byteLength: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const start = Math.max(0, byteLength - Number(last))
    return start < byteLength ? { start, end: byteLength } : 'unsatisfiable'
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= byteLength) return 'unsatisfiable'
  return { start, end: last === '' ? byteLength : Math.min(Number(last) + 1, byteLength) }
}
