import type { JsonValue } from '../../contracts/json.js'
import { jsonReply } from '../reply.js'
import { bodyProblem, isImage, isRatio, isText, isWhole, newJob, objectIn, type ProviderFake } from './provider-fake.js'

const IMAGES: readonly JsonValue[] = ['first_frame', 'last_frame', 'reference_image']
const SOUNDS: readonly JsonValue[] = ['driving_audio', 'reference_audio']
// A sound is downloaded, so it has to be an address.
const isAddress = (value: JsonValue) => /^https?:\/\//.test(String(value))
const isEntry = (entry: JsonValue) =>
  bodyProblem(entry, { type: (type) => IMAGES.includes(type), url: isImage }) === undefined ||
  bodyProblem(entry, { type: (type) => SOUNDS.includes(type), url: isAddress }) === undefined
// Frames and references exclude each other.
const isMedia = (value: JsonValue) =>
  Array.isArray(value) &&
  value.every(isEntry) &&
  !['reference_', '_frame'].every((kind) =>
    value.some((entry: JsonValue) => String(objectIn(entry).type).includes(kind)),
  )
const INPUT = { prompt: isText, 'img_url?': isImage, 'audio_url?': isAddress, 'media?': isMedia } as const
const PARAMETERS = {
  'size?': (value: JsonValue) => /^\d+\*\d+$/.test(String(value)),
  'resolution?': (value: JsonValue) => /^\d+P$/.test(String(value)),
  'ratio?': isRatio,
  'duration?': isWhole,
  'seed?': isWhole,
} as const
// The video has the ratio of its image: such a model takes no size.
const isOfItsModel = (model: JsonValue, parameters: JsonValue) =>
  !/^wanx?2\.[0-6].*-i2v/.test(String(model)) || !Object.hasOwn(objectIn(parameters), 'size')
const SHAPE = {
  model: isText,
  input: (value: JsonValue) => bodyProblem(value, INPUT) === undefined,
  'parameters?': (value: JsonValue) => bodyProblem(value, PARAMETERS) === undefined,
} as const
const WORDS = { queued: 'PENDING', in_progress: 'RUNNING', completed: 'SUCCEEDED', failed: 'FAILED' } as const
const request_id = '7574ee8f-0000-4000-8000-11c33ab46e51'

const refuse: ProviderFake['refuse'] = (status, message) =>
  jsonReply(status, { code: 'InvalidParameter', message, request_id })

/** Wan at DashScope: the header for asynchronous calls is required, and a task that is gone is `UNKNOWN`. */
export const dashscope: ProviderFake = {
  isAllowed: ({ authorization }, apiKey) => authorization === `Bearer ${apiKey}`,
  refuse,
  operations: [
    {
      endpoint: 'dashscope.create',
      method: 'POST',
      path: /^\/services\/aigc\/video-generation\/video-synthesis$/,
      handle({ request, jobs }) {
        if (request.headers['x-dashscope-async'] !== 'enable') {
          return jsonReply(403, {
            code: 'AccessDenied',
            message: 'current user api does not support synchronous calls',
            request_id,
          })
        }
        const problem = bodyProblem(request.body, SHAPE)
        if (problem !== undefined) return refuse(400, problem)
        const { model, input, parameters } = objectIn(request.body)
        if (!isOfItsModel(model ?? null, parameters ?? {})) return refuse(400, `${String(model)} takes no size`)
        const job = newJob(jobs, objectIn(input).prompt, String(model), objectIn(parameters).duration ?? 4)
        return jsonReply(200, { output: { task_id: job.id, task_status: 'PENDING' }, request_id })
      },
    },
    {
      endpoint: 'dashscope.poll',
      method: 'GET',
      path: /^\/tasks\/([^/]+)$/,
      handle({ jobs, id, videoUrl }) {
        const job = jobs.find(id)
        if (job === undefined) return jsonReply(200, { output: { task_id: id, task_status: 'UNKNOWN' }, request_id })
        const state = job.state()
        const isBlocked = state.status === 'failed' && state.error.code === 'moderation_blocked'
        const output = {
          task_id: id,
          task_status: WORDS[state.status],
          ...(state.status === 'completed' && { video_url: videoUrl(id) ?? '' }),
          ...(state.status === 'failed' && {
            code: isBlocked ? 'DataInspectionFailed' : 'InternalError',
            message: state.error.message,
          }),
        }
        const duration = Number(job.seconds)
        const usage = { video_count: 1, duration, input_video_duration: 0, output_video_duration: duration, SR: 720 }
        return jsonReply(200, { output, request_id, ...(state.status === 'completed' && { usage }) })
      },
    },
    {
      endpoint: 'dashscope.cancel',
      method: 'POST',
      path: /^\/tasks\/([^/]+)\/cancel$/,
      handle({ jobs, id }) {
        if (jobs.find(id)?.state().status !== 'queued') {
          return jsonReply(400, {
            code: 'UnsupportedOperation',
            message: 'Failed to cancel the task, it is not PENDING',
            request_id,
          })
        }
        jobs.delete(id)
        return jsonReply(200, { request_id })
      },
    },
  ],
}
