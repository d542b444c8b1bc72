import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from '../../contracts/json.js'
import type { FileServer } from '../file-server.js'
import { isJsonObject } from '../is-json-object.js'
import { type Answer, eventsReply, jsonReply, type Reply } from '../reply.js'
import type { ReceivedRequest, Refusal, Router } from '../route.js'
import { dataEvent } from '../server-sent-event.js'
import type { VideoJob, VideoJobs } from '../video-jobs.js'
import { type ChatChunks, type ChatVideo, chatChunks } from './chat-chunk.js'
import { CHAT_TIMEOUT, chatRefusal, failedJobFrame } from './chat-failure.js'
import { type ChatRequest, parseChatRequest } from './chat-request.js'
import { CHAT_MODELS, type ChatVariant } from './chat-variant.js'

/** Options of {@link chatApi}. */
export interface ChatApiOptions {
  readonly jobs: VideoJobs
  readonly apiKey: string
  /** Form of the answers for models that do not name one. */
  readonly variant: ChatVariant
  /** Where finished videos are stored. */
  readonly files: Pick<FileServer, 'put'>
  /** Address of a file there. */
  readonly fileUrl: (name: string) => string
  /** Called with the job of each chunk's id. */
  readonly onChunk: (id: string, job: VideoJob) => void
}

const LOOK_MS = 10
const PROGRESS_STEP = 10

/**
 * A chat upstream of the sora2api family: `POST /v1/chat/completions`, which streams progress as prose and ends with
 * the address of a real video, and `GET /v1/models`. Words in a prompt make it fail as the family does:
 * `moderation-blocked`, `generation-failed`, `no-account`, `heavy-load`, `unsupported-country`, `upstream-timeout`,
 * `no-url`. A client that disconnects does not stop the job. Source: TheSmallHanCat/sora2api and its forks.
 */
export function chatApi({ jobs, apiKey, variant, files, fileUrl, onChunk }: ChatApiOptions): Router {
  let lastStamp = 0
  // The family numbers its answers by the time; here each has its own number.
  const nextId = () => {
    lastStamp = Math.max(lastStamp + 1, Date.now())
    return `chatcmpl-${lastStamp}`
  }

  const publish = (job: VideoJob, bytes: Uint8Array): ChatVideo => {
    files.put(`chat/${job.id}.mp4`, bytes)
    files.put(`chat/${job.id}-original.mp4`, bytes)
    return {
      taskId: job.id,
      url: fileUrl(`chat/${job.id}.mp4`),
      originalUrl: fileUrl(`chat/${job.id}-original.mp4`),
    }
  }

  const start = ({ prompt, model: { id, seconds, size } }: ChatRequest) => {
    return jobs.create({ prompt, model: id, seconds, size })
  }

  async function* events({ prompt }: ChatRequest, job: VideoJob, chunks: ChatChunks, signal: AbortSignal) {
    yield* chunks.begin()
    let reported = 0
    let state = job.state()
    while (!('video' in state || 'error' in state)) {
      if (state.progress >= reported + PROGRESS_STEP) {
        reported = state.progress - (state.progress % PROGRESS_STEP)
        yield* chunks.progress(reported, 'processing')
      }
      await delay(LOOK_MS, undefined, { signal })
      state = job.state()
    }
    if (state.status === 'failed') {
      const { code, message } = state.error
      if (code === 'moderation_blocked') {
        yield* chunks.finishWith(
          `❌ 生成失败: ${message}`,
          '**Content Policy Violation**\n\nThe content was rejected.\n',
        )
      } else yield failedJobFrame({ code, message })
    } else if (prompt.includes('upstream-timeout')) yield CHAT_TIMEOUT
    else if (prompt.includes('no-url')) yield* chunks.finishWith('The generation has ended.')
    else {
      yield* chunks.progress(100, 'completed')
      yield* chunks.finish(publish(job, state.video))
    }
  }

  const complete = async ({ body, signal }: ReceivedRequest): Promise<Answer> => {
    const parsed = parseChatRequest(body)
    if ('refusal' in parsed) return parsed.refusal
    const { request } = parsed
    const form = request.model.variant ?? variant
    if (!request.isStreamed && form !== 'seed') return completion(nextId(), 'sora', AVAILABLE)
    const refusal = chatRefusal(request.prompt)
    if (refusal !== undefined) return eventsReply(framesOf([refusal]))
    const job = start(request)
    const newId = () => {
      const id = nextId()
      onChunk(id, job)
      return id
    }
    const frames = events(request, job, chatChunks(form, newId), signal)
    return request.isStreamed ? eventsReply(framesOf(frames)) : seedCompletion(frames, nextId())
  }

  const models = () => {
    const data = CHAT_MODELS.map(({ id }) => ({ id, object: 'model', owned_by: 'sora2api', description: id }))
    return jsonReply(200, { object: 'list', data })
  }

  return (method, pathname) => {
    const isChat = method === 'POST' && pathname === '/v1/chat/completions'
    if (!isChat && !(method === 'GET' && pathname === '/v1/models')) return undefined
    return {
      endpoint: isChat ? 'chat' : 'chat.models',
      refuse: isChat ? undefined : refuse,
      handle(request) {
        const { authorization } = request.headers
        if (authorization === undefined) return jsonReply(403, { detail: 'Not authenticated' })
        if (authorization !== `Bearer ${apiKey}`) return jsonReply(401, { detail: 'Invalid API key' })
        return isChat ? complete(request) : models()
      },
    }
  }
}

const refuse: Refusal = (status, { message }, headers) => jsonReply(status, { detail: message }, headers)

async function* framesOf(
  frames: Iterable<JsonObject> | AsyncIterable<JsonObject>,
): AsyncGenerator<string, void, undefined> {
  for await (const frame of frames) yield dataEvent(frame)
  yield 'data: [DONE]\n\n'
}

// The seed promises the address also to clients that do not stream.
async function seedCompletion(frames: AsyncIterable<JsonObject>, id: string): Promise<Reply> {
  let last: JsonObject = {}
  for await (const frame of frames) last = frame
  const [choice] = Array.isArray(last.choices) ? last.choices : []
  const delta = isJsonObject(choice) ? choice.delta : undefined
  const content = isJsonObject(delta) ? delta.content : undefined
  return typeof content === 'string' ? completion(id, 'sora-1.0', content) : jsonReply(500, last)
}

function completion(id: string, model: string, content: string): Reply {
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
  return jsonReply(200, { id, object: 'chat.completion', created: Math.floor(Date.now() / 1000), model, choices })
}

// The family's answer without a stream: nothing is generated, and the status is still 200.
const AVAILABLE = 'Accounts for video generation are available. Turn streaming on to generate a video.'
