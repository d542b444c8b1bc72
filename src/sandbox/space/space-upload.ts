import type { JsonObject } from '../../contracts/json.js'
import { contentSink } from '../drive/content-sink.js'
import type { DriveStore } from '../drive/drive-store.js'

/** Options of {@link spaceUpload}. */
export interface SpaceUploadOptions {
  readonly password: string
  readonly store: DriveStore
  /** Up to this length the bytes of a file are kept. */
  readonly keepBytes: number
  /** Origin of the server that serves the files. */
  readonly fileOrigin: string
  /** Ends a transfer when the sandbox closes. */
  readonly closing: AbortSignal
}

/** The inputs of a call. */
export interface SpaceUploadInputs {
  readonly url: string
  readonly password: string
  readonly userName: string
}

/**
 * Fetches a file from this machine, stores it in the Drive, and lets anyone read it. Every failure is a result: `{
 * status: 'error', message }`.
 */
export async function spaceUpload(inputs: SpaceUploadInputs, options: SpaceUploadOptions): Promise<JsonObject> {
  const { url, password, userName } = inputs
  if (password !== options.password) return failure('Wrong password')
  if (url === '') return failure('The URL is empty')
  if (!isOnThisMachine(url)) return failure('The sandbox only fetches from this machine')
  const { store, keepBytes, fileOrigin, closing } = options
  const sink = contentSink(keepBytes)
  let mediaType: string
  let name: string
  try {
    name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) || 'video.mp4')
    const response = await fetch(url, { signal: closing })
    if (!response.ok) return failure(`Could not fetch the file: ${response.status} ${response.statusText}`)
    mediaType = response.headers.get('content-type') ?? 'application/octet-stream'
    for await (const chunk of response.body ?? []) sink.write(chunk)
  } catch (error) {
    return failure(`Could not fetch the file: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!store.hasRoomFor(sink.byteLength)) return failure("The user's Drive storage quota has been exceeded.")
  const [id = ''] = store.generateIds(1)
  const file = store.add({ id, name, mediaType, parents: [store.folderId] }, sink.finish())
  file.permissions.push({ id: 'anyoneWithLink', type: 'anyone', role: 'reader' })
  const folder = new Date(file.createdAt).toISOString().slice(0, 10)
  return {
    status: 'success',
    filename: name,
    file_id: id,
    download_link: `${fileOrigin}/uc?id=${id}&export=download`,
    view_link: `${fileOrigin}/file/d/${id}/view`,
    folder,
    folder_path: userName === '' ? folder : `${userName}/${folder}`,
    ...(userName !== '' && { username: userName }),
  }
}

function failure(message: string): JsonObject {
  return { status: 'error', message }
}

function isOnThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && (hostname === '127.0.0.1' || hostname === 'localhost')
}
