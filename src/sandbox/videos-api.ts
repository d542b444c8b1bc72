import type { SandboxEndpoint } from './fault.js'
import { bytesFile, fileReply } from './file-reply.js'
import { openAiError } from './openai-error.js'
import { jsonReply, type Reply } from './reply.js'
import type { ReceivedRequest, Router } from './route.js'
import { VIDEO_DIALECTS, type VideoDialect } from './video-dialect.js'
import type { VideoJob, VideoJobs } from './video-jobs.js'
import { CONTENT_LIFETIME_MS, toVideoObject } from './video-object.js'
import { isPicture, videoPicture } from './video-pictures.js'
import { type ParsedVideoRequest, parseRemix } from './video-request.js'

/** Options of {@link videosApi}. */
export interface VideosApiOptions {
  readonly jobs: VideoJobs
  readonly apiKey: string
  /** Sent as `openai-poll-after-ms` with every unfinished job, alone or in a list; not sent if absent. */
  readonly pollAfterMs?: number | undefined
  /** @defaultValue that of OpenAI */
  readonly dialect?: VideoDialect | undefined
  /** Epoch milliseconds. */
  readonly now?: (() => number) | undefined
}

interface Operation {
  readonly endpoint: SandboxEndpoint
  readonly methods: readonly string[]
  /** Its group, if any, is the id. */
  readonly path: RegExp
  readonly handle: (request: ReceivedRequest, job: () => VideoJob | undefined) => Reply
}

/**
 * The operations of OpenAI's `/v1/videos`. Wire format: OpenAI's OpenAPI description and its official clients. An
 * input file is only recorded in the log of the sandbox, not drawn.
 */
