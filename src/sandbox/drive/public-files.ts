import { fileReply } from '../file-reply.js'
import { type Reply, textReply } from '../reply.js'
import type { ReceivedRequest } from '../route.js'
import type { DriveStore } from './drive-store.js'

/** Paths of the public addresses of a file; the id is in the path or in the query. */
export const PUBLIC_FILE_PATH: RegExp = /^\/(?:file\/d\/([^/]+)\/view|uc)$/

/**
 * Serves the bytes of a file that anyone may read, with ranges. Both addresses serve the bytes; Google shows a page
 * with a player at the first one.
 */
export function publicFile(request: ReceivedRequest, store: DriveStore): Reply {
  const { pathname, query } = request
  const file = store.files.get(PUBLIC_FILE_PATH.exec(pathname)?.[1] ?? query.get('id') ?? '')
  if (file === undefined) return textReply(404, 'Not found')
  if (!file.permissions.some(({ type }) => type === 'anyone')) return textReply(403, 'You need access')
  const { body } = file.content
  if (body === undefined) return textReply(404, 'The file is too long for the sandbox to keep')
  return fileReply(request, { body, mediaType: file.mediaType, etag: `"${file.md5}"`, modifiedAt: file.createdAt })
}
