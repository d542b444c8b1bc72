import { randomUUID } from 'node:crypto'
import type { JsonObject, JsonValue } from '../contracts/json.js'
import type { SandboxEndpoint } from './fault.js'
import { isJsonObject } from './is-json-object.js'
import { emptyReply, jsonReply, type Reply } from './reply.js'
import type { Refusal, Router } from './route.js'

/** A published generation. */
export interface SandboxPost {
  /** `s_` and 32 hex digits. */
  readonly id: string
  readonly generationId: string
  readonly text: string
  /** Epoch milliseconds. */
  readonly postedAt: number
}

/** The posts of a sandbox. */
export interface PostsApi {
  readonly router: Router
  find(id: string): SandboxPost | undefined
  /** The generation of a post, also of a deleted one: mirrors keep their copies. */
  generationOf(id: string): string | undefined
}

/** Options of {@link postsApi}. */
export interface PostsApiOptions {
  readonly token: string
  /** Address of the video of a generation, if it is finished. */
  readonly videoUrl: (generationId: string) => string | undefined
}

/**
 * The post API of the Sora app: `POST /backend/project_y/post`, and `GET` and `DELETE` with the id of a post. Any generation
 * can be published; only those of the sandbox have a video. Source: TheSmallHanCat/sora2api and its forks.
 */
export function postsApi({ token, videoUrl }: PostsApiOptions): PostsApi {
  const posts = new Map<string, SandboxPost>()
  const generations = new Map<string, string>()

  const create = (body: JsonValue | undefined): Reply => {
    const { attachments_to_create: attachments, post_text: text = '' } = isJsonObject(body) ? body : {}
    const [attachment] = Array.isArray(attachments) && attachments.length === 1 ? attachments : []
    const { generation_id: generationId, kind } = isJsonObject(attachment) ? attachment : {}
    if (typeof generationId !== 'string' || generationId === '' || kind !== 'sora' || typeof text !== 'string') {
      return refuse(400, { message: 'Unable to process request', reason: 'invalid_request' })
    }
    const id = `s_${randomUUID().replaceAll('-', '')}`
    const post = { id, generationId, text, postedAt: Date.now() }
    posts.set(id, post)
    generations.set(id, generationId)
    return jsonReply(200, toJson(post))
  }

  const toJson = ({ id, generationId, text, postedAt }: SandboxPost): JsonObject => {
    const url = videoUrl(generationId) ?? null
    const attachment = { kind: 'sora', generation_id: generationId, url, downloadable_url: url, output_blocked: false }
    const permalink = `https://sora.chatgpt.com/p/${id}`
    return {
      post: { id, text, posted_at: postedAt / 1000, permalink, attachments: [attachment] },
      profile: { user_id: 'user-sandbox', username: 'sandbox' },
    }
  }

  const operations: readonly Operation[] = [
    {
      endpoint: 'posts.create',
      method: 'POST',
      path: /^\/backend\/project_y\/post$/,
      handle: (_, body) => create(body),
    },
    {
      endpoint: 'posts.get',
      method: 'GET',
      path: ONE,
      handle: (post) => (post ? jsonReply(200, toJson(post)) : NO_POST),
    },
    {
      endpoint: 'posts.delete',
      method: 'DELETE',
      path: ONE,
      handle: (post) => (post !== undefined && posts.delete(post.id) ? emptyReply(204) : NO_POST),
    },
  ]

  return {
    find: (id) => posts.get(id),
    generationOf: (id) => generations.get(id),
    router(method, pathname) {
      const found = operations.find((operation) => operation.method === method && operation.path.test(pathname))
      if (found === undefined) return undefined
      return {
        endpoint: found.endpoint,
        refuse,
        handle({ headers, body }) {
          if (headers.authorization !== `Bearer ${token}`) return WRONG_TOKEN
          return found.handle(posts.get(found.path.exec(pathname)?.[1] ?? ''), body)
        },
      }
    },
  }
}

interface Operation {
  readonly endpoint: SandboxEndpoint
  readonly method: string
  readonly path: RegExp
  readonly handle: (post: SandboxPost | undefined, body: JsonValue | undefined) => Reply
}

const ONE = /^\/backend\/project_y\/post\/([^/]+)$/

// The app puts the status beside the error.
const refuse: Refusal = (status, { message, reason }, headers) => {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error'
  return jsonReply(status, { error: { message, type, code: reason ?? null, param: null }, status }, headers)
}

const WRONG_TOKEN = refuse(401, {
  message: 'Your authentication token has been invalidated. Please try signing in again.',
  reason: 'token_invalidated',
})
const NO_POST = refuse(404, { message: 'Post not found', reason: 'not_found' })
