import type { JsonObject } from '../../contracts/json.js'
import { jsonReply, type Reply } from '../reply.js'
import type { VideoJob } from '../video-jobs.js'
import {
  bodyProblem,
  isImage,
  isRatio,
  isText,
  isWhole,
  newJob,
  objectIn,
  type ProviderCall,
  type ProviderFake,
} from './provider-fake.js'

const INPUT = {
  prompt: isText,
  'image?': isImage,
  'duration?': isWhole,
  'aspect_ratio?': isRatio,
  'seed?': isWhole,
} as const
const DEADLINE = /^(?:\d+h)?(?:\d+m)?(?:\d+s)?$/
const WORDS = { queued: 'starting', in_progress: 'processing', completed: 'succeeded', failed: 'failed' } as const

const refuse: ProviderFake['refuse'] = (status, detail) => jsonReply(status, { title: 'Refused', detail, status })

function predictionOf(job: VideoJob, { base, videoUrl }: ProviderCall): JsonObject {
  const state = job.state()
  const url = `${base}/predictions/${job.id}`
  return {
    id: job.id,
    model: job.model,
    input: { prompt: job.prompt },
    status: WORDS[state.status],
    output: state.status === 'completed' ? (videoUrl(job.id) ?? null) : null,
    error: state.status === 'failed' ? `${state.error.message} (${state.error.code})` : null,
    logs: '',
    ...(state.status === 'completed' && { metrics: { predict_time: 12.5, total_time: 14 } }),
    urls: { get: url, cancel: `${url}/cancel`, web: `https://replicate.example/p/${job.id}` },
  }
}

function create(call: ProviderCall, model: string, shape: Parameters<typeof bodyProblem>[1]): Reply {
  const { request, jobs } = call
  const deadline = request.headers['cancel-after']
  if (deadline !== undefined && !DEADLINE.test(deadline)) return refuse(400, 'Cancel-After is not a duration')
  const input = objectIn(objectIn(request.body).input)
  const problem = bodyProblem(request.body, shape) ?? bodyProblem(input, INPUT)
  if (problem !== undefined) return refuse(422, problem)
  return jsonReply(201, predictionOf(newJob(jobs, input.prompt, model, input.duration ?? 4), call))
}

const WEBHOOK = { 'webhook?': isText, 'webhook_events_filter?': (value: unknown) => Array.isArray(value) } as const
const isObject = (value: unknown) => typeof value === 'object'
const find = (call: ProviderCall, handle: (job: VideoJob) => Reply) => {
  const job = call.jobs.find(call.id)
  return job === undefined ? refuse(404, 'The requested resource could not be found.') : handle(job)
}

/** Replicate's predictions. */
export const replicate: ProviderFake = {
  isAllowed: ({ authorization }, apiKey) => authorization === `Bearer ${apiKey}`,
  refuse,
  operations: [
    {
      endpoint: 'replicate.create',
      method: 'POST',
      path: /^\/models\/([^/]+\/[^/]+)\/predictions$/,
      handle: (call) => create(call, call.id, { input: isObject, ...WEBHOOK }),
    },
    {
      endpoint: 'replicate.create',
      method: 'POST',
      path: /^\/predictions$/,
      handle: (call) =>
        create(call, String(objectIn(call.request.body).version), { version: isText, input: isObject, ...WEBHOOK }),
    },
    {
      endpoint: 'replicate.poll',
      method: 'GET',
      path: /^\/predictions\/([^/]+)$/,
      handle: (call) => find(call, (job) => jsonReply(200, predictionOf(job, call))),
    },
    {
      endpoint: 'replicate.cancel',
      method: 'POST',
      path: /^\/predictions\/([^/]+)\/cancel$/,
      handle: (call) =>
        find(call, (job) => {
          const prediction = predictionOf(job, call)
          call.jobs.delete(job.id)
          return jsonReply(200, { ...prediction, status: 'canceled' })
        }),
    },
  ],
}
