import type { JsonObject, JsonValue } from '../../contracts/json.js'
import { jsonReply } from '../reply.js'
import type { VideoJob } from '../video-jobs.js'
import { isContent, promptIn } from './content-body.js'
import {
  bodyProblem,
  isRatio,
  isText,
  newJob,
  objectIn,
  type ProviderCall,
  type ProviderFake,
} from './provider-fake.js'

const SHAPE = {
  model: isText,
  content: isContent,
  duration: (value: JsonValue) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 15,
  resolution: (value: JsonValue) => value === '768P' || value === '2K',
  ratio: (value: JsonValue) => value === 'adaptive' || isRatio(value),
} as const
const WORDS = { queued: 'queued', in_progress: 'running', completed: 'succeeded', failed: 'failed' } as const
const FINE = { base_resp: { status_code: 0, status_msg: 'success' } } as const

const CODES: Readonly<Record<number, number>> = { 401: 1004, 429: 1002 }

// An invalid request has the status 200 and a code.
const refuse: ProviderFake['refuse'] = (status, status_msg) => {
  const isInvalid = status === 400 || status === 404
  return jsonReply(isInvalid ? 200 : status, {
    base_resp: { status_code: isInvalid ? 2013 : (CODES[status] ?? 1000), status_msg },
  })
}

function taskOf(job: VideoJob, { videoUrl }: ProviderCall): JsonObject {
  const state = job.state()
  const isBlocked = state.status === 'failed' && state.error.code === 'moderation_blocked'
  return {
    id: job.id,
    model: job.model,
    status: WORDS[state.status],
    created_at: Math.floor(job.createdAt / 1000),
    ...(state.status === 'completed' && {
      content: { url: videoUrl(job.id) ?? '' },
      usage: { total_seconds: Number(job.seconds), input_seconds: 0, output_seconds: Number(job.seconds) },
    }),
    ...(state.status === 'failed' && {
      error: { code: isBlocked ? 'content_moderation_failed' : 'internal_error', message: state.error.message },
    }),
  }
}

/** MiniMax, video generation V2: tasks are listed, with their prompts, and cancelled. */
export const minimax: ProviderFake = {
  isAllowed: ({ authorization }, apiKey) => authorization === `Bearer ${apiKey}`,
  refuse,
  operations: [
    {
      endpoint: 'minimax.create',
      method: 'POST',
      path: /^\/v2\/video_generation$/,
      handle({ request, jobs }) {
        const problem = bodyProblem(request.body, SHAPE)
        if (problem !== undefined) return refuse(400, `invalid params, ${problem}`)
        const { model, content, duration = 4 } = objectIn(request.body)
        return jsonReply(200, { task_id: newJob(jobs, promptIn(content), String(model), duration).id, ...FINE })
      },
    },
    {
      endpoint: 'minimax.list',
      method: 'GET',
      path: /^\/v2\/query\/video_generation$/,
      handle(call) {
        const { query } = call.request
        const [page, size] = [Number(query.get('page_num') ?? 1), Number(query.get('page_size') ?? 10)]
        const all = call.jobs.list().toReversed()
        const tasks = all
          .slice((page - 1) * size, page * size)
          .map((job) => ({ ...taskOf(job, call), prompt: job.prompt }))
        return jsonReply(200, { tasks, total: all.length, ...FINE })
      },
    },
    {
      endpoint: 'minimax.poll',
      method: 'GET',
      path: /^\/v2\/query\/video_generation\/([^/]+)$/,
      handle(call) {
        const job = call.jobs.find(call.id)
        return job === undefined ? refuse(404, 'invalid task_id') : jsonReply(200, { task: taskOf(job, call), ...FINE })
      },
    },
    {
      endpoint: 'minimax.delete',
      method: 'DELETE',
      path: /^\/v2\/video_generation\/([^/]+)$/,
      handle({ jobs, id }) {
        if (jobs.find(id) === undefined) return refuse(404, 'invalid task_id')
        jobs.delete(id)
        return jsonReply(200, FINE)
      },
    },
  ],
}
