import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { extname, resolve, sep } from 'node:path'
import { bytesFile, fileReply, type ServedFile } from './file-reply.js'
import { textReply } from './reply.js'
import type { Router } from './route.js'

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.webm': 'video/webm',
  '.mov': 'video/quicktime',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
}

/** Files in memory and, if a directory is given, on the disk. */
export interface FileServer {
  readonly router: Router
  /** Adds or replaces a file in memory; it takes precedence over one of the same name on the disk. */
  put(name: string, bytes: Uint8Array, mediaType?: string): void
}

/** A server of files, without a key. The whole server is one endpoint. */
export function fileServer({ directory }: { readonly directory?: string | undefined } = {}): FileServer {
  const files = new Map<string, ServedFile>()

  const find = async (name: string) => {
    return files.get(name) ?? (directory === undefined ? undefined : findOnDisk(directory, name))
  }

  return {
    put(name, bytes, mediaType = mediaTypeOf(name)) {
      files.set(name, bytesFile(bytes, { mediaType, modifiedAt: Date.now() }))
    },
    router: (method, pathname) => ({
      endpoint: 'files',
      async handle(request) {
        if (method !== 'GET' && method !== 'HEAD') return textReply(405, 'Method not allowed')
        const name = decodeName(pathname.slice(1))
        const file = name === undefined ? undefined : await find(name)
        return file === undefined ? textReply(404, 'Not found') : fileReply(request, file)
      },
    }),
  }
}

// Hidden files are not served: an upload in progress is one.
async function findOnDisk(directory: string, name: string): Promise<ServedFile | undefined> {
  if (name.split(/[\\/]/).some((segment) => segment === '' || segment.startsWith('.')) || name.includes('\0')) {
    return undefined
  }
  try {
    const root = await realpath(directory)
    const path = await realpath(resolve(root, name))
    const stats = await stat(path)
    const { size, mtimeMs } = stats
    // A link inside the directory may lead out of it.
    if (!stats.isFile() || !path.startsWith(root + sep)) return undefined
    return {
      body: {
        byteLength: size,
        read: (start, end) => (start < end ? createReadStream(path, { start, end: end - 1 }) : []),
      },
      mediaType: mediaTypeOf(name),
      etag: `"${size.toString(16)}-${Math.round(mtimeMs * 1000).toString(16)}"`,
      modifiedAt: mtimeMs,
    }
  } catch (error) {
    // Missing, or removed meanwhile: the answer is the same. Any other error is a fault of the machine and must be
    // visible.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined
    throw error
  }
}

function decodeName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    // An invalid percent escape: no file has such a name.
    return undefined
  }
}

function mediaTypeOf(name: string): string {
  return MEDIA_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream'
}
