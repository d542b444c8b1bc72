import { isJsonObject } from './is-json-object.js'
import { jsonReply, type Reply } from './reply.js'
import type { Refusal, Router } from './route.js'

/** Options of {@link parseServer}. */
export interface ParseServerOptions {
  readonly token: string
  /** Address of the video of a post, if there is one. */
  readonly videoUrl: (postId: string) => string | undefined
}

/** A parse server: `POST /get-sora-link {url, token}` answers `{download_link}`. Source: tibbar213/sora-downloader. */
export function parseServer({ token, videoUrl }: ParseServerOptions): Router {
  return (method, pathname) => {
    if (method !== 'POST' || pathname !== '/get-sora-link') return undefined
    return {
      endpoint: 'parser',
      refuse,
      handle({ body }) {
        const fields = isJsonObject(body) ? body : {}
        if (fields.token !== token) return failure(401, 'Invalid or missing token')
        if (typeof fields.url !== 'string' || fields.url === '') return failure(400, 'No URL given')
        const id = /\/p\/([a-zA-Z0-9_]+)/.exec(fields.url)?.[1]
        if (id === undefined) return failure(400, 'Invalid Sora URL')
        const link = videoUrl(id)
        return link === undefined
          ? failure(500, 'No download link in the answer')
          : jsonReply(200, { download_link: link })
      },
    }
  }
}

const refuse: Refusal = (status, { message }, headers) => jsonReply(status, { error: message }, headers)

function failure(status: number, message: string): Reply {
  return refuse(status, { message })
}
