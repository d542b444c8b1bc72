import type { SandboxEndpoint } from './fault.js'
import { bytesFile, fileReply } from './file-reply.js'
import { textReply } from './reply.js'
import type { Router } from './route.js'

/** A finished video on a mirror. */
export interface MirroredVideo {
  readonly bytes: Uint8Array
  /** Epoch milliseconds. */
  readonly completedAt: number
}

/** A mirror that serves `/MP4/{id}.mp4` of every finished video, without a key. The whole server is one endpoint. */
export function mirror(endpoint: SandboxEndpoint, find: (id: string) => MirroredVideo | undefined): Router {
  return (method, pathname) => ({
    endpoint,
    handle(request) {
      if (method !== 'GET' && method !== 'HEAD') return textReply(405, 'Method not allowed')
      const video = find(/^\/MP4\/([^/]+)\.mp4$/.exec(pathname)?.[1] ?? '')
      if (video === undefined) return textReply(404, 'Not found')
      return fileReply(request, bytesFile(video.bytes, { mediaType: 'video/mp4', modifiedAt: video.completedAt }))
    },
  })
}
