import type { JsonObject, JsonValue } from '../../contracts/json.js'
import { jsonReply } from '../reply.js'
import type { VideoJob } from '../video-jobs.js'
import {
  bodyProblem,
  isFlag,
  isRatio,
  isText,
  isWhole,
  newJob,
  objectIn,
  type ProviderFake,
  type ProviderOperation,
} from './provider-fake.js'

const IMAGE = { type: (type: JsonValue) => type === 'image', mime_type: isText, data: isText } as const
const TEXT = { type: (type: JsonValue) => type === 'text', text: isText } as const
const FORMAT = {
  type: (type: JsonValue) => type === 'video',
  'delivery?': (mode: JsonValue) => mode === 'uri' || mode === 'inline',
  'aspect_ratio?': isRatio,
  'resolution?': (value: JsonValue) => ['360p', '720p', '1080p', '4k'].includes(String(value)),
  // A duration of protobuf: a bare number is refused.
  'duration?': (value: JsonValue) => /^\d+(?:\.\d+)?s$/.test(String(value)),
} as const
const isInput = (value: JsonValue) =>
  Array.isArray(value) &&
  value.every((entry: JsonValue) => bodyProblem(entry, IMAGE) === undefined || bodyProblem(entry, TEXT) === undefined)
const CONFIG = {
  'seed?': isWhole,
  'video_config?': (config: JsonValue) => bodyProblem(config, { task: isText }) === undefined,
} as const
const SHAPE = {
  model: isText,
  input: isInput,
  background: isFlag,
  'previous_interaction_id?': isText,
  'generation_config?': (value: JsonValue) => bodyProblem(value, CONFIG) === undefined,
  response_format: (value: JsonValue) => bodyProblem(value, FORMAT) === undefined,
} as const
const WORDS = { queued: 'queued', in_progress: 'in_progress', completed: 'completed', failed: 'failed' } as const

/** The Interactions API, which Gemini Omni has in place of operations. */
export function interactions(refuse: ProviderFake['refuse']): readonly ProviderOperation[] {
  const unknown = () => refuse(400, 'Invalid interaction name')
  return [
    {
      endpoint: 'gemini.create',
      method: 'POST',
      path: /^\/interactions$/,
      handle({ request, jobs, base }) {
        const problem = bodyProblem(request.body, SHAPE)
        if (problem !== undefined) return refuse(400, problem)
        const {
          model,
          input,
          background,
          response_format: format,
          previous_interaction_id: former,
        } = objectIn(request.body)
        if (background !== true) return refuse(400, 'The sandbox has background interactions alone')
        if (former !== undefined && jobs.find(String(former)) === undefined) return unknown()
        const prompt = (input as readonly JsonValue[]).map((entry) => objectIn(entry).text).find(isGiven)
        const seconds = Number.parseFloat(String(objectIn(format).duration ?? '4s'))
        const job = newJob(jobs, prompt, String(model), Math.ceil(seconds))
        return jsonReply(200, interaction(job, base))
      },
    },
    {
      endpoint: 'gemini.poll',
      method: 'GET',
      path: /^\/interactions\/([^/]+)$/,
      handle({ jobs, id, base }) {
        const job = jobs.find(id)
        return job === undefined ? unknown() : jsonReply(200, interaction(job, base))
      },
    },
    {
      endpoint: 'gemini.cancel',
      method: 'POST',
      path: /^\/interactions\/([^/]+)\/cancel$/,
      handle({ jobs, id }) {
        const job = jobs.find(id)
        if (job === undefined) return unknown()
        jobs.delete(id)
        return jsonReply(200, { id, status: 'cancelled', model: job.model })
      },
    },
  ]
}

const isGiven = (value: JsonValue | undefined) => value !== undefined

// The steps of an interaction show its input first. A filtered one is completed with a text.
function interaction(job: VideoJob, base: string): JsonObject {
  const state = job.state()
  const isFiltered = state.status === 'failed' && state.error.code === 'moderation_blocked'
  const input = { type: 'user_input', content: [{ type: 'text', text: job.prompt }] }
  const said = { type: 'text', text: 'I cannot make this video.' }
  const video = { type: 'video', mime_type: 'video/mp4', uri: `${base}/files/${job.id}:download?alt=media` }
  const isOver = state.status === 'completed' || isFiltered
  return {
    id: job.id,
    object: 'interaction',
    model: job.model,
    status: isFiltered ? 'completed' : WORDS[state.status],
    ...(isOver && { usage: { total_tokens: 5_802, total_input_tokens: 12, total_output_tokens: 5_790 } }),
    steps: [input, ...(isOver ? [{ type: 'model_output', content: [isFiltered ? said : video] }] : [])],
    ...(state.status === 'failed' && !isFiltered && { error: { code: 'internal', message: state.error.message } }),
  }
}