export function videosApi(options: VideosApiOptions): Router {
  const { jobs, apiKey, pollAfterMs, dialect = VIDEO_DIALECTS.openai, now = Date.now } = options
  const submissions = new Map<string, { readonly job: VideoJob; readonly fingerprint: string }>()

  const pollHint = (reported: readonly VideoJob[]): Record<string, string> => {
    const isPending = reported.some((job) => ['queued', 'in_progress'].includes(job.state().status))
    return isPending && pollAfterMs !== undefined ? { 'openai-poll-after-ms': String(pollAfterMs) } : {}
  }

  const videoReply = ({ headers }: ReceivedRequest, job: VideoJob, isNew = false) => {
    const reply = dialect.reply(job, { isNew, host: headers.host ?? '' })
    return { ...reply, headers: { ...reply.headers, ...pollHint([job]) } }
  }

  const submit = (request: ReceivedRequest, parsed: ParsedVideoRequest) => {
    const { headers, pathname, body } = request
    if ('problem' in parsed) return dialect.refuse(parsed.problem)
    const key = headers['idempotency-key']
    const fingerprint = JSON.stringify([pathname, body])
    const earlier = key === undefined ? undefined : submissions.get(key)
    if (earlier !== undefined && earlier.fingerprint !== fingerprint) return KEY_REUSED
    if (earlier !== undefined && jobs.find(earlier.job.id) !== undefined) return videoReply(request, earlier.job)
    const job = jobs.create(parsed.request)
    if (key !== undefined) submissions.set(key, { job, fingerprint })
    return videoReply(request, job, true)
  }

  const remix = (request: ReceivedRequest, original: VideoJob) => {
    if (original.state().status === 'completed') return submit(request, parseRemix(request, original))
    return openAiError(400, { message: 'Only a completed video can be remixed', code: 'video_not_completed' })
  }

  const list = ({ query }: ReceivedRequest) => {
    const limit = query.get('limit') ?? '20'
    const order = query.get('order') ?? 'desc'
    const after = query.get('after')
    if (!/^\d{1,3}$/.test(limit) || Number(limit) > 100) return wrongQuery('limit', 'a number from 0 to 100')
    if (order !== 'asc' && order !== 'desc') return wrongQuery('order', "'asc' or 'desc'")
    const all = order === 'asc' ? jobs.list() : jobs.list().toReversed()
    const position = all.findIndex(({ id }) => id === after)
    if (after !== null && position < 0) return wrongQuery('after', 'the id of a video')
    const page = all.slice(position + 1, position + 1 + Number(limit))
    const hasMore = position + 1 + page.length < all.length
    const data = page.map(toVideoObject)
    const ids = { first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null }
    return jsonReply(200, { object: 'list', data, ...ids, has_more: hasMore }, pollHint(page))
  }

  const content = (request: ReceivedRequest, job: VideoJob) => {
    const variant = request.query.get('variant') ?? 'video'
    const hasPictures = !dialect.lacks.includes('pictures')
    if (variant !== 'video' && !(hasPictures && isPicture(variant))) {
      return wrongQuery('variant', hasPictures ? "'video', 'thumbnail' or 'spritesheet'" : "'video'")
    }
    const state = job.state()
    if (state.status === 'failed') return openAiError(400, { message: 'The video failed', code: 'video_failed' })
    if (state.status !== 'completed') {
      return openAiError(404, { message: 'The video is not ready yet', code: 'video_not_ready' })
    }
    if (now() >= state.completedAt + CONTENT_LIFETIME_MS) {
      return openAiError(404, { message: 'The video has expired', code: 'video_expired' })
    }
    if (variant !== 'video') return fileReply(request, videoPicture(variant, state.completedAt))
    return fileReply(request, bytesFile(state.video, { mediaType: 'video/mp4', modifiedAt: state.completedAt }))
  }

  const remove = (job: VideoJob) => {
    jobs.delete(job.id)
    if (dialect.deleted !== undefined) return dialect.deleted(job)
    return jsonReply(200, { id: job.id, object: 'video.deleted', deleted: true })
  }

  const withJob = (handle: (request: ReceivedRequest, job: VideoJob) => Reply): Operation['handle'] => {
    return (request, find) => {
      const job = find()
      return job === undefined ? NO_VIDEO : handle(request, job)
    }
  }

  const one = /^\/v1\/videos\/([^/]+)$/
  const operations: readonly Operation[] = [
    {
      endpoint: 'videos.create',
      methods: ['POST'],
      path: ALL,
      handle: (request) => submit(request, dialect.parse(request)),
    },
    { endpoint: 'videos.list', methods: ['GET'], path: ALL, handle: list },
    { endpoint: 'videos.retrieve', methods: ['GET'], path: one, handle: withJob(videoReply) },
    { endpoint: 'videos.delete', methods: ['DELETE'], path: one, handle: withJob((_, job) => remove(job)) },
    {
      endpoint: 'videos.content',
      methods: ['GET', 'HEAD'],
      path: /^\/v1\/videos\/([^/]+)\/content$/,
      handle: withJob(content),
    },
    { endpoint: 'videos.remix', methods: ['POST'], path: /^\/v1\/videos\/([^/]+)\/remix$/, handle: withJob(remix) },
  ]

  return (method, pathname) => {
    const operation = operations.find(({ methods, path }) => methods.includes(method) && path.test(pathname))
    if (operation === undefined) return undefined
    if (dialect.lacks.some((name) => operation.endpoint === `videos.${name}`)) return undefined
    const { endpoint, path, handle } = operation
    return {
      endpoint,
      handle(request) {
        if (request.headers.authorization !== `Bearer ${apiKey}`) return WRONG_KEY
        return handle(request, () => jobs.find(path.exec(pathname)?.[1] ?? ''))
      },
    }
  }
}

const ALL = /^\/v1\/videos$/

// The same for a missing and a wrong key, so that an answer reveals nothing about keys.
const WRONG_KEY = openAiError(401, { message: 'Incorrect API key provided', code: 'invalid_api_key' })
const NO_VIDEO = openAiError(404, { message: 'The video does not exist', code: 'video_not_found' })
const KEY_REUSED = openAiError(422, {
  message: 'The idempotency key was used with another request',
  code: 'idempotency_key_reused',
})

function wrongQuery(param: string, expected: string): Reply {
  return openAiError(400, {
    message: `Invalid value for '${param}': expected ${expected}`,
    param,
    code: 'invalid_value',
  })
}
